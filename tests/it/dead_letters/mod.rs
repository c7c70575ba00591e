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

use tower_webhook::{WebhookLayer, alegra::Alegra};

use crate::util::{ALEGRA, Broken, Does, Handler, post, status_of};

/// The status of the answer to a delivery whose handler does that.
async fn deliver(layer: &WebhookLayer<Alegra>, does: Does) -> Result<u16, Broken> {
    status_of(layer, &Handler::new(does), post(ALEGRA)).await
}
