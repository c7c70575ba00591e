//! How JSON of doubtful quality is read.

pub(crate) mod envelope;
pub(crate) mod lenient;
pub(crate) mod misfit;
pub(crate) mod objects;
pub(crate) mod raw;
pub(crate) mod reader;
pub(crate) mod text;
pub(crate) mod text_or_object;
pub(crate) mod texts;
pub(crate) mod token;

mod first_key;
pub(crate) mod scan;
mod value;
