//! The way in, in the order in which a request takes it.

pub(crate) mod collect;

pub(crate) mod body;
