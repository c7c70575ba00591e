//! What the examples' handlers do with a delivery: print it, then behave as `HANDLER` says.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::StatusCode;
use tower_webhook::Delivery;

use super::{describe::Describe, shown::visible_json};

/// How a delivery is printed.
#[derive(Clone, Copy)]
pub(crate) enum Print {
    Line,
    Json,
}

/// How a handler goes on once it has printed its delivery.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Answer,
    Fail,
    Panic,
    Slow(Duration),
}

/// Where deliveries arrive. A clone is the same desk.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    print: Print,
    behaviour: Mutex<Behaviour>,
    /// While there is one, deliveries go here, as lines, instead of to stdout.
    tape: Mutex<Option<Vec<String>>>,
}

impl Desk {
    pub(crate) fn new(print: Print, behaviour: Behaviour) -> Self {
        Self(Arc::new(Inner {
            print,
            behaviour: Mutex::new(behaviour),
            tape: Mutex::default(),
        }))
    }

    pub(crate) async fn handle<E: Describe>(&self, delivery: &Delivery<E>) -> StatusCode {
        let began = Instant::now();
        let event = delivery.event();
        let line = format!("{} {}", delivery.provider(), event.describe());
        match self.0.print {
            Print::Json if !self.is_taped() => {
                let json = serde_json::to_string(event).expect("an event is all text and lists");
                self.say(&visible_json(&json));
            }
            Print::Line | Print::Json => self.say(&line),
        }
        match self.behaviour() {
            Behaviour::Answer => {}
            Behaviour::Fail => return StatusCode::INTERNAL_SERVER_ERROR,
            Behaviour::Panic => panic!("HANDLER=panic asked for this"),
            Behaviour::Slow(duration) => {
                tokio::time::sleep(duration).await;
                let took = began.elapsed().as_secs_f64();
                self.say(&format!("{line} finished after {took:.1} s"));
            }
        }
        StatusCode::NO_CONTENT
    }

    /// Sets how handlers behave from now on, and says how they did.
    pub(crate) fn behave(&self, behaviour: Behaviour) -> Behaviour {
        std::mem::replace(&mut lock(&self.0.behaviour), behaviour)
    }

    /// Starts a new tape, or none, and hands the old one out.
    pub(crate) fn tape(&self, new: Option<Vec<String>>) -> Vec<String> {
        std::mem::replace(&mut *lock(&self.0.tape), new).unwrap_or_default()
    }

    fn is_taped(&self) -> bool {
        lock(&self.0.tape).is_some()
    }

    fn behaviour(&self) -> Behaviour {
        *lock(&self.0.behaviour)
    }

    fn say(&self, line: &str) {
        match &mut *lock(&self.0.tape) {
            Some(tape) => tape.push(line.to_owned()),
            None => super::say(line),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
