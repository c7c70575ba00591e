//! A wrong configuration fails when it is made. The tests pin the messages.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures::future::join_all;
use http::{Method, StatusCode};
use tower_webhook::{Access, ConfigError, Late, Provider, Received, Rules, Secrets, WebhookLayer};

use crate::util::{
    ALEGRA, Does, Handler, NORTH, Other, SECRET, alegra, bsale, custom, ms, post, quiet_panics,
    send,
};

#[track_caller]
fn says<T>(result: Result<T, ConfigError>, sentence: &str) {
    match result {
        Ok(_) => panic!("it was taken"),
        Err(error) => assert_eq!(error.to_string(), sentence),
    }
}

/// Setters panic with such a sentence.
#[track_caller]
fn panics<T>(set: impl FnOnce() -> T, sentence: &str) {
    quiet_panics();
    let panic = catch_unwind(AssertUnwindSafe(set)).err().expect("a panic");
    let text = panic.downcast::<String>().map(|text| *text);
    let text = text.or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()));
    let text = text.expect("a text");
    assert!(text.starts_with(sentence), "{text}");
}

#[test]
fn a_deadline_stays_under_what_the_provider_waits() {
    let _ = alegra().deadline(ms(4999));
    for seconds in [5, 6, 3600] {
        panics(
            || alegra().deadline(Duration::from_secs(seconds)),
            &format!(
                "a deadline of {seconds}s is too long: alegra gives up after 5s, and the network \
                 needs part of that"
            ),
        );
    }
    panics(
        || bsale().deadline(Duration::ZERO),
        "a deadline of zero would leave the handler no time at all",
    );
    let _ = bsale().deadline(Duration::MAX);
}

#[test]
fn limits_of_zero_are_mistakes() {
    panics(
        || alegra().body_limit(0),
        "a body_limit of zero would refuse every delivery",
    );
    panics(
        || alegra().handler_limit(Duration::ZERO),
        "a handler_limit of zero would end every handler; leave it out for no limit",
    );
    for handlers in [0, usize::MAX] {
        panics(
            || alegra().max_in_flight(handlers),
            "max_in_flight has to be between 1 and ",
        );
    }
}

#[test]
fn a_secret_is_long_and_needs_no_encoding() {
    assert!(Access::try_path(["0123456789-._~aZ"]).is_ok());
    says(
        Access::try_path(["0123456789abcde"]),
        "secret 1 has 15 bytes; it needs at least 16, and 32 hex characters are best",
    );
    for character in ['/', '?', '%', '&', '=', ' ', '+', 'ñ', '\n'] {
        says(
            Access::try_path([
                ("shop", SECRET.to_owned()),
                ("shop-2", format!("{SECRET}{character}")),
            ]),
            "secret 2 (label \"shop-2\") has a character other than A-Z a-z 0-9 - . _ ~, \
             which a URL would encode",
        );
    }
}

#[test]
fn access_is_never_left_open_by_accident() {
    let none = "access needs at least one secret; write Access::open() for no credential, \
                or pass a Secrets handle, which may be empty";
    says(Access::try_path(Vec::<String>::new()), none);
    says(Access::try_path([""; 0]), none);
    says(Access::try_query("token", Vec::<String>::new()), none);
    says(Access::try_query("token", [""; 0]), none);
    panics(|| Access::path([""; 0]), none);
    says(
        Access::try_query("to ken", [SECRET]),
        "the name of the query parameter has to be made of A-Z a-z 0-9 - . _ ~",
    );
    says(
        Access::try_path([("a", SECRET), ("b", SECRET)]),
        "secret 2 (label \"b\") is there already, under another label; \
         give each tenant a secret of its own",
    );
    assert!(Access::try_path([("a", SECRET), ("a", SECRET)]).is_ok());
    says(
        Access::try_path([("a", SECRET), ("", NORTH)]),
        "secret 2 (label \"\") has an empty label; name the tenant, or leave the label out",
    );
}

#[test]
fn secrets_are_checked_at_run_time_as_at_the_start() {
    for (secret, problem) in [
        (
            ("shop", "0123456789abcde"),
            "(label \"shop\") has 15 bytes; it needs at least 16, and 32 hex characters are best",
        ),
        (
            ("shop", "0123456789abcde/"),
            "(label \"shop\") has a character other than A-Z a-z 0-9 - . _ ~, \
             which a URL would encode",
        ),
        (
            ("", SECRET),
            "(label \"\") has an empty label; name the tenant, or leave the label out",
        ),
        (
            ("shop", NORTH),
            "(label \"shop\") is there already, under another label; \
             give each tenant a secret of its own",
        ),
    ] {
        let secrets = Secrets::new([("north", NORTH)]);
        says(secrets.insert(secret), &format!("the secret {problem}"));
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
        let list = [("north", NORTH), secret];
        says(Secrets::try_new(list), &format!("secret 2 {problem}"));
        panics(|| Secrets::new(list), &format!("secret 2 {problem}"));
    }
}

#[test]
fn a_handle_may_be_empty() {
    let none = Secrets::new(Vec::<String>::new());
    assert!(Access::try_path(&none).is_ok());
    assert!(Access::try_query("token", none).is_ok());
    assert!(Access::try_path(Secrets::default()).is_ok());
}

/// A layer over a provider with those rules.
fn with(rules: Rules) -> WebhookLayer<impl Provider> {
    let provider = custom(rules, |_| Ok(Received::event(Other(()))));
    WebhookLayer::new(provider, Access::open())
}

#[test]
fn rules_that_make_sense_are_taken() {
    let rules = Rules::new("p")
        .probe_method(Method::GET)
        .probe_method(Method::HEAD)
        .success(StatusCode::NO_CONTENT, "");
    let _ = with(rules).late(Late::Refuse);
}

#[test]
fn rules_that_make_no_sense_are_mistakes() {
    panics(
        || with(Rules::new("p").success(StatusCode::FOUND, "")),
        "the rules of \"p\" call 302 Found a success; it has to be a 2xx",
    );
    panics(
        || with(Rules::new("p").deadline_limit(Duration::from_secs(2))),
        "a deadline of 3s is too long: p gives up after 2s",
    );
}

/// A handle that is taken early counts the same slots as a limit that is set later.
#[tokio::test(start_paused = true)]
async fn max_in_flight_holds_for_handles_that_were_taken_before() {
    let layer = alegra();
    let background = layer.background();
    for limit in [3, 1, 2, 5] {
        let layer = layer.clone().max_in_flight(limit);
        let hung = Handler::new(Does::Never);
        let layer = layer.deadline(ms(10)).handler_limit(ms(1000));
        let answers = (0..8).map(|_| send(&layer, &hung, post(ALEGRA)));
        join_all(answers).await;
        assert_eq!((hung.called(), background.in_flight()), (limit, limit));
        tokio::time::sleep(ms(2000)).await;
        assert_eq!(background.in_flight(), 0);
    }
}
