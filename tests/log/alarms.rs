//! When the log warns of strikes.

use crate::{
    BROKEN, Log, log,
    util::{BSALE, Handler, alegra, bsale, delivery, fails, post, quiet_panics, send, unreadable},
};

impl Log {
    /// Level, event and count of each alarm since the last call.
    fn alarms(&self) -> Vec<String> {
        let text = self.take();
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

#[tokio::test(start_paused = true)]
async fn the_log_warns_at_three_at_seven_and_at_ten_strikes() {
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
        let success = Handler::answers(204);
        let _ = send(&layer, &success, post(delivery("new-item", 1))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_warns_of_unreadable_deliveries() {
    let log = log();
    let layer = alegra();
    for _ in 0..4 {
        unreadable(&layer).await;
    }
    assert_eq!(log.alarms(), ["WARN strikes=3"]);
    // The first of its kind counts the four before as well.
    fails(&layer, "new-item").await;
    assert_eq!(log.alarms(), [r#"WARN event="new-item" strikes=5"#]);
    for _ in 0..2 {
        unreadable(&layer).await;
    }
    assert_eq!(log.alarms(), [r#"ERROR event="new-item" strikes=7"#]);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_the_log_does_not_warn() {
    let log = log();
    let layer = bsale();
    assert_eq!(layer.strikes().limit(), None);
    for _ in 0..20 {
        let _ = send(&layer, &Handler::answers(502), post(BSALE)).await;
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
