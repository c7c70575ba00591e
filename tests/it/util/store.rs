use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tower_webhook::{DeadLetter, DeadLetters, LetterReason};

use super::{PANIC, key_of, ms, pass};

type StoreError = Box<dyn Error + Send + Sync>;

/// What a [`Store`] does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    After(Duration),
    FailsAfter(Duration),
    PanicsInCall,
    PanicsAfter(Duration),
    Hangs,
}

impl Keeps {
    pub const AT_ONCE: Self = Self::After(ms(0));
    pub const FAILS: Self = Self::FailsAfter(ms(0));
    pub const PANICS: Self = Self::PanicsAfter(ms(0));
}

/// By the delivery's key and the letter's reason, or `"done"`.
type Script = dyn Fn(u64, &'static str) -> Keeps + Send + Sync;

/// A store of dead letters in memory. It notes every call, and every call that the layer promises
/// never to make. It knows deliveries by their keys.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    script: Arc<Script>,
    waiting: BTreeMap<String, Arc<DeadLetter>>,
    keys: BTreeMap<String, u64>,
    calls: Vec<Call>,
    by_key: BTreeMap<u64, Vec<usize>>,
    under_way: BTreeSet<String>,
    violations: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub key: u64,
    pub id: String,
    /// The letter's reason, or `"done"`.
    pub what: &'static str,
    /// `None` for `done`.
    pub letter: Option<Arc<DeadLetter>>,
    pub keeps: Keeps,
    /// `None` while it is under way.
    pub confirmed: Option<bool>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Keeps::AT_ONCE)
    }
}

impl Store {
    /// One that does the same with every call.
    pub fn new(keeps: Keeps) -> Self {
        Self::scripted(move |_, _| keeps)
    }

