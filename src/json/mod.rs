//! How JSON of doubtful quality is read.
//!
//! [`reader`] is a fast reader of JSON. [`token`] gives one value as it is written, from that reader or
//! from `serde_json`. [`lenient`] has one function for each way in which providers are inexact.
//! [`envelope`] looks for what is wrong with a body that does not fit.

pub(crate) mod envelope;
pub(crate) mod lenient;
pub(crate) mod reader;
pub(crate) mod token;

mod escape;

#[cfg(test)]
mod tests;
