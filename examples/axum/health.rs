//! `GET /health`, for an orchestrator and for who asks himself.
//!
//! `503 Service Unavailable` says that the process should get no more deliveries, or that somebody
//! has to look at once: while it drains, and from 70 % of the failed answers in a row after which
//! the provider deletes the subscription. Dead letters that wait are no reason for it. They are
//! safe, an operator's to replay, and a restart makes no fewer of them.
//!
//! Nothing that a sender wrote is in the answer, but tenants and counts are: keep it off the public
//! side.

use std::time::SystemTime;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;
use tower_webhook::{Background, EventStrikes, JsonLines, Provider, Strikes, WebhookLayer};

/// Of the provider's limit, in percent; the log has its ERROR there too.
const DANGER: u64 = 70;

/// What is looked at.
#[derive(Clone)]
pub(crate) struct Health {
    alegra: Watched,
    bsale: Watched,
    store: Option<JsonLines>,
}

#[derive(Clone)]
struct Watched {
    name: &'static str,
    strikes: Strikes,
    handlers: Background,
}

/// How long ago something was, in whole seconds; `null` for never.
type Seconds = Option<u64>;

#[derive(Serialize)]
struct Report {
    /// `ok` or `unhealthy`.
    status: &'static str,
    /// Why it is unhealthy, in sentences.
    reasons: Vec<String>,
    draining: bool,
    alegra: Provided,
    bsale: Provided,
    /// `null` without a store.
    dead_letters: Option<Letters>,
}

#[derive(Serialize)]
struct Provided {
    strikes: Vec<Count>,
    worst: u32,
    /// `null` where the provider documents none.
    limit: Option<u32>,
    seconds_since_last_delivery: Seconds,
    seconds_since_last_success: Seconds,
    refused: u64,
    seconds_since_last_refused: Seconds,
    handlers_in_flight: usize,
}

#[derive(Serialize)]
struct Count {
    tenant: Option<String>,
    /// `null` for failures whose event could not be read.
    event: Option<&'static str>,
    count: u32,
}

#[derive(Serialize)]
struct Letters {
    waiting: usize,
    pending: usize,
    bytes: u64,
    unreadable: usize,
}

impl Health {
    pub(crate) fn new<A: Provider, B: Provider>(
        alegra: &WebhookLayer<A>,
        bsale: &WebhookLayer<B>,
        store: Option<JsonLines>,
    ) -> Self {
        Self {
            alegra: Watched::new("alegra", alegra),
            bsale: Watched::new("bsale", bsale),
            store,
        }
    }

    pub(crate) fn router(self) -> Router {
        let answer = async |State(health): State<Self>| health.answer();
        Router::new().route("/health", get(answer)).with_state(self)
    }

    fn answer(&self) -> (StatusCode, Json<Report>) {
        let watched = [&self.alegra, &self.bsale];
        let mut reasons: Vec<String> = watched.into_iter().flat_map(Watched::dangers).collect();
        let draining = watched.iter().any(|one| one.handlers.is_draining());
        if draining {
            reasons.push("the application is shutting down".to_owned());
        }
        let (code, status) = match reasons.is_empty() {
            true => (StatusCode::OK, "ok"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        };
        let report = Report {
            status,
            reasons,
            draining,
            alegra: self.alegra.report(),
            bsale: self.bsale.report(),
            dead_letters: self.store.as_ref().map(|store| Letters {
                waiting: store.waiting(),
                pending: store.pending(),
                bytes: store.size(),
                unreadable: store.unreadable(),
            }),
        };
        (code, Json(report))
    }
}

impl Watched {
    fn new<P: Provider>(name: &'static str, layer: &WebhookLayer<P>) -> Self {
        Self {
            name,
            strikes: layer.strikes(),
            handlers: layer.background(),
        }
    }

    /// A sentence for each event whose subscription is in danger.
    fn dangers(&self) -> Vec<String> {
        let Some(limit) = self.strikes.limit() else {
            return Vec::new();
        };
        let is_in_danger =
            |event: &EventStrikes| u64::from(event.count()) * 100 >= u64::from(limit) * DANGER;
        let sentence = |event: EventStrikes| {
            let tenant = event.tenant().map(|tenant| format!(" of {tenant}"));
            format!(
                "{} {}{}: {} failed answers in a row, and the subscription is deleted after {limit}",
                self.name,
                event.event().unwrap_or("events that could not be read"),
                tenant.unwrap_or_default(),
                event.count(),
            )
        };
        let events = self.strikes.events().into_iter();
        events.filter(is_in_danger).map(sentence).collect()
    }

    fn report(&self) -> Provided {
        let strikes = &self.strikes;
        let count = |event: EventStrikes| Count {
            tenant: event.tenant().map(ToOwned::to_owned),
            event: event.event(),
            count: event.count(),
        };
        Provided {
            strikes: strikes.events().into_iter().map(count).collect(),
            worst: strikes.worst().map_or(0, |event| event.count()),
            limit: strikes.limit(),
            seconds_since_last_delivery: seconds_since(strikes.last_delivery()),
            seconds_since_last_success: seconds_since(strikes.last_success()),
            refused: strikes.refused(),
            seconds_since_last_refused: seconds_since(strikes.last_refused()),
            handlers_in_flight: self.handlers.in_flight(),
        }
    }
}

/// A clock that was set back makes it zero.
fn seconds_since(time: Option<SystemTime>) -> Seconds {
    time.map(|time| time.elapsed().map_or(0, |since| since.as_secs()))
}
