//! Answers that are the user's choice, and how a replay says that it was not marked.

/// What the provider hears when the handler is not done by the deadline. The handler goes on
/// either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Late {
    /// A success: `202 Accepted` for Alegra, `200 OK` for Bsale.
    ///
    /// The provider takes the delivery for received and does not send it again. Without a
    /// [store](crate::WebhookLayer::dead_letters) it is in this process alone until the handler
    /// ends: a crash after the answer loses it. With one it is stored before the answer leaves.
    #[default]
    Accept,
    /// `503 Service Unavailable` with `Retry-After`.
    ///
    /// Alegra counts that as a strike and deletes a subscription after ten in a row. No provider
    /// documents that it would send the delivery again.
    Refuse,
}

/// What the provider hears of a delivery that failed and that the
/// [store](crate::WebhookLayer::dead_letters) has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failed {
    /// A success, `202 Accepted` for Alegra and `200 OK` for Bsale, once the store has confirmed
    /// the letter. From then on it is yours to replay.
    ///
    /// The store has until one second after the deadline, less where the provider would not wait
    /// that long. If it fails or takes longer, the failure goes out.
    #[default]
    Accept,
    /// The failure, as if there were no store, and at once; the letter says so
    /// ([`is_acknowledged`](crate::DeadLetter::is_acknowledged)). See [`Late::Refuse`] for what it costs.
    Refuse,
}

/// In the extensions of the response to a [replay](crate::Webhook::replay): the store has not
/// confirmed in time that it knows how the replay ended.
#[derive(Debug, Clone)]
pub struct Unmarked(pub(crate) ());
