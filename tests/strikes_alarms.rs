//! When somebody is told of strikes. Every test here has the log before anything is logged: what a
//! place in the code thinks of the log is the whole process's, and may be kept.

mod util;

use std::{cell::RefCell, io, sync::Once};

use http::StatusCode;
use tower_webhook::{Strikes, WebhookLayer, alegra::Alegra};
use tracing_subscriber::filter::LevelFilter;

use self::util::{
    BSALE, Does, Handler, PANIC, alegra, bsale,
    letters::{delivery, quiet_panics},
    post, send,
};

thread_local! {
    /// What this test logged: each has a thread of its own.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Set for a log that reads the counts at each alarm and panics.
    static BROKEN: RefCell<Option<Strikes>> = const { RefCell::new(None) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains(" strikes=") {
            let broken = BROKEN.with_borrow(|strikes| strikes.as_ref().map(Strikes::worst));
            assert!(broken.is_none(), "{PANIC}");
        }
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log() -> Log {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
    Log
}

impl Log {
    /// Level, event and count of each alarm so far; they are forgotten then.
    fn alarms(&self) -> Vec<String> {
        let text = String::from_utf8(LOG.take()).expect("text");
        let alarms = text.lines().filter(|line| line.contains(" strikes="));
        let brief = |line: &str| {
            let mut words = line.split_whitespace();
            let level = words.find(|word| matches!(*word, "WARN" | "ERROR"));
            let fields = words.filter(|it| it.starts_with("event=") || it.starts_with("strikes="));
            let fields: Vec<_> = fields.collect();
            format!("{} {}", level.unwrap_or("-"), fields.join(" "))
        };
        alarms.map(brief).collect()
    }
}

async fn answers(layer: &WebhookLayer<Alegra>, status: u16, body: String) {
    let status = StatusCode::from_u16(status).expect("a status");
    let _ = send(layer, &Handler::new(Does::Answer(status)), post(body)).await;
}

async fn fails(layer: &WebhookLayer<Alegra>, event: &str) {
    answers(layer, 500, delivery(event, 1)).await;
}

async fn succeeds(layer: &WebhookLayer<Alegra>, event: &str) {
    answers(layer, 204, delivery(event, 1)).await;
}

async fn unread(layer: &WebhookLayer<Alegra>) {
    answers(layer, 204, "no envelope".to_owned()).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_is_told_at_three_at_seven_and_at_ten() {
    let log = log();
    let layer = alegra();
    assert_eq!(layer.strikes().limit(), Some(10));
    for round in 0..2 {
        for strikes in 1..=12 {
            fails(&layer, "new-item").await;
            let expected: &[&str] = match strikes {
                3 => &[r#"WARN event="new-item" strikes=3"#],
                7 => &[r#"ERROR event="new-item" strikes=7"#],
                10 => &[r#"ERROR event="new-item" strikes=10"#],
                _ => &[],
            };
            assert_eq!(log.alarms(), expected, "{strikes} of round {round}");
        }
        succeeds(&layer, "new-item").await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_that_could_not_be_read_are_told_too() {
    let log = log();
    let layer = alegra();
    for _ in 0..4 {
        unread(&layer).await;
    }
    assert_eq!(log.alarms(), ["WARN strikes=3"]);
    // The first of its kind, with the four before: from none to five at once.
    fails(&layer, "new-item").await;
    assert_eq!(log.alarms(), [r#"WARN event="new-item" strikes=5"#]);
    for _ in 0..2 {
        unread(&layer).await;
    }
    assert_eq!(log.alarms(), [r#"ERROR event="new-item" strikes=7"#]);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nobody_is_told() {
    let log = log();
    let layer = bsale();
    assert_eq!(layer.strikes().limit(), None);
    for _ in 0..20 {
        let failing = Handler::new(Does::Answer(StatusCode::BAD_GATEWAY));
        let _ = send(&layer, &failing, post(BSALE)).await;
    }
    let worst = layer.strikes().worst().expect("strikes");
    assert_eq!(worst.count(), 20);
    assert_eq!(log.alarms(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_reads_the_counts_and_panics_stops_no_count() {
    quiet_panics();
    let log = log();
    let layer = alegra();
    BROKEN.set(Some(layer.strikes()));
    for strikes in 1..=6 {
        fails(&layer, "new-item").await;
        let worst = layer.strikes().worst().map(|worst| worst.count());
        assert_eq!(worst, Some(strikes));
    }
    assert_eq!(log.alarms(), [""; 0]);
    BROKEN.set(None);
    fails(&layer, "new-item").await;
    // The log also writes the lines that it still holds since it panicked.
    let last = log.alarms().pop();
    assert_eq!(last.as_deref(), Some(r#"ERROR event="new-item" strikes=7"#));
}
