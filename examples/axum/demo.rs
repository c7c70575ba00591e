//! The providers in a box: sends what they send, shows what came of it.
//!
//! Every request goes over a real socket, one after the other. What the handler would print goes
//! into the table instead. `HANDLER` counts once the demo is over; during it the handler answers
//! at once, but for two deliveries: one shows what happens when it fails, one when it is late. What
//! failed is replayed at once, so the demo leaves no letter behind.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::sleep};
use tower_webhook::JsonLines;

use super::{
    samples::{self, Does, Sample},
    support::{
        desk::{Behaviour, Desk},
        replay::{Fate, Routes},
        say,
    },
};

/// Longer than the 3 s after which the layer answers Alegra in the handler's place.
const LATE: Duration = Duration::from_secs(4);

/// Room for what the handler saw, so that a row has 100 columns.
const SEEN: usize = 65;

pub(crate) async fn play(
    addr: SocketAddr,
    secret: &str,
    desk: &Desk,
    letters: Option<&JsonLines>,
    routes: &Routes,
) {
    let samples = samples::all(letters.is_some());
    say(format_args!(
        "playing {} requests, the last with a handler that takes {} s",
        samples.len(),
        LATE.as_secs()
    ));
    let before = desk.behave(Behaviour::Answer);
    let mut unexpected = 0;
    let mut table = format!(
        "\n{:<21} {:<6}{:>5}  the handler saw\n",
        "sent", "status", "ms"
    );
    for sample in &samples {
        let played = play_one(addr, secret, desk, sample).await;
        unexpected += u32::from(played.answer != Ok(sample.expected));
        table += &row(sample, &played);
        if let (Does::Fail, Some(letters)) = (sample.does, letters) {
            let replayed = replay(desk, letters, routes, sample).await;
            unexpected += u32::from(replayed.is_err());
            table += &replayed.unwrap_or_else(|row| row);
        }
    }
    desk.behave(before);

    // All at once: a terminal shows the log between lines that are printed one by one.
    say(table);
    match unexpected {
        0 => say("each was answered as expected\n"),
        some => say(format_args!("not answered as expected: {some}\n")),
    }
}

struct Played {
    answer: Result<StatusCode, String>,
    took: Duration,
    seen: Option<String>,
}

async fn play_one(addr: SocketAddr, secret: &str, desk: &Desk, sample: &Sample) -> Played {
    desk.tape(Some(Vec::new()));
    desk.behave(match sample.does {
        Does::Answer => Behaviour::Answer,
        Does::Fail => Behaviour::Fail,
        Does::Late => Behaviour::Slow(LATE),
    });
    let began = Instant::now();
    let answer = send(addr, secret, sample).await;
    let took = began.elapsed();
    desk.behave(Behaviour::Answer);
    if let Does::Late = sample.does {
        // The answer is out; the handler goes on.
        sleep(LATE.saturating_sub(took) + Duration::from_millis(500)).await;
    }
    Played {
        answer,
        took,
        seen: desk.tape(None).pop(),
    }
}

/// Drives the letter of what just failed to the handler, which succeeds now. The row, as an error
/// where that is not what came of it.
async fn replay(
    desk: &Desk,
    letters: &JsonLines,
    routes: &Routes,
    sample: &Sample,
) -> Result<String, String> {
    let stored = letters.letters().filter_map(Result::ok);
    let of_sample = stored.filter(|letter| letter.record().body() == &sample.body);
    // The oldest come first, and a file that is not the demo's own may have more of them.
    let Some(letter) = of_sample.last() else {
        return Err(line(
            "  its letter",
            "none",
            0,
            "UNEXPECTED, it is not stored",
        ));
    };
    desk.tape(Some(Vec::new()));
    let began = Instant::now();
    let fate = routes.drive(letter).await;
    let took = began.elapsed();
    let seen = desk.tape(None).pop();
    let seen = seen.as_deref().map_or("-", without_provider);
    let row = |status, what: &str| line("  replayed", status, took.as_millis(), what);
    match fate {
        Fate::Done => Ok(row("done", seen)),
        Fate::Unmarked | Fate::Failed(_) | Fate::NotReplayable(_) | Fate::Stopped => {
            Err(row("-", &format!("UNEXPECTED, not done: {seen}")))
        }
    }
}

fn row(sample: &Sample, played: &Played) -> String {
    let (status, what) = match (&played.answer, &played.seen) {
        (Err(error), _) => ("none", error.as_str()),
        (Ok(status), None) => (status.as_str(), "-"),
        (Ok(status), Some(line)) => (status.as_str(), without_provider(line)),
    };
    let what = if played.answer == Ok(sample.expected) {
        format!("{what}{}", sample.note)
    } else {
        format!("UNEXPECTED, not {}: {what}", sample.expected.as_str())
    };
    line(sample.name, status, played.took.as_millis(), &what)
}

fn line(name: &str, status: &str, ms: u128, what: &str) -> String {
    let mut what = what.to_owned();
    if what.chars().count() > SEEN {
        what = what.chars().take(SEEN - 1).chain(['…']).collect();
    }
    format!("{name:<21} {status:<6}{ms:>5}  {what}\n")
}

/// The first column names it.
fn without_provider(line: &str) -> &str {
    line.split_once(' ').unwrap_or(("", line)).1
}

async fn send(addr: SocketAddr, secret: &str, sample: &Sample) -> Result<StatusCode, String> {
    let secret = if sample.knows_the_secret {
        secret
    } else {
        "not-the-secret-that-was-registered"
    };
    let mut request = Request::post(format!("/webhooks/{}/{secret}", sample.provider))
        .header(header::HOST, addr.to_string());
    if !sample.body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Full::<Bytes>::from(sample.body.clone()))
        .map_err(|error| error.to_string())?;

    let stream = TcpStream::connect(addr)
        .await
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    Ok(response.status())
}
