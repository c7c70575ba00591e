//! What happens in a case, all by chance: who sends what and when, and what fails.

use std::time::Duration;

use tower_webhook::{Failed, Late};

use crate::util::{
    letters::{Care, Chance},
    ms,
};

/// How long things take: on the paused clock, or in reality.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) deadline: Duration,
    pub(crate) steps: &'static [Duration],
    /// Of a handler that is all but never done.
    pub(crate) long: Duration,
    pub(crate) paused: bool,
}

pub(crate) const PAUSED: Scale = Scale {
    deadline: ms(300),
    steps: &[
        ms(0),
        ms(0),
        ms(1),
        ms(100),
        ms(299),
        ms(300),
        ms(301),
        ms(600),
        ms(1299),
        ms(1300),
        ms(1301),
        ms(2500),
    ],
    long: ms(20_000),
    paused: true,
};

pub(crate) const REAL: Scale = Scale {
    deadline: ms(4),
    steps: &[ms(0), ms(0), ms(1), ms(2), ms(3), ms(4), ms(5), ms(8)],
    long: ms(25),
    paused: false,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sends {
    Event,
    Malformed,
    Probe,
    /// A body that never ends.
    Nothing,
    WrongSecret,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    After(Duration),
    Never,
    Fails,
    Panics,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    Status(u16, Duration),
    Fail(Duration),
    PanicInCall,
    Panic(Duration),
}

/// One delivery of a case.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) begins: Duration,
    pub(crate) sends: Sends,
    pub(crate) ready: Ready,
    pub(crate) does: Does,
    pub(crate) hangs_up: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) plans: Vec<Plan>,
    pub(crate) slots: usize,
    pub(crate) late: Late,
    pub(crate) failed: Failed,
    pub(crate) handler_limit: Option<Duration>,
    pub(crate) drain: Option<(Duration, Duration)>,
    /// Whether the store keeps everything at once.
    pub(crate) sound: bool,
}

impl Case {
    pub(crate) fn new(seed: u64, scale: &Scale) -> Self {
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
                0..45 => Does::Status(204, after(chance)),
                45..65 => Does::Status(chance.pick(&[500, 302, 404]), after(chance)),
                65..80 => Does::Fail(after(chance)),
                80..88 => Does::PanicInCall,
                _ => Does::Panic(after(chance)),
            },
            hangs_up: chance.percent(35).then(|| chance.pick(scale.steps)),
        }
    }
}

/// What the store does with that call; a matter of chance, and the same each time.
pub(crate) fn care(case: &Case, scale: &Scale, key: u64, what: &str) -> Care {
    let mut chance = Chance::new(case.seed ^ (key + 1).rotate_left(40) ^ (what.len() as u64) << 32);
    if case.sound {
        return Care::KeepAfter(chance.pick(&[ms(0), ms(1)]));
    }
    let after = chance.pick(scale.steps);
    match chance.below(10) {
        0..5 => Care::KeepAfter(after),
        5..7 => Care::FailAfter(after),
        7 => Care::PanicInCall,
        8 => Care::PanicAfter(after),
        _ if scale.paused => Care::Hang,
        // For as long as anybody waits for it.
        _ => Care::KeepAfter(ms(1200)),
    }
}
