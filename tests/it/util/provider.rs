use bytes::Bytes;
use http::request::Parts;
use tower_webhook::{Event, Provider, Received, Rejection, Rules};

/// A provider whose code is a closure.
pub struct Custom<F> {
    rules: Rules,
    receive: F,
}

pub fn custom<E, F>(rules: Rules, receive: F) -> Custom<F>
where
    E: Event,
    F: Fn(&Parts, &Bytes) -> Result<Received<E>, Rejection> + Send + Sync + 'static,
{
    Custom { rules, receive }
}

impl<E, F> Provider for Custom<F>
where
    E: Event,
    F: Fn(&Parts, &Bytes) -> Result<Received<E>, Rejection> + Send + Sync + 'static,
{
    type Event = E;

    fn rules(&self) -> Rules {
        self.rules.clone()
    }

    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<E>, Rejection> {
        (self.receive)(head, body)
    }
}

/// An event of no known name, which holds a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Other<T>(pub T);

impl<T: Send + Sync + 'static> Event for Other<T> {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

/// Panics when it is dropped. A second panic at once would abort the process.
#[derive(Debug)]
pub struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("{}", super::PANIC);
    }
}
