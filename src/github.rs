//! [GitHub](https://docs.github.com/webhooks): webhooks of a repository, an organization or an app.
//!
//! # What GitHub does
//!
//! * Each event is a POST of up to 25 MB. Its body is JSON, or a form whose field `payload` holds the
//!   JSON, as chosen in the settings of the webhook. Both are read. Of a form,
//!   [`Delivery::raw`](crate::Delivery::raw) is the form, so [`Delivery::json`](crate::Delivery::json)
//!   fails.
//! * The kind of the event and the id of the delivery stand in the headers `X-GitHub-Event` and
//!   `X-GitHub-Delivery`.
//! * After the webhook is made, GitHub sends a `ping`, signed like any event. The layer answers it as a
//!   probe, once its signature holds.
//! * `X-Hub-Signature-256` is an HMAC-SHA-256 of the raw body. **Without a secret in the settings there
//!   is no signature**, and the layer answers `401 Unauthorized`.
//! * A response has to come within 10 seconds (30 for GitHub Enterprise Server). GitHub does not send a
//!   failed delivery again by itself: a person, or the REST API, asks for it.
//!
//! # What the signature does not cover
//!
//! The body is signed, and nothing else: not the kind, not the id, no other header, not the URL. There
//! is no timestamp, so a captured request can be sent again at any time, under a fresh id or as another
//! kind. The [idempotency key](crate::Delivery::idempotency_key) is the id of the delivery. It
//! recognises GitHub's own redeliveries, and no such attack. If that matters, keep a second key, a
//! digest of the kind and the body, and look at a delivery whose id is new and whose digest is not. As
//! the only key it would drop true events that look alike.
//!
//! ```
//! use sha2::{Digest, Sha256};
//! use tower_webhook::{Delivery, RawJson, github::Event};
//!
//! fn second_key(delivery: &Delivery<Event<RawJson>>) -> [u8; 32] {
//!     let digest = Sha256::new().chain_update(&delivery.event().kind).chain_update("\n");
//!     digest.chain_update(delivery.raw()).finalize().into()
//! }
//! ```
//!
//! # Examples
//!
//! ```
//! use tower_webhook::{Access, Payload, WebhookLayer, github::GitHub, signature::Key};
//!
//! #[derive(serde::Deserialize)]
//! struct Push {
//!     #[serde(rename = "ref")]
//!     branch: String,
//! }
//!
//! # fn layer(secret: &str) -> Result<(), tower_webhook::ConfigError> {
//! let key = Key::text(secret)?; // from the environment
//! let layer = WebhookLayer::new(GitHub::<Push>::new(key), Access::open());
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```

use std::{borrow::Cow, fmt, marker::PhantomData, time::Duration};

use http::{StatusCode, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::{
    payload::Payload,
    provider::{self, Incoming, Provider, Received, Rules, Verified},
    rejection::Rejection,
    signature::{Keys, Scheme},
};

const SIGNATURE: &str = "x-hub-signature-256";
const KIND: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";
const HOOK: &str = "x-github-hook-id";
const TARGET: &str = "x-github-hook-installation-target-id";
const TARGET_TYPE: &str = "x-github-hook-installation-target-type";

/// The provider [GitHub](self). `T` is the type of the payload.
///
/// The deadline is 8 seconds and has to stay under 10; a body may have 25 MiB. A late delivery is
/// answered `202 Accepted`.
pub struct GitHub<T> {
    keys: Keys,
    scheme: Scheme,
    payload: PhantomData<fn() -> T>,
}

impl<T> GitHub<T> {
    /// GitHub's webhooks, signed with one of these keys: a [`Key`](crate::signature::Key), or a handle of
    /// several. A key is the text of the webhook's secret.
    #[must_use]
    pub fn new(keys: impl Into<Keys>) -> Self {
        Self {
            keys: keys.into(),
            scheme: Scheme::sha256(SIGNATURE).prefix("sha256="),
            payload: PhantomData,
        }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Provider for GitHub<T> {
    type Event = Event<T>;

    fn rules(&self) -> Rules {
        Rules::new("github")
            .deadline(Duration::from_secs(8))
            .deadline_limit(Duration::from_secs(10))
            .success(StatusCode::ACCEPTED, "")
            .body_limit(25 * 1024 * 1024)
            .keep_headers([KIND, DELIVERY, HOOK, TARGET, TARGET_TYPE])
            .events(KINDS.split_ascii_whitespace())
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        self.scheme.verify(request, &self.keys)
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event<T>>, Rejection> {
        let kind = request.header(KIND);
        let kind = kind.ok_or(Rejection::malformed(
            "the header x-github-event is missing or occurs twice",
        ))?;
        if kind == "ping" {
            return Ok(Received::probe());
        }
        Ok(Received::event(Event {
            kind: kind.to_owned(),
            delivery_id: request.header(DELIVERY).map(Into::into),
            hook_id: request.header(HOOK).map(Into::into),
            payload: Payload::read(&json(request)),
        }))
    }
}

impl<T> fmt::Debug for GitHub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// The JSON, from the form or from the body as it is.
fn json<'a>(request: &Incoming<'a>) -> Cow<'a, [u8]> {
    let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Cow::Borrowed(request.body());
    }
    let mut fields = form_urlencoded::parse(request.body());
    let payload = fields.find(|(name, _)| name == "payload");
    payload.map_or(Cow::Borrowed(b""), |(_, json)| {
        json.into_owned().into_bytes().into()
    })
}

/// An event of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<T> {
    /// The kind: `push`, `issues`. Not signed.
    pub kind: String,
    /// The id of the delivery, which a redelivery keeps. Not signed.
    pub delivery_id: Option<String>,
    /// The id of the webhook. Not signed.
    pub hook_id: Option<String>,
    /// The payload. Signed.
    pub payload: Payload<T>,
}

impl<T: Send + Sync + 'static> provider::Event for Event<T> {
    fn name(&self) -> &str {
        &self.kind
    }

    /// The id of the delivery.
    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        self.delivery_id.as_deref().map(Cow::from)
    }
}

/// The known kinds; GitHub adds new ones.
const KINDS: &str = "
    branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert
    commit_comment create custom_property custom_property_values delete dependabot_alert deploy_key
    deployment deployment_protection_rule deployment_review deployment_status discussion
    discussion_comment fork github_app_authorization gollum installation installation_repositories
    installation_target issue_comment issues label marketplace_purchase member membership merge_group
    meta milestone org_block organization package page_build personal_access_token_request
    project project_card project_column projects_v2 projects_v2_item public pull_request
    pull_request_review pull_request_review_comment pull_request_review_thread push registry_package
    release repository repository_advisory repository_dispatch repository_import repository_ruleset
    repository_vulnerability_alert secret_scanning_alert secret_scanning_alert_location
    security_advisory security_and_analysis sponsorship star status sub_issues team team_add watch
    workflow_dispatch workflow_job workflow_run";
