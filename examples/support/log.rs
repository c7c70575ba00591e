//! What an operator reads, on stderr.

use tower_webhook::Outcome;
use tracing_subscriber::{
    Layer as _, filter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{status, tell};

/// Shows the library's events (target `tower_webhook`), of which none holds a body or a secret.
pub(crate) fn init() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(|| status::Stderr)
        .init();
}

/// Shows what goes wrong with the store, alone: for who tells himself how each handler ended.
pub(crate) fn init_for_the_store() {
    let shown = filter::filter_fn(|event| {
        *event.level() <= filter::LevelFilter::ERROR && event.fields().field("outcome").is_none()
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(|| status::Stderr);
    tracing_subscriber::registry()
        .with(layer.with_filter(shown))
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
    tell(format_args!(
        "late end: {} {} {} ({status}) after {:.1} s",
        outcome.provider(),
        outcome.event().unwrap_or("-"),
        outcome.kind().as_str(),
        outcome.duration().as_secs_f64(),
    ));
}
