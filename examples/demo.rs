//! Plays Alegra and Bsale: sends requests to a real server over a socket, and prints a table of what
//! came of each. It needs no settings, ends by itself, and exits with 1 when a row is not as expected.
//!
//! ```sh
//! cargo run --example demo
//! ```

use std::{
    error::Error,
    net::SocketAddr,
    panic::resume_unwind,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::any};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{
    HeaderValue, Request,
    header::{CONTENT_ENCODING, HOST},
};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_webhook::{
    Access, DeadLetter, Delivery, Event, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

/// The demo's secret, which is in every URL below. Make your own: `openssl rand -hex 16`.
const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
const ALEGRA: &str = "/alegra/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
const STORED: &str = "/alegra-with-store/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
const BSALE: &str = "/bsale/5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
const WRONG: &str = "/alegra/00000000000000000000000000000000";

/// Shorter than the default of 3 s (Alegra) and 1.5 s (Bsale), so that the demo does not take long.
const DEADLINE: Duration = Duration::from_millis(500);
/// How long a slow handler takes.
const SLOW: Duration = Duration::from_millis(800);
/// How long a client waits that hangs up before the deadline.
const IMPATIENT: Duration = Duration::from_millis(250);
const PATIENT: Duration = Duration::from_secs(5);

const BODY_LIMIT: usize = 4096;

const INVOICE: &str =
    r#"{"subject":"edit-invoice","message":{"invoice":{"id":123,"total":"1190.50"}}}"#;
const NEW_EVENT: &str = r#"{"subject":"new-estimate","message":{}}"#;
const ODD_CLIENT: &str = r#"{"subject":"new-client","message":{"client":{"id":"9","name":[1]}}}"#;
const DOCUMENT: &str = r#"{"cpnId":11420,"resource":"/documents/1811905.json","resourceId":"1811905","topic":"document","action":"post","officeId":"11","send":1737740416}"#;
/// The id of the document whose handler is slow.
const SLOW_DOCUMENT: &str = "1811906";

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// What happens in the server: the handlers and the store write it down.
type Log = Arc<Mutex<Vec<String>>>;

/// One request, and what has to come of it.
struct Row {
    sent: &'static str,
    request: Request<Body>,
    patience: Duration,
    /// The status, or "nothing".
    expected: &'static str,
    /// What the handler got and the store kept.
    inside: &'static [&'static str],
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let log = Log::default();
    let store = log.clone();
    let keep = move |letter: DeadLetter| {
        write(&store, format!("stored as {}", letter.reason().as_str()));
        std::future::ready(Ok::<_, std::convert::Infallible>(()))
    };
    let access = || Access::path([SECRET]);
    let alegra = WebhookLayer::new(Alegra::new(), access())
        .deadline(DEADLINE)
        .body_limit(BODY_LIMIT);
    let storing = WebhookLayer::new(Alegra::new(), access())
        .deadline(DEADLINE)
        .dead_letters(keep);
    let bsale = WebhookLayer::new(Bsale::new().companies([11420]), access()).deadline(DEADLINE);
    let alegra_handlers = alegra.background();
    let storing_handlers = storing.background();

    let app = Router::new()
        .route("/alegra/{secret}", any(on_alegra).layer(alegra))
        .route("/alegra-with-store/{secret}", any(on_alegra).layer(storing))
        .route("/bsale/{secret}", any(on_bsale).layer(bsale))
        .with_state(log.clone());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());

    println!(
        "{:<44} {:<9} {:<8} in the server",
        "sent", "expected", "heard"
    );
    let mut differences = 0;
    for row in rows() {
        differences += play(address, row, &log).await;
    }
    alegra_handlers.drain(PATIENT).await;
    storing_handlers.drain(PATIENT).await;
    for row in draining_rows() {
        differences += play(address, row, &log).await;
    }
    println!("\nrows that are not as expected: {differences}");
    Ok(ExitCode::from(u8::from(differences > 0)))
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let mut compressed = post(ALEGRA, client("774"));
    compressed.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));

    vec![
        row("Alegra: probe", post(ALEGRA, whole("")), "200", &[]),
        row("Alegra: new client", post(ALEGRA, client("774")), "204", &["got new-client 774"]),
        row("Alegra: edited invoice, chunked", post(ALEGRA, chunked(INVOICE)), "204", &["got edit-invoice 123"]),
        row("Alegra: an event that is new to us", post(ALEGRA, whole(NEW_EVENT)), "204", &["got unknown new-estimate"]),
        row("Alegra: a client that does not fit", post(ALEGRA, whole(ODD_CLIENT)), "204", &["got drifted new-client, see message.client.name"]),
        row("Bsale: document", post(BSALE, whole(DOCUMENT)), "204", &["got document /documents/1811905.json"]),
        row("Bsale: a topic that is new to us", post(BSALE, whole(DOCUMENT.replace("\"document\"", "\"webOrder\""))), "204", &["got unknown webOrder"]),
        row("Bsale: a company that is not allowed", post(BSALE, whole(DOCUMENT.replace("11420", "2"))), "403", &[]),

        row("wrong secret", post(WRONG, client("774")), "404", &[]),
        row("wrong secret, GET", get(WRONG), "404", &[]),
        row("GET", get(ALEGRA), "405", &[]),
        row("Content-Encoding: gzip", compressed, "415", &[]),
        row("too large", post(ALEGRA, whole(" ".repeat(BODY_LIMIT + 1))), "413", &[]),
        row("too large, chunked", post(ALEGRA, chunked(" ".repeat(BODY_LIMIT + 1))), "413", &[]),
        row("a body that does not end", post(ALEGRA, unfinished("{")), "408", &[]),
        row("not JSON", post(ALEGRA, whole("subject=new-client")), "400", &[]),
        row("not JSON, with a store", post(STORED, whole("subject=new-client")), "202", &["stored as malformed"]),

        row("the handler answers 500", post(ALEGRA, client("fails")), "500", &["got new-client fails"]),
        row("the handler answers 500, with a store", post(STORED, client("fails")), "202", &["got new-client fails", "stored as status"]),
        row("the handler panics", post(ALEGRA, client("panics")), "500", &["got new-client panics"]),
        row("the handler panics, with a store", post(STORED, client("panics")), "202", &["got new-client panics", "stored as panicked"]),
        row("the handler is late", post(ALEGRA, client("slow")), "202", &["got new-client slow", "finished"]),
        row("the handler is late, with a store", post(STORED, client("slow")), "202", &["got new-client slow", "stored as pending", "finished"]),
        row("Bsale: the handler is late", post(BSALE, whole(DOCUMENT.replace("1811905", SLOW_DOCUMENT))), "200", &["got document /documents/1811906.json", "finished"]),
        Row {
            patience: IMPATIENT,
            ..row("the client hangs up", post(ALEGRA, client("slow")), "nothing", &["got new-client slow", "finished"])
        },
    ]
}

