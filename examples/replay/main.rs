//! Sends dead letters to the handlers again, while no server has their file open.
//!
//! ```sh
//! cargo run --example replay -- --dry-run
//! cargo run --example replay -- --provider alegra --event new-invoice --since 2h
//! cargo run --example replay -- --help
//! ```
//!
//! It has no server: it puts a layer with the store around each handler, and gives each letter to
//! [`Webhook::replay`](tower_webhook::Webhook::replay). The store marks what the handler succeeds
//! with as done, and keeps what it fails, with one attempt more.

mod arguments;
mod letters;
mod when;

use std::{
    convert::Infallible,
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tokio::signal;
use tower::{Layer, service_fn};
use tower_webhook::{
    Access, Delivery, Event, JsonLines, Provider, Rejection, RequestBody, Unmarked, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};
use tracing_subscriber::filter::LevelFilter;

use arguments::{Arguments, Filter};
use letters::Shown;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            tell(sentence);
            ExitCode::from(2)
        }
    }
}

/// Returns whether everything that matched is done.
async fn run() -> Result<bool, String> {
    let Some(arguments) = Arguments::parse()? else {
        say(arguments::HELP);
        return Ok(true);
    };
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::ERROR)
        .with_writer(io::stderr)
        .init();
    let store = arguments.open()?;
    if store.unreadable() > 0 {
        let lines = store.unreadable();
        tell(format_args!(
            "lines that cannot be read: {lines}; they stay as they are"
        ));
    }
    if arguments.dry_run {
        list(&store, &arguments.filter)
    } else {
        replay(&store, &arguments.filter).await
    }
}

fn list(store: &JsonLines, filter: &Filter) -> Result<bool, String> {
    let (mut matched, mut skipped) = (0, 0);
    say(letters::header());
    for letter in store.letters() {
        let letter = letter.map_err(|error| error.to_string())?;
        if filter.lets_through(&letter) {
            matched += 1;
            say(letters::row(&letter));
        } else {
            skipped += 1;
        }
    }
    say(format_args!(
        "would replay {matched}; {skipped} skipped by the filter, {} left in {}",
        store.waiting(),
        store.path().display()
    ));
    Ok(true)
}

async fn replay(store: &JsonLines, filter: &Filter) -> Result<bool, String> {
    let alegra = layer(Alegra::new(), store);
    let bsale = layer(Bsale::new(), store);
    let handlers = [alegra.background(), bsale.background()];
    let alegra = alegra.layer(service_fn(handle::<alegra::Event>));
    let bsale = bsale.layer(service_fn(handle::<bsale::Event>));

    let (mut done, mut not_done, mut skipped) = (0, 0, 0);
    // One at a time and the oldest first, so that two edits of one object keep their order.
    let replaying = async {
        for letter in store.letters() {
            let letter = match letter {
                Ok(letter) if filter.lets_through(&letter) => letter,
                Ok(_) => {
                    skipped += 1;
                    continue;
                }
                Err(error) => {
                    not_done += 1;
                    tell(error);
                    continue;
                }
            };
            let Ok(response) = match letter.record().provider() {
                "bsale" => bsale.replay(&letter).await,
                // Refuses the letters of a provider that is not its own.
                _ => alegra.replay(&letter).await,
            };
            match failure(&response) {
                None => done += 1,
                Some(why) => {
                    not_done += 1;
                    let id = Shown(letter.id());
                    let delivery = letters::delivery(letter.record());
                    tell(format_args!("not done: {id} {delivery}: {why}"));
                }
            }
        }
    };
    let is_stopped = tokio::select! {
        () = replaying => false,
        () = stop_signal() => true,
    };
    if is_stopped {
        tell("stopping as soon as the running handler has ended");
        let limit = Duration::from_secs(25);
        tokio::join!(handlers[0].drain(limit), handlers[1].drain(limit));
    }
    let waiting = store.waiting();
    if done > 0 {
        if let Err(error) = store.compact().await {
            tell(format_args!(
                "cannot remove what is done from the file: {error}"
            ));
        }
    }
    say(format_args!(
        "replayed: {done} done, {not_done} not done; {skipped} skipped by the filter, {waiting} left \
         in {}",
        store.path().display()
    ));
    Ok(not_done == 0 && !is_stopped)
}

/// Access and deadline are for requests: a replay meets neither.
fn layer<P: Provider>(provider: P, store: &JsonLines) -> WebhookLayer<P> {
    WebhookLayer::new(provider, Access::open())
        .handler_limit(Duration::from_secs(60))
        .dead_letters(store.clone())
}

/// The handler. Replace it with those of your application.
async fn handle<E: Event>(
    request: Request<RequestBody>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    if let Some(delivery) = request.extensions().get::<Delivery<E>>() {
        let event = delivery.event();
        let id = event.id();
        let id = Shown(id.as_deref().unwrap_or("-"));
        say(format_args!(
            "{} {} id={id}",
            delivery.provider(),
            Shown(event.name())
        ));
    }
    Ok(Response::new(Empty::new()))
}

/// Why the letter is not done, if it is not.
fn failure<B>(response: &Response<B>) -> Option<String> {
    let status = response.status();
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        Some(rejection.to_string())
    } else if !status.is_success() {
        Some(format!("the handler answered {status}"))
    } else if response.extensions().get::<Unmarked>().is_some() {
        Some("handled, but the store could not mark it as done".to_owned())
    } else {
        None
    }
}

/// `println!` without its panic when nobody reads stdout any more.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// `eprintln!` without its panic when nobody reads stderr any more.
fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

async fn stop_signal() {
    let interrupt = signal::ctrl_c();
    #[cfg(unix)]
    let mut signals = signal::unix::signal(signal::unix::SignalKind::terminate()).expect("SIGTERM");
    #[cfg(unix)]
    let terminate = signals.recv();
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { _ = interrupt => {}, _ = terminate => {} }
}
