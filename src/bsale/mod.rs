//! [Bsale](https://docs.bsale.dev), point of sale and electronic invoicing in Chile, Peru and
//! Mexico.
//!
//! # What Bsale does
//!
//! * Webhooks are switched on by e-mail to `ayuda@bsale.app`, with the URL and the company's tax id
//!   or `cpnId`. There is no handshake.
//! * Each delivery is a POST with one flat JSON object: a *notice* that something changed, never
//!   the data. The receiver reads the resource through Bsale's API.
//! * Nothing is signed. Use a secret in the path of the URL, a list of
//!   [companies](Bsale::companies), and read every resource again.
//! * One URL may serve many companies: [`cpn_id`](Notification::cpn_id) says which.
//!
//! Which status codes count as success, how long Bsale waits, whether it sends again, in which
//! order and whether twice, is documented nowhere. Take deliveries as at-least-once and unordered.
//!
//! # From a notice to a request
//!
//! The `resource` of a notice is whatever the sender wrote, and the sender is not proven to be
//! Bsale. Appended to a base, `@evil.example/x` and its like leave the host and take your
//! `access_token` along. So never append it: [`Notification::resource_path`] gives the path only
//! when the whole of it fits the topic.
//!
//! ```
//! use tower_webhook::bsale::{API_BASE, Event};
//!
//! let event: Event = serde_json::from_str(
//!     r#"{"cpnId":2,"resource":"/v2/products/952.json","resourceId":"952",
//!         "topic":"product","action":"post","send":1503500856}"#,
//! )?;
//! let Event::Notification(notification) = event else { panic!() };
//! let path = notification.resource_path().expect("as documented");
//! assert_eq!(path.on(&API_BASE.parse()?), "https://api.bsale.io/v2/products/952.json");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # As JSON
//!
//! The types here read from JSON text, by `serde_json::from_str` and `from_slice`, and not from a
//! `serde_json::Value`.

mod decode;
mod event;
mod notification;
mod resource_path;
mod topic;

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use http::StatusCode;

pub use self::{
    event::{Drifted, Event, Unknown},
    notification::{Notification, UserToken},
    resource_path::ResourcePath,
    topic::{Action, Topic},
};
use crate::{
    error::{ConfigError, valid},
    provider::{Incoming, Provider, Received, Rules},
    rejection::Rejection,
};

/// The base of Bsale's API, for every topic but courier orders. Mexico's documentation names
/// `https://api.bsale.com.mx` instead.
pub const API_BASE: &str = "https://api.bsale.io";

/// The base of the API that knows courier orders.
pub const COURIER_API_BASE: &str = "https://courier.bsale.io";

/// The provider [Bsale](self).
///
/// It has no probe. A late delivery is answered `200 OK`. The deadline is 1.5 seconds, since an
/// unofficial check gives up after 3; a body may have 64 KiB.
#[derive(Clone, Default)]
pub struct Bsale {
    companies: Option<Companies>,
}

type Companies = Arc<dyn Fn(u64) -> bool + Send + Sync>;

impl Bsale {
    /// Bsale's webhooks, for all companies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes deliveries for these companies alone, by their `cpnId`; all others, and those whose
    /// `cpnId` cannot be read, are answered `403 Forbidden`.
    ///
    /// A company's `cpnId` is the `id` that
    /// `GET https://credential.bsale.io/v1/instances/basic/{access_token}.json` answers; keep that
    /// URL out of logs.
    ///
    /// # Panics
    ///
    /// If there is none. [`try_companies`](Self::try_companies) returns an error instead.
    #[doc(alias = "empresas")]
    #[must_use]
    #[track_caller]
    pub fn companies(self, cpn_ids: impl IntoIterator<Item = u64>) -> Self {
        valid(self.try_companies(cpn_ids))
    }

    /// [`companies`](Self::companies) for values that are read from a file or the environment.
    ///
    /// # Errors
    ///
    /// Where `companies` panics.
    pub fn try_companies(
        self,
        cpn_ids: impl IntoIterator<Item = u64>,
    ) -> Result<Self, ConfigError> {
        let cpn_ids: HashSet<u64> = cpn_ids.into_iter().collect();
        if cpn_ids.is_empty() {
            return Err(ConfigError::new(
                "an empty list of companies would refuse every delivery; leave it out to take all",
            ));
        }
        Ok(self.companies_by(move |cpn_id| cpn_ids.contains(&cpn_id)))
    }

    /// Takes deliveries for the companies that the closure says yes to. It runs on the connection's
    /// task, so it must not block.
    #[must_use]
    pub fn companies_by(mut self, knows: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        self.companies = Some(Arc::new(knows));
        self
    }
}

impl Provider for Bsale {
    type Event = Event;

    fn rules(&self) -> Rules {
        Rules::new("bsale")
            .deadline(Duration::from_millis(1500))
            .success(StatusCode::OK, "")
            .body_limit(64 * 1024)
            .events(topic::NAMES.iter().copied())
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event>, Rejection> {
        let event = decode::decode(request.body());
        if let (Ok(event), Some(knows)) = (&event, &self.companies) {
            if !event.cpn_id().is_some_and(|cpn_id| knows(cpn_id)) {
                return Err(Rejection::forbidden("the company is not on the allow-list"));
            }
        }
        event.map(Received::event)
    }
}

impl fmt::Debug for Bsale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bsale")
            .field("restricted", &self.companies.is_some())
            .finish()
    }
}
