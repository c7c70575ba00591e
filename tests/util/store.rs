//! A store of dead letters in memory.

use std::{
    error::Error,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::sleep;
use tower_webhook::{DeadLetter, DeadLetters, LetterReason};

/// What a [`Store`] does when it is called.
#[derive(Clone, Copy, Debug, Default)]
pub enum Keeps {
    #[default]
    AtOnce,
    After(Duration),
    Not,
    Panics,
    Hangs,
}

/// What a store was told and has confirmed, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Letter(DeadLetter),
    Done(String),
}

#[derive(Clone, Default)]
pub struct Store {
    pub keeps: Arc<Mutex<Keeps>>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Store {
    pub fn new(keeps: Keeps) -> Self {
        let store = Self::default();
        store.set(keeps);
        store
    }

    pub fn set(&self, keeps: Keeps) {
        *self.keeps.lock().unwrap() = keeps;
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    pub fn letters(&self) -> Vec<DeadLetter> {
        let letters = self.told().into_iter().filter_map(|told| match told {
            Told::Letter(letter) => Some(letter),
            Told::Done(_) => None,
        });
        letters.collect()
    }

    /// The reasons of its letters and `None` for what was done, once all are known to be of one
    /// delivery.
    #[track_caller]
    pub fn story(&self) -> Vec<Option<LetterReason>> {
        let told = self.told();
        let id = |told: &Told| match told {
            Told::Letter(letter) => letter.id().to_owned(),
            Told::Done(id) => id.clone(),
        };
        assert!(told.iter().all(|other| id(other) == id(&told[0])));
        let reason = |told: Told| match told {
            Told::Letter(letter) => Some(letter.reason()),
            Told::Done(_) => None,
        };
        told.into_iter().map(reason).collect()
    }

    async fn keep(&self, told: Told) -> Result<(), Box<dyn Error + Send + Sync>> {
        let keeps = *self.keeps.lock().unwrap();
        match keeps {
            Keeps::AtOnce => {}
            Keeps::After(delay) => sleep(delay).await,
            Keeps::Not => return Err("the disk is full".into()),
            Keeps::Panics => panic!("{}", super::PANIC),
            Keeps::Hangs => pending().await,
        }
        self.told.lock().unwrap().push(told);
        Ok(())
    }
}

impl DeadLetters for Store {
    async fn store(&self, letter: DeadLetter) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.keep(Told::Letter(letter)).await
    }

    async fn done(&self, id: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.keep(Told::Done(id.to_owned())).await
    }
}
