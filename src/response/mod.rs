//! The way out: whose answer it is, and what it looks like.

pub(crate) mod body;
pub(crate) mod failed;
pub(crate) mod late;
