use std::{mem, ops::ControlFlow};

use bytes::Bytes;
use http::{Method, Response, request::Parts};
use tokio::time::Instant;

use super::{Failure, Step};
use crate::{
    journal::End,
    outcome::LetterReason,
    panic::{Panicked, caught, let_go},
    provider::{Event as _, Provider, Received, ReceivedKind},
    rejection::{Rejection, RejectionKind},
    reporter::Reporter,
    response::body::ResponseBody,
};

/// Makes a delivery of what the provider takes for one; of anything else the step that follows.
pub(super) fn decode<P, B, R, E>(
    head: &Parts,
    mut raw: Bytes,
    reporter: &mut Reporter<P>,
    deadline: Instant,
) -> ControlFlow<Step<B, R, E>>
where
    P: Provider,
{
    reporter.set_body_size(raw.len());
    let found = caught(|| match reporter.config().provider.receive(head, &raw) {
        Err(rejection) => Found::Rejected(rejection),
        Ok(Received(ReceivedKind::Probe(reply))) => Found::Probe(reply),
        // By the other methods a provider can only knock.
        Ok(Received(ReceivedKind::Event(event))) if head.method != Method::POST => {
            let_go(event);
            Found::Knock
        }
        Ok(Received(ReceivedKind::Event(event))) => {
            let name = reporter.config().rules.known(event.name());
            reporter.deliver(event, name, mem::take(&mut raw), deadline);
            Found::Delivery
        }
    });
    let letter = |rejection, reason| match head.method {
        Method::POST => Step::Fail {
            failure: Failure::Rejected(rejection, reason),
            raw: Some(raw),
            slot: None,
        },
        // By the other methods nothing comes that could be lost.
        _ => Step::Reject(rejection),
    };
    let step = match found {
        Ok(Found::Delivery) => return ControlFlow::Continue(()),
        Ok(Found::Probe(reply)) => {
            reporter.settle(End::probe(reply.status()));
            Step::Answer(Ok(reply.map(ResponseBody::own)))
        }
        Ok(Found::Knock) => Step::reject(RejectionKind::Method),
        Ok(Found::Rejected(rejection)) => match rejection.kind() {
            RejectionKind::Malformed => letter(rejection, LetterReason::Malformed),
            _ => Step::Reject(rejection),
        },
        Err(Panicked) => {
            let rejection = Rejection::new(RejectionKind::Panicked);
            letter(rejection, LetterReason::Panicked)
        }
    };
    ControlFlow::Break(step)
}

/// What a provider found in a request.
enum Found {
    Probe(Response<Bytes>),
    /// An event that nobody may deliver by that method.
    Knock,
    /// An event, delivered by now.
    Delivery,
    Rejected(Rejection),
}