#[rustfmt::skip]
fn draining_rows() -> Vec<Row> {
    vec![
        row("draining: probe", post(ALEGRA, whole("")), "200", &[]),
        row("draining: delivery", post(ALEGRA, client("775")), "503", &[]),
        row("draining: delivery, with a store", post(STORED, client("775")), "202", &["stored as draining"]),
    ]
}

async fn on_alegra(State(log): State<Log>, delivery: Delivery<alegra::Event>) -> StatusCode {
    let event = delivery.event();
    let id = event.id().unwrap_or_default();
    let what = match event {
        alegra::Event::Unknown(unknown) => format!("got unknown {}", unknown.subject),
        alegra::Event::Drifted(drifted) => {
            format!("got drifted {}, see {}", drifted.subject, drifted.path)
        }
        event => format!("got {} {id}", event.subject()),
    };
    write(&log, what);
    match &*id {
        "fails" => return StatusCode::INTERNAL_SERVER_ERROR,
        // A panic without the message on stderr, which would tear the table apart.
        "panics" => resume_unwind(Box::new("the handler panics")),
        "slow" => {
            sleep(SLOW).await;
            write(&log, "finished".to_owned());
        }
        _ => {}
    }
    StatusCode::NO_CONTENT
}

async fn on_bsale(State(log): State<Log>, delivery: Delivery<bsale::Event>) -> StatusCode {
    let what = match delivery.event() {
        bsale::Event::Notification(change) => match change.resource_path() {
            Some(path) => format!("got {} {path}", change.topic.as_str()),
            None => format!("got {}", change.topic.as_str()),
        },
        event => format!("got unknown {}", event.topic()),
    };
    write(&log, what);
    if delivery.event().id().as_deref() == Some(SLOW_DOCUMENT) {
        sleep(SLOW).await;
        write(&log, "finished".to_owned());
    }
    StatusCode::NO_CONTENT
}

/// Sends the request, prints the row, and returns how many differences there are: 0 or 1.
async fn play(address: SocketAddr, row: Row, log: &Log) -> u32 {
    let heard = match timeout(row.patience, send(address, row.request)).await {
        Ok(Ok(status)) => status.as_str().to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "nothing".to_owned(),
    };
    // A handler may still be running.
    let _ = timeout(PATIENT, async {
        while log.lock().unwrap().len() < row.inside.len() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let inside = std::mem::take(&mut *log.lock().unwrap());
    println!(
        "{:<44} {:<9} {heard:<8} {}",
        row.sent,
        row.expected,
        inside.join(", ")
    );
    let is_expected = heard == row.expected && inside == row.inside;
    if !is_expected {
        println!(
            "  NOT AS EXPECTED, in the server: {}",
            row.inside.join(", ")
        );
    }
    u32::from(!is_expected)
}

/// Sends the request on a connection of its own. Dropping the future closes the connection.
async fn send(address: SocketAddr, request: Request<Body>) -> Result<StatusCode, Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    Ok(sender.send_request(request).await?.status())
}

fn row(
    sent: &'static str,
    request: Request<Body>,
    expected: &'static str,
    inside: &'static [&'static str],
) -> Row {
    Row {
        sent,
        request,
        patience: PATIENT,
        expected,
        inside,
    }
}

fn post(path: &str, body: Body) -> Request<Body> {
    let request = Request::post(path).header(HOST, "localhost");
    request.body(body).expect("a request")
}

fn get(path: &str) -> Request<Body> {
    let request = Request::get(path).header(HOST, "localhost");
    request.body(whole("")).expect("a request")
}

fn client(id: &str) -> Body {
    let client = format!(r#"{{"subject":"new-client","message":{{"client":{{"id":"{id}"}}}}}}"#);
    whole(client)
}

/// A body with a `Content-Length`.
fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

/// A body without a `Content-Length`, which HTTP/1 sends in chunks.
fn chunked(text: impl Into<Bytes>) -> Body {
    let frame = Ok(Frame::data(text.into()));
    BodyExt::boxed_unsync(StreamBody::new(stream::iter([frame])))
}

fn unfinished(text: impl Into<Bytes>) -> Body {
    let frame = Ok(Frame::data(text.into()));
    BodyExt::boxed_unsync(StreamBody::new(
        stream::iter([frame]).chain(stream::pending()),
    ))
}

fn write(log: &Log, line: String) {
    log.lock().unwrap().push(line);
}
