use http::{
    Method,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
};
use http_body::SizeHint;

use crate::rejection::RejectionKind;

/// Checks what the head alone shows: method, encoding, announced length.
pub(crate) fn check(
    head: &Parts,
    body: &SizeHint,
    methods: &[Method],
    body_limit: usize,
) -> Result<(), RejectionKind> {
    if !methods.contains(&head.method) {
        return Err(RejectionKind::Method);
    }
    if is_encoded(head) {
        return Err(RejectionKind::Encoding);
    }
    if exceeds(head, body, body_limit) {
        return Err(RejectionKind::TooLarge);
    }
    Ok(())
}

/// Whether a delivery, or a probe, can come by this method. A redirect can turn a POST into a GET; HEAD
/// and the other safe methods bring none.
pub(crate) fn may_be_delivery(method: &Method, methods: &[Method]) -> bool {
    !method.is_safe() || *method == Method::GET || methods.contains(method)
}

fn is_encoded(head: &Parts) -> bool {
    let values = head.headers.get_all(CONTENT_ENCODING).into_iter();
    let mut names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.any(|name| is_coding(&name.trim_ascii().to_ascii_lowercase()))
}

/// Some senders write the body's character set in `Content-Encoding`, or that it is sent as it is.
fn is_coding(name: &[u8]) -> bool {
    let as_it_is: [&[u8]; 6] = [b"", b"identity", b"none", b"7bit", b"8bit", b"binary"];
    let character_sets: [&[u8]; 4] = [b"utf-8", b"utf8", b"us-ascii", b"iso-8859-1"];
    !as_it_is.contains(&name) && !character_sets.contains(&name)
}

fn exceeds(head: &Parts, body: &SizeHint, limit: usize) -> bool {
    let limit = limit as u64;
    // hyper has read the header already: its body knows the exact length.
    let length = body.exact().or_else(|| announced(head));
    length.is_some_and(|length| length > limit) || body.lower() > limit
}

/// Whether a body of so many bytes ended before its `Content-Length`.
pub(crate) fn is_truncated(head: &Parts, bytes: usize) -> bool {
    announced(head).is_some_and(|length| length > bytes as u64)
}

/// The `Content-Length`. A server rejects one that is no number; beside a `Transfer-Encoding` it means
/// nothing.
fn announced(head: &Parts) -> Option<u64> {
    let length = head.headers.get(CONTENT_LENGTH)?;
    let is_chunked = head.headers.contains_key(TRANSFER_ENCODING);
    length.to_str().ok()?.parse().ok().filter(|_| !is_chunked)
}
