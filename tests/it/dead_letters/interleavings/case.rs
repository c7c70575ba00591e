//! What happens in a random case: who sends what and when, and what fails.

use std::time::Duration;

use tower_webhook::{Failed, Late};

use crate::util::{Chance, Does, Keeps, ms};

/// How long things take, on the paused clock or in real time.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) deadline: Duration,
    pub(super) steps: &'static [Duration],
    /// The time of a handler that takes very long.
    pub(super) long: Duration,
    pub(super) paused: bool,
}

#[rustfmt::skip]
const STEPS: [Duration; 12] = [
    ms(0), ms(0), ms(1), ms(100), ms(299), ms(300), ms(301), ms(600), ms(1299), ms(1300), ms(1301),
    ms(2500),
];

pub(super) const PAUSED: Scale = Scale {
    deadline: ms(300),
    steps: &STEPS,
    long: ms(20_000),
    paused: true,
};

pub(super) const REAL: Scale = Scale {
    deadline: ms(4),
    steps: &[ms(0), ms(0), ms(1), ms(2), ms(3), ms(4), ms(5), ms(8)],
    long: ms(25),
    paused: false,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sends {
    Event,
    Malformed,
    Probe,
    /// A body that never ends.
    Nothing,
    WrongSecret,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Ready {
    After(Duration),
    Never,
    Fails,
    Panics,
}

/// One delivery of a case.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) begins: Duration,
    pub(super) sends: Sends,
    pub(super) ready: Ready,
    pub(super) does: Does,
    pub(super) hangs_up: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) plans: Vec<Plan>,
    pub(super) slots: usize,
    pub(super) late: Late,
    pub(super) failed: Failed,
    pub(super) handler_limit: Option<Duration>,
    pub(super) drain: Option<(Duration, Duration)>,
    /// Whether the store keeps everything at once.
    pub(super) sound: bool,
}

impl Case {
    pub(super) fn new(seed: u64, scale: &Scale) -> Self {
        let mut chance = Chance::new(seed);
        let deliveries = 1 + chance.below(3);
        Self {
            seed,
            plans: (0..deliveries)
                .map(|_| Plan::new(&mut chance, scale))
                .collect(),
            slots: chance.pick(&[1, 1, 2, 8]),
            late: chance.pick(&[Late::Accept, Late::Accept, Late::Refuse]),
            failed: chance.pick(&[Failed::Accept, Failed::Accept, Failed::Refuse]),
            handler_limit: chance.percent(30).then(|| chance.pick(&scale.steps[2..])),
            drain: chance
                .percent(35)
                .then(|| (chance.pick(scale.steps), chance.pick(scale.steps))),
            sound: chance.percent(40),
        }
    }
}

impl Plan {
    fn new(chance: &mut Chance, scale: &Scale) -> Self {
        let after = |chance: &mut Chance| match chance.percent(10) {
            true => scale.long,
            false => chance.pick(scale.steps),
        };
        Self {
            begins: chance.pick(scale.steps),
            sends: match chance.below(100) {
                0..88 => Sends::Event,
                88..94 => Sends::Malformed,
                94..96 => Sends::Probe,
                96..98 => Sends::Nothing,
                _ => Sends::WrongSecret,
            },
            ready: match chance.below(100) {
                0..60 => Ready::After(ms(0)),
                60..85 => Ready::After(chance.pick(scale.steps)),
                85..92 => Ready::Never,
                92..96 => Ready::Fails,
                _ => Ready::Panics,
            },
            does: match chance.below(100) {
                0..45 => Does::AnswerAfter(after(chance), 204),
                45..65 => {
                    let status = chance.pick(&[500, 302, 404]);
                    Does::AnswerAfter(after(chance), status)
                }
                65..80 => Does::FailAfter(after(chance)),
                80..88 => Does::PanicInCall,
                _ => Does::PanicAfter(after(chance)),
            },
            hangs_up: chance.percent(35).then(|| chance.pick(scale.steps)),
        }
    }
}

/// What the store does with that call: random, and the same each time.
pub(super) fn keeps(case: &Case, scale: &Scale, key: u64, what: &str) -> Keeps {
    let mut chance = Chance::new(case.seed ^ (key + 1).rotate_left(40) ^ (what.len() as u64) << 32);
    if case.sound {
        return Keeps::After(chance.pick(&[ms(0), ms(1)]));
    }
    let after = chance.pick(scale.steps);
    match chance.below(10) {
        0..5 => Keeps::After(after),
        5..7 => Keeps::FailsAfter(after),
        7 => Keeps::PanicsInCall,
        8 => Keeps::PanicsAfter(after),
        _ if scale.paused => Keeps::Hangs,
        // Longer than anybody waits.
        _ => Keeps::After(ms(1200)),
    }
}
