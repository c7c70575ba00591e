use http::{
    Method,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
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
    if !is_identity(head) {
        return Err(RejectionKind::Encoding);
    }
    if exceeds(head, body, body_limit) {
        return Err(RejectionKind::TooLarge);
    }
    Ok(())
}

/// Whether a request of the provider's may come by this method. A redirect can turn its POST into a
/// GET; HEAD and the other safe methods bring no delivery.
pub(crate) fn is_providers(method: &Method, methods: &[Method]) -> bool {
    !method.is_safe() || *method == Method::GET || methods.contains(method)
}

fn is_identity(head: &Parts) -> bool {
    head.headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

fn exceeds(head: &Parts, body: &SizeHint, limit: usize) -> bool {
    let limit = limit as u64;
    // hyper has read the header already: its body knows the exact length.
    let length = body.exact().or_else(|| announced(head));
    length.is_some_and(|length| length > limit) || body.lower() > limit
}

/// The `Content-Length`. A server rejects one that is no number; without a server the size of the
/// frames decides.
fn announced(head: &Parts) -> Option<u64> {
    let length = head.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
