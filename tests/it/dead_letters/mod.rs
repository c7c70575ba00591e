//! Deliveries that fail are stored, and replayed. `subscription` and `interleavings` play everything
//! together, by chance.

mod drain;
mod hang;
mod interleavings;
#[cfg(file_lock)]
mod json_lines;
mod late;
mod letters;
mod not_stored;
mod replayed;
mod stored;
mod subscription;

use tower_webhook::{LetterReason, WebhookLayer, alegra::Alegra};

use crate::util::{ALEGRA, Broken, Does, Handler, ms, post, status_of};

/// The status of the answer to a delivery whose handler does that.
async fn deliver(layer: &WebhookLayer<Alegra>, does: Does) -> Result<u16, Broken> {
    status_of(layer, &Handler::new(does), post(ALEGRA)).await
}

/// Each way in which a handler fails in time.
fn failures() -> [(Does, LetterReason); 6] {
    [
        (Does::Answer(500), LetterReason::Status),
        (Does::AnswerAfter(ms(100), 302), LetterReason::Status),
        (Does::Fail, LetterReason::Error),
        (Does::FailAfter(ms(100)), LetterReason::Error),
        (Does::PanicInCall, LetterReason::Panicked),
        (Does::PanicAfter(ms(100)), LetterReason::Panicked),
    ]
}
