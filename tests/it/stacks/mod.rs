//! The layer in stacks of other middleware, behind real sockets.

#[cfg(feature = "axum")]
mod axum;
mod hyper;
#[cfg(feature = "axum")]
mod servers;
#[cfg(feature = "axum")]
mod tonic;
mod wire;
