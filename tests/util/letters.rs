//! A store in memory that does what its test says and takes down what it was promised would never
//! be done to it; and what goes with it: deliveries that can be told apart, chance with a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, Once},
    time::Duration,
};

use tokio::time::sleep;
use tower_webhook::{DeadLetter, DeadLetters};

use super::PANIC;

/// What the store does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    KeepAfter(Duration),
    FailAfter(Duration),
    PanicInCall,
    PanicAfter(Duration),
    Hang,
}

/// By the delivery's key and the letter's reason, or `"done"`.
type Script = dyn Fn(u64, &'static str) -> Care + Send + Sync;

#[derive(Clone)]
pub struct Letters {
    kept: Arc<Mutex<Kept>>,
    script: Arc<Script>,
}

#[derive(Default)]
struct Kept {
    letters: BTreeMap<String, DeadLetter>,
    keys: BTreeMap<String, u64>,
    entries: Vec<Entry>,
    by_key: BTreeMap<u64, Vec<usize>>,
    under_way: BTreeSet<String>,
    violations: Vec<String>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: u64,
    pub id: String,
    /// The letter's reason, or `"done"`.
    pub what: &'static str,
    pub acknowledged: bool,
    pub attempts: u32,
    pub care: Care,
    /// Whether it was confirmed; `None` while it is under way.
    pub confirmed: Option<bool>,
}

impl Letters {
    pub fn new(script: impl Fn(u64, &'static str) -> Care + Send + Sync + 'static) -> Self {
        Self {
            kept: Arc::default(),
            script: Arc::new(script),
        }
    }

    /// A store that always does the same.
    pub fn always(care: Care) -> Self {
        Self::new(move |_, _| care)
    }

    /// What is kept and not done.
    pub fn all(&self) -> Vec<DeadLetter> {
        self.kept().letters.values().cloned().collect()
    }

    /// Of what is kept and not done.
    pub fn keys(&self) -> BTreeSet<u64> {
        let kept = self.kept();
        kept.letters.keys().map(|id| kept.keys[id]).collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.kept().entries.clone()
    }

    pub fn entries_of(&self, key: u64) -> Vec<Entry> {
        let kept = self.kept();
        let numbers = kept.by_key.get(&key).into_iter().flatten();
        numbers
            .map(|number| kept.entries[*number].clone())
            .collect()
    }

    /// Whether the store has confirmed a letter of that delivery, for that reason if one is given.
    pub fn was_kept(&self, key: u64, reason: Option<&str>) -> bool {
        self.entries_of(key).iter().any(|entry| {
            entry.confirmed == Some(true)
                && entry.what != "done"
                && reason.is_none_or(|reason| reason == entry.what)
        })
    }

    /// Calls about one letter at the same time, calls begun and dropped, what was done before it
    /// was stored.
    pub fn violations(&self) -> Vec<String> {
        self.kept().violations.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn begin(&self, id: &str, key: u64, letter: Option<DeadLetter>) -> Call {
        let what = letter.as_ref().map_or("done", |it| it.reason().as_str());
        let care = (self.script)(key, what);
        let mut kept = self.kept();
        let number = kept.entries.len();
        if !kept.under_way.insert(id.to_owned()) {
            let violation = format!("{what} of {key} beside another call");
            kept.violations.push(violation);
        }
        kept.keys.insert(id.to_owned(), key);
        kept.by_key.entry(key).or_default().push(number);
        kept.entries.push(Entry {
            key,
            id: id.to_owned(),
            what,
            acknowledged: letter.as_ref().is_some_and(DeadLetter::is_acknowledged),
            attempts: letter.as_ref().map_or(0, DeadLetter::attempts),
            care,
            confirmed: None,
        });
        Call {
            letters: self.clone(),
            number,
            letter,
        }
    }
}

impl DeadLetters for Letters {
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), Failure>> + Send {
        let id = letter.id().to_owned();
        let key = key_of(letter.record().body());
        self.begin(&id, key, Some(letter)).go()
    }

    fn done(&self, id: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        let key = self.kept().keys.get(id).copied();
        let key = key.unwrap_or_else(|| {
            let violation = format!("{id} done and never stored");
            self.kept().violations.push(violation);
            u64::MAX
        });
        self.begin(id, key, None).go()
    }
}

type Failure = Box<dyn Error + Send + Sync>;

/// A call under way.
struct Call {
    letters: Letters,
    number: usize,
    letter: Option<DeadLetter>,
}

impl Call {
    fn go(mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        let care = self.letters.kept().entries[self.number].care;
        if care == Care::PanicInCall {
            self.end(false);
            panic!("{PANIC}");
        }
        async move {
            match care {
                Care::KeepAfter(delay) => {
                    pass(delay).await;
                    self.end(true);
                    Ok(())
                }
                Care::FailAfter(delay) => {
                    pass(delay).await;
                    self.end(false);
                    Err("the disk is full".into())
                }
                Care::PanicAfter(delay) => {
                    pass(delay).await;
                    self.end(false);
                    panic!("{PANIC}")
                }
                Care::Hang => std::future::pending().await,
                Care::PanicInCall => unreachable!("it panicked before"),
            }
        }
    }

    fn end(&mut self, confirmed: bool) {
        let mut kept = self.letters.kept();
        let entry = &mut kept.entries[self.number];
        entry.confirmed = Some(confirmed);
        let (id, is_done) = (entry.id.clone(), entry.what == "done");
        kept.under_way.remove(&id);
        match self.letter.take() {
            Some(letter) if confirmed => drop(kept.letters.insert(id, letter)),
            None if confirmed && is_done => drop(kept.letters.remove(&id)),
            _ => {}
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut kept = self.letters.kept();
        let entry = &kept.entries[self.number];
        // What hangs for ever ends with its runtime.
        if entry.confirmed.is_none() && entry.care != Care::Hang {
            let violation = format!("{} of {} was begun and dropped", entry.what, entry.key);
            kept.violations.push(violation);
        }
    }
}

/// That long, or not even a timer.
pub async fn pass(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

/// A delivery of Alegra's that can be told from all others by its key.
pub fn delivery(event: &str, key: u64) -> String {
    let (_, object) = event.split_once('-').expect("a verb and an object");
    format!(r#"{{"subject":"{event}","message":{{"{object}":{{"id":"{key}"}}}}}}"#)
}

/// The one number in a body; of others, whatever its digits make.
pub fn key_of(body: &[u8]) -> u64 {
    let digits = body.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |key, digit| {
        key.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    })
}

/// SplitMix64: chance that comes out the same every time.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).expect("an index")]
    }
}

/// Keeps the panics that are part of a test out of its output, and no others.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>();
            if text.is_none_or(|text| text != PANIC) {
                loud(info);
            }
        }));
    });
}
