use tower_webhook::{Event, Incoming, Provider, Received, Rejection, Rules};

/// A provider that decodes with a closure.
pub struct Custom<F> {
    rules: Rules,
    decode: F,
}

pub fn custom<E, F>(rules: Rules, decode: F) -> Custom<F>
where
    E: Event,
    F: Fn(&Incoming<'_>) -> Result<Received<E>, Rejection> + Send + Sync + 'static,
{
    Custom { rules, decode }
}

impl<E, F> Provider for Custom<F>
where
    E: Event,
    F: Fn(&Incoming<'_>) -> Result<Received<E>, Rejection> + Send + Sync + 'static,
{
    type Event = E;

    fn rules(&self) -> Rules {
        self.rules.clone()
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<E>, Rejection> {
        (self.decode)(request)
    }
}

/// An event of no known name, which holds a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Other<T>(pub T);

impl<T: Send + Sync + 'static> Event for Other<T> {
    fn name(&self) -> &str {
        "other"
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
