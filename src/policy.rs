//! Responses that are the user's choice.

/// The response when the handler is not done by the deadline. The handler goes on either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Late {
    /// The provider's [success](crate::Rules::success): `202 Accepted` for Alegra, `200 OK` for Bsale.
    ///
    /// The provider takes the delivery for received and does not send it again. Without a
    /// [store](crate::WebhookLayer::dead_letters), a crash before the handler ends loses the delivery.
    /// With one, the layer stores it before it answers.
    #[default]
    Accept,
    /// `503 Service Unavailable` with `Retry-After`.
    ///
    /// Alegra counts that as a strike and deletes a subscription after ten in a row. Neither Alegra nor
    /// Bsale documents that it would send the delivery again. Meta, and senders of Standard Webhooks, do:
    /// the handler may then run twice.
    Refuse,
}

/// The response to a failed delivery that the [store](crate::WebhookLayer::dead_letters) has
/// confirmed.
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
    /// The failure itself, without waiting for the store. The letter is then not
    /// [acknowledged](crate::DeadLetter::is_acknowledged). See [`Late::Refuse`] for what it costs.
    Refuse,
}
