//! What only a failing disk shows, or one that is held up.
#![allow(clippy::unwrap_used)]

mod crash;
mod ends;
mod group;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;

use super::{
    JsonLines, JsonLinesError,
    commit::{Change, Stored},
    disk::{Disk, faults::Faults},
    line, lock_of,
    options::Limits,
};
use crate::{dead_letter::DeadLetter, outcome::LetterReason};

/// A directory of its own, gone afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("tower-webhook-unit-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    fn open(&self, limits: Limits) -> Result<(JsonLines, Arc<Faults>), JsonLinesError> {
        let disk = Disk::default();
        let faults = Arc::clone(&disk.faults);
        Ok((self.open_on(disk, limits)?, faults))
    }

    fn open_on(&self, disk: Disk, limits: Limits) -> Result<JsonLines, JsonLinesError> {
        JsonLines::open_on(disk, &self.0.join("letters"), limits)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const LARGE: Limits = Limits {
    file: 16 << 20,
    total: 256 << 20,
};

fn letter(id: &str, reason: &str, body: &str) -> DeadLetter {
    serde_json::from_value(json!({
        "version": 1, "id": id, "reason": reason, "attempts": 1, "acknowledged": true,
        "record": {
            "version": 1, "provider": "alegra", "event": "new-client",
            "received_at_ms": 1, "body": body,
        },
    }))
    .unwrap()
}

fn stored(letter: &DeadLetter) -> Change {
    Change {
        id: letter.id().into(),
        line: line::letter(letter).unwrap(),
        stored: Some(Stored {
            received: letter.record().received_at(),
            live: letter.reason() == LetterReason::Pending,
        }),
    }
}

fn done(id: &str) -> Change {
    Change {
        id: id.into(),
        line: line::done(id).unwrap(),
        stored: None,
    }
}

fn commit(store: &JsonLines, changes: &[Change]) -> Vec<Result<(), JsonLinesError>> {
    let mut log = lock_of(&store.shared.log);
    let results = log.commit(changes);
    if results.iter().any(Result::is_ok) {
        log.disk.faults.expect_synced();
    }
    results
}

/// Each letter that is offered, by its id.
fn offered(store: &JsonLines) -> BTreeMap<String, DeadLetter> {
    let letters = store.letters().map(Result::unwrap);
    letters
        .map(|letter| (letter.id().to_owned(), letter))
        .collect()
}
