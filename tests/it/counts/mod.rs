//! How outcomes are counted: strikes as the provider counts them, and the feature `metrics`.

#[cfg(feature = "metrics")]
mod metrics;
mod strikes;
