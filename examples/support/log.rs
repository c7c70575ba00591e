//! What an operator reads, on stderr.

use tower_webhook::Outcome;

/// Shows the library's events (target `tower_webhook`), of which none holds a body or a secret.
pub(crate) fn init() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
}

/// For `on_outcome`: tells of handlers that ended when the provider had its answer already. A
/// metric or an alarm would hang here.
pub(crate) fn late_end(outcome: &Outcome) {
    if !outcome.is_late_end() {
        return;
    }
    let status = match outcome.status() {
        Some(status) => status.as_u16().to_string(),
        None => "no status".to_owned(),
    };
    eprintln!(
        "late end: {} {} {} ({status}) after {:.1} s",
        outcome.provider(),
        outcome.event().unwrap_or("-"),
        outcome.kind().as_str(),
        outcome.duration().as_secs_f64(),
    );
}