    pub fn scripted(script: impl Fn(u64, &'static str) -> Keeps + Send + Sync + 'static) -> Self {
        let inner = Inner {
            script: Arc::new(script),
            waiting: BTreeMap::new(),
            keys: BTreeMap::new(),
            calls: Vec::new(),
            by_key: BTreeMap::new(),
            under_way: BTreeSet::new(),
            violations: Vec::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// What it does from now on.
    pub fn set(&self, keeps: Keeps) {
        self.inner().script = Arc::new(move |_, _| keeps);
    }

    /// The letters that are kept and not done.
    pub fn waiting(&self) -> Vec<DeadLetter> {
        let inner = self.inner();
        let waiting = inner.waiting.values();
        waiting.map(|letter| (**letter).clone()).collect()
    }

    /// The only letter that is kept and not done.
    #[track_caller]
    pub fn only(&self) -> DeadLetter {
        let mut waiting = self.waiting();
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        waiting.remove(0)
    }

    /// The keys of what is kept and not done.
    pub fn keys(&self) -> BTreeSet<u64> {
        let inner = self.inner();
        inner.waiting.keys().map(|id| inner.keys[id]).collect()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.inner().calls.clone()
    }

    pub fn calls_of(&self, key: u64) -> Vec<Call> {
        let inner = self.inner();
        let numbers = inner.by_key.get(&key).into_iter().flatten();
        numbers.map(|number| inner.calls[*number].clone()).collect()
    }

    /// Every letter that it has confirmed, done or not.
    pub fn letters(&self) -> Vec<DeadLetter> {
        let confirmed = self.confirmed().into_iter();
        let letters = confirmed.filter_map(|call| call.letter);
        letters.map(|letter| (*letter).clone()).collect()
    }

    /// How many letters it has confirmed as done.
    pub fn done(&self) -> usize {
        let confirmed = self.confirmed().into_iter();
        confirmed.filter(|call| call.letter.is_none()).count()
    }

    /// The reasons of its letters, and `None` for done. All have to be of one delivery.
    #[track_caller]
    pub fn reasons(&self) -> Vec<Option<LetterReason>> {
        let confirmed = self.confirmed();
        assert!(confirmed.iter().all(|call| call.id == confirmed[0].id));
        let letters = confirmed.into_iter().map(|call| call.letter);
        letters
            .map(|letter| letter.map(|letter| letter.reason()))
            .collect()
    }

    /// Whether it has confirmed a letter of that delivery, for that reason if one is given.
    pub fn was_kept(&self, key: u64, reason: Option<&str>) -> bool {
        let inner = self.inner();
        let mut numbers = inner.by_key.get(&key).into_iter().flatten();
        numbers.any(|number| {
            let call = &inner.calls[*number];
            call.confirmed == Some(true)
                && call.what != "done"
                && reason.is_none_or(|reason| reason == call.what)
        })
    }

    /// Calls about one letter at the same time, calls that were begun and dropped, and `done` of
    /// what was never stored.
    pub fn violations(&self) -> Vec<String> {
        self.inner().violations.clone()
    }

    fn confirmed(&self) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| call.confirmed == Some(true)).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn begin(&self, id: &str, key: u64, letter: Option<DeadLetter>) -> UnderWay {
        let mut inner = self.inner();
        let what = letter.as_ref().map_or("done", |it| it.reason().as_str());
        let keeps = (inner.script)(key, what);
        let number = inner.calls.len();
        if !inner.under_way.insert(id.to_owned()) {
            let violation = format!("{what} of {key} beside another call");
            inner.violations.push(violation);
        }
        inner.keys.insert(id.to_owned(), key);
        inner.by_key.entry(key).or_default().push(number);
        inner.calls.push(Call {
            key,
            id: id.to_owned(),
            what,
            letter: letter.map(Arc::new),
            keeps,
            confirmed: None,
        });
        UnderWay {
            store: self.clone(),
            number,
        }
    }
}

impl DeadLetters for Store {
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), StoreError>> + Send {
        let id = letter.id().to_owned();
        let key = key_of(letter.record().body());
        self.begin(&id, key, Some(letter)).run()
    }

    fn done(&self, id: &str) -> impl Future<Output = Result<(), StoreError>> + Send {
        let key = self.inner().keys.get(id).copied();
        let key = key.unwrap_or_else(|| {
            let violation = format!("{id} done and never stored");
            self.inner().violations.push(violation);
            u64::MAX
        });
        self.begin(id, key, None).run()
    }
}

struct UnderWay {
    store: Store,
    number: usize,
}

impl UnderWay {
    fn run(self) -> impl Future<Output = Result<(), StoreError>> + Send {
        let keeps = self.store.inner().calls[self.number].keeps;
        if keeps == Keeps::PanicsInCall {
            self.end(false);
            panic!("{PANIC}");
        }
        async move {
            match keeps {
                Keeps::After(delay) | Keeps::FailsAfter(delay) | Keeps::PanicsAfter(delay) => {
                    pass(delay).await;
                }
                Keeps::Hangs => pending().await,
                Keeps::PanicsInCall => unreachable!("it panicked before"),
            }
            self.end(matches!(keeps, Keeps::After(_)));
            match keeps {
                Keeps::FailsAfter(_) => Err("the disk is full".into()),
                Keeps::PanicsAfter(_) => panic!("{PANIC}"),
                _ => Ok(()),
            }
        }
    }

    fn end(&self, confirmed: bool) {
        let mut inner = self.store.inner();
        let call = &mut inner.calls[self.number];
        call.confirmed = Some(confirmed);
        let (id, letter) = (call.id.clone(), call.letter.clone());
        inner.under_way.remove(&id);
        match letter {
            Some(letter) if confirmed => drop(inner.waiting.insert(id, letter)),
            None if confirmed => drop(inner.waiting.remove(&id)),
            _ => {}
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut inner = self.store.inner();
        let call = &inner.calls[self.number];
        // A call that hangs is dropped with its runtime.
        if call.confirmed.is_none() && call.keeps != Keeps::Hangs {
            let violation = format!("{} of {} was begun and dropped", call.what, call.key);
            inner.violations.push(violation);
        }
    }
}
