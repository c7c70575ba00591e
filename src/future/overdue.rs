use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;

use crate::{
    dead_letter::Confirmation,
    deadline::Deadline,
    journal::End,
    provider::Provider,
    rejection::{Rejection, RejectionKind},
    reporter::Reporter,
    response::{body::ResponseBody, late::Late},
};

/// What goes out while the handler still runs, once that is past the deadline. With a store it has
/// the delivery first: `pending` is its word for that.
pub(super) fn overdue<P: Provider, R>(
    pending: &mut Option<Confirmation>,
    deadline: Pin<&mut Deadline>,
    reporter: &Reporter<P>,
    cx: &mut Context<'_>,
) -> Poll<Response<ResponseBody<R>>> {
    let late = ready!(late(pending, deadline, reporter, cx));
    let config = reporter.config();
    if !reporter.settle_late(End::late(late.status(config.rules.success))) {
        // The handler is at its end: its answer is on the way.
        return Poll::Pending;
    }
    Poll::Ready(match late {
        Late::Accept => config.success(),
        Late::Refuse => config.refuse(Rejection::new(RejectionKind::Late)),
    })
}

fn late<P: Provider>(
    pending: &mut Option<Confirmation>,
    mut deadline: Pin<&mut Deadline>,
    reporter: &Reporter<P>,
    cx: &mut Context<'_>,
) -> Poll<Late> {
    let config = reporter.config();
    loop {
        if let Some(confirmation) = pending {
            if Pin::new(&mut *confirmation).poll(cx) == Poll::Ready(true) {
                return Poll::Ready(Late::Accept);
            }
            // The handler has as long as the store would have had.
            ready!(deadline.as_mut().poll(cx));
            return Poll::Ready(match confirmation.is_kept() {
                true => Late::Accept,
                false => Late::Refuse,
            });
        }
        ready!(deadline.as_mut().poll(cx));
        if config.late == Late::Refuse || config.keeper.is_none() {
            return Poll::Ready(config.late);
        }
        // Without one, the handler's answer is on the way.
        let Some(stored) = reporter.store_pending() else {
            return Poll::Pending;
        };
        *pending = Some(stored);
        let until = config.store_until(deadline.instant());
        deadline.as_mut().reset(until);
    }
}
