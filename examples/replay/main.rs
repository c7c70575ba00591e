//! Drives dead letters to the handlers again, while no server has their file open.
//!
//! ```text
//! cargo run --example replay -- --dry-run
//! cargo run --example replay -- --provider alegra --event new-invoice --since 2h
//! cargo run --example replay -- --help
//! ```
//!
//! There is no server in it: a layer is made of each provider, around the handlers, with the store,
//! and each letter is given to [`Webhook::replay`](tower_webhook::Webhook::replay). What the handler
//! succeeds with is done and cleaned away; what it fails stays, with one attempt more.
//!
//! It ends with 0 when all that was to be replayed is done, with 1 when some of it is not, with 2 and
//! a sentence when it could not begin.

mod arguments;
#[path = "../support/mod.rs"]
mod support;
mod when;

use std::{convert::Infallible, process::ExitCode, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tokio::time::timeout;
use tower::{Layer, service_fn};
use tower_webhook::{
    Access, Background, Delivery, JsonLines, Provider, RequestBody, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use arguments::{Arguments, Filter};
use support::{
    describe::Describe,
    desk::Desk,
    letters, log,
    replay::{self, Routes, Summary},
    say, settings, status,
    stop::{self, Stop},
    tell,
};

/// For the running handler to be heard of, once it has ended.
const HEARD: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => support::exit(Err(sentence)),
    }
}

/// Whether all is done that was to be.
async fn run() -> Result<bool, String> {
    let Some(arguments) = Arguments::parse()? else {
        say(arguments::HELP);
        return Ok(true);
    };
    let desk = Desk::new(settings::print()?, settings::behaviour()?);
    log::init_for_the_store();
    let store = arguments.open()?;
    if store.unreadable() > 0 {
        let lines = letters::count(store.unreadable(), "line");
        tell(format_args!("{lines} cannot be read and stay as they are"));
    }
    if arguments.dry_run {
        return list(&store, &arguments.filter);
    }
    drive(&store, &arguments.filter, desk).await
}

/// What would be replayed.
fn list(store: &JsonLines, filter: &Filter) -> Result<bool, String> {
    let (mut matched, mut skipped) = (0, 0);
    for letter in store.letters() {
        let letter = letter.map_err(|error| error.to_string())?;
        if !filter.lets_through(&letter) {
            skipped += 1;
            continue;
        }
        if matched == 0 {
            say(letters::header());
        }
        matched += 1;
        say(letters::row(&letter));
    }
    say(format_args!(
        "would replay {matched}; {skipped} skipped by the filter, {} left in {}",
        store.waiting(),
        store.path().display()
    ));
    Ok(true)
}

async fn drive(store: &JsonLines, filter: &Filter, desk: Desk) -> Result<bool, String> {
    let mut stop = Stop::listen()?;
    let alegra = layer(Alegra::new(), store);
    let bsale = layer(Bsale::new(), store);
    let handlers = [alegra.background(), bsale.background()];
    let for_alegra = desk.clone();
    let alegra = alegra.layer(service_fn(move |request| {
        handle::<alegra::Event>(for_alegra.clone(), request)
    }));
    let bsale = bsale.layer(service_fn(move |request| {
        handle::<bsale::Event>(desk.clone(), request)
    }));
    let routes = Routes::default()
        .with("alegra", alegra)
        .with("bsale", bsale);

    let mut summary = Summary::default();
    let is_matched = |letter: &_| filter.lets_through(letter);
    let replaying = replay::run(store, &routes, is_matched, &mut summary);
    until_stopped(&mut stop, &handlers, replaying).await;
    status::show("");

    let waiting = store.waiting();
    if summary.done > 0 {
        if let Err(error) = store.compact().await {
            tell(format_args!("what is done is not cleaned away: {error}"));
        }
    }
    say(format_args!(
        "replayed: {summary}; {} skipped by the filter, {waiting} left in {}",
        summary.skipped,
        store.path().display()
    ));
    if summary.unmarked > 0 {
        tell("what is not marked as done would be replayed again");
    }
    if summary.not_replayable > 0 {
        tell("what is not replayable stays in the file; --help says how to give it up");
    }
    Ok(summary.is_all_done())
}

/// To its end, or until somebody asks to stop: then the handler that runs may finish, and the
/// replay ends at the next letter, whose layer drains. Whoever asks a second time is not made to
/// wait.
async fn until_stopped(
    stop: &mut Stop,
    handlers: &[Background; 2],
    replaying: impl Future<Output = ()>,
) {
    let mut replaying = std::pin::pin!(replaying);
    tokio::select! {
        () = &mut replaying => return,
        () = stop.asked() => {}
    }
    tell("stopping as soon as the handler that runs is done");
    let drained = async {
        let mut drained = std::pin::pin!(stop::drain(handlers));
        tokio::select! {
            () = &mut replaying => drained.await,
            () = &mut drained => {
                let _ = timeout(HEARD, replaying).await;
            }
        }
    };
    tokio::select! {
        () = drained => {}
        () = stop.asked() => {}
    }
}

/// Nobody knocks at this layer, so it has no secret; deadlines are a matter of requests as well.
fn layer<P: Provider>(provider: P, store: &JsonLines) -> WebhookLayer<P> {
    WebhookLayer::new(provider, Access::open())
        .handler_limit(Duration::from_secs(60))
        .dead_letters(store.clone())
}

/// The handler, for either provider: that of the application, in an application.
async fn handle<E>(
    desk: Desk,
    request: Request<RequestBody>,
) -> Result<Response<Empty<Bytes>>, Infallible>
where
    E: Describe,
{
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match request.extensions().get::<Delivery<E>>().cloned() {
        Some(delivery) => desk.handle(&delivery).await,
        // There is no layer around this handler, or it is another provider's.
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Ok(response)
}
