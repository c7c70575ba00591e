/// What the provider hears of a delivery that failed and that the
/// [store](crate::WebhookLayer::dead_letters) has.
///
/// Together with [`Late`](crate::Late) it is the one choice between the provider's view of things
/// and the handler's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failed {
    /// A success, `202 Accepted` for Alegra and `200 OK` for Bsale, once the store has confirmed
    /// the letter: the delivery is no longer the provider's to send again, but yours to replay.
    ///
    /// The store has until one second after the deadline, less where the provider would not wait
    /// that long. If it fails or takes longer, the failure goes out.
    #[default]
    Accept,
    /// The failure, as if there were no store, and at once; the letter says so
    /// ([`is_acknowledged`](crate::DeadLetter::is_acknowledged)).
    ///
    /// For Alegra that is a strike, ten of which in a row cost the subscription, and no provider
    /// documents that it would send the delivery again.
    Refuse,
}
