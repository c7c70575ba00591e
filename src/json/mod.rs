//! How JSON of doubtful quality is read.

pub(crate) mod envelope;
pub(crate) mod lenient;
pub(crate) mod misfit;
pub(crate) mod objects;
pub(crate) mod text;
pub(crate) mod token;

mod first_key;
pub(crate) mod scan;
