use std::sync::Arc;

use crate::{metrics, outcome::Outcome, panic::caught, strikes::Strikes, trace};

pub(crate) type Observer = Arc<dyn Fn(&Outcome) + Send + Sync>;

/// Who hears of the outcomes of a layer's requests, besides the log.
#[derive(Clone)]
pub(crate) struct Observers {
    pub(crate) strikes: Strikes,
    pub(crate) user: Option<Observer>,
}

/// Without observers, the log alone.
pub(crate) fn tell(observers: Option<&Observers>, outcome: &Outcome) {
    // An outcome may be told while a panic unwinds, and a second panic would abort.
    let logged = caught(|| trace::outcome(outcome));
    let Some(observers) = observers else { return };
    let _ = caught(|| observers.strikes.count(outcome));
    let _ = caught(|| metrics::outcome(outcome));
    let Some(user) = &observers.user else { return };
    let told = caught(|| user(outcome));
    if logged.is_ok() && told.is_err() {
        let _ = caught(|| trace::broken_observer(outcome));
    }
}
