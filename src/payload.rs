use serde::{Deserialize, de::DeserializeOwned};

use crate::json::envelope::without_bom;

/// JSON from a provider, read into a type of yours.
///
/// Made by [`read`](Self::read), also in a provider of your own. Any type that serde can read will do;
/// take [`RawJson`](crate::RawJson) for JSON that you want to read later, or not at all. The layer
/// bounds the size of the body, and not the memory of your type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<T> {
    /// It fits the type.
    Typed(T),
    /// It does not fit the type, or is not JSON. Everything that was sent is in
    /// [`Delivery::raw`](crate::Delivery::raw).
    Drifted {
        /// Where the first misfit is: `items[3].price`; empty for the whole. Keys in it are the sender's
        /// text.
        path: String,
    },
}

impl<T> Payload<T> {
    /// The value, if the JSON fits.
    #[must_use]
    pub fn typed(&self) -> Option<&T> {
        match self {
            Self::Typed(value) => Some(value),
            Self::Drifted { .. } => None,
        }
    }
}

impl<T: DeserializeOwned> Payload<T> {
    /// Reads JSON. A byte order mark before it is passed over.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        read(json).map_or_else(|path| Self::Drifted { path }, Self::Typed)
    }
}

/// Reads JSON. Fails with the place of the first misfit.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    let json = without_bom(json);
    serde_json::from_slice(json).map_err(|_| misfit::<T>(json))
}

/// Reads it again, to find out where it does not fit.
#[cold]
fn misfit<'a, T: Deserialize<'a>>(json: &'a [u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => error.path().to_string(),
        // Something follows the JSON.
        Ok(_) => String::new(),
    };
    if path == "." { String::new() } else { path }
}
