use std::{pin::Pin, sync::Mutex};

use bytes::Bytes;
use http::Response;
use pin_project_lite::pin_project;
use tokio::task::{JoinError, JoinHandle};

use super::Failure;
use crate::{
    background::{Slot, SlotFuture},
    dead_letter::Confirmation,
    handler::Ended,
    outcome::LetterReason,
    panic::caught,
    rejection::{Rejection, RejectionKind},
    request::collect::Collect,
    response::body::ResponseBody,
};

pin_project! {
    /// What is being waited for, in the order in which a request gets there.
    #[project = StateProj]
    pub(super) enum State<B, R, E> {
        Refuse {
            kind: RejectionKind,
        },
        Collect {
            #[pin]
            body: Collect<B>,
        },
        Admit {
            waiting: SlotFuture,
        },
        Ready {
            slot: Option<Slot>,
        },
        Run {
            handler: JoinHandle<Ended<R, E>>,
            // Once it is late, and there is a store.
            pending: Option<Confirmation>,
        },
        Keep {
            // Nobody locks it: it lets the future be `Sync` where the error is `Send` alone.
            failure: Mutex<Option<Failure<E>>>,
            confirmation: Confirmation,
        },
        Done,
    }
}

impl<B, R, E> State<B, R, E> {
    /// What the state before held is the user's too, and may panic when it is dropped.
    pub(super) fn enter(mut self: Pin<&mut Self>, next: Self) {
        let _ = caught(|| self.set(next));
    }
}

/// What comes of looking at a state.
pub(super) enum Step<B, R, E> {
    Next(State<B, Response<R>, E>),
    /// The same, where the wakers are registered: the future is pending.
    Wait(State<B, Response<R>, E>),
    Answer(Result<Response<ResponseBody<R>>, E>),
    /// The handler has a task of its own.
    Begun(JoinHandle<Ended<Response<R>, E>>),
    /// That task is over.
    Ended(Result<Ended<Response<R>, E>, JoinError>),
    /// What never was a delivery.
    Reject(Rejection),
    /// What gets to no handler: a delivery, or the body that could not be read as one.
    Fail {
        failure: Failure<E>,
        raw: Option<Bytes>,
        slot: Option<Slot>,
    },
}

impl<B, R, E> Step<B, R, E> {
    pub(super) fn reject(kind: RejectionKind) -> Self {
        Self::Reject(Rejection::new(kind))
    }

    /// Of a delivery that has no slot.
    pub(super) fn fail(kind: RejectionKind, reason: LetterReason) -> Self {
        Self::Fail {
            failure: Failure::rejected(kind, reason),
            raw: None,
            slot: None,
        }
    }
}
