//! Dead letters in files: `JsonLines`, on a real disk.

mod basic;
mod clean;
mod lock;
mod model;
mod torn;
mod unreadable;

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tower_webhook::{DeadLetter, DeadLetters, JsonLines, JsonLinesError};

/// A temporary directory.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("tower-webhook-lines-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    /// One in which a store is open.
    fn opened() -> (Self, JsonLines) {
        let directory = Self::new();
        let lines = directory.open().unwrap();
        (directory, lines)
    }

    fn file(&self) -> PathBuf {
        self.0.join("dead.jsonl")
    }

    fn closed(&self, number: u64) -> PathBuf {
        self.0.join(format!("dead.jsonl.{number:06}"))
    }

    fn open(&self) -> Result<JsonLines, JsonLinesError> {
        JsonLines::open(self.file())
    }

    /// Opens it with that `file_limit`.
    fn limited(&self, file_limit: u64) -> JsonLines {
        let options = JsonLines::options().file_limit(file_limit);
        options.open(self.file()).unwrap()
    }

    /// Opens it with a `total_limit` too.
    fn totalled(&self, file_limit: u64, total_limit: u64) -> JsonLines {
        let options = JsonLines::options().file_limit(file_limit);
        options.total_limit(total_limit).open(self.file()).unwrap()
    }

    /// The sentence of an error, with its files named from here.
    fn sentence(&self, error: &impl ToString) -> String {
        let here = self.join("").display().to_string();
        error.to_string().replace(&here, "./")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// The names of its files without the lock.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort_unstable();
        names
    }

    fn size(&self) -> u64 {
        let names = self.names().into_iter();
        names
            .map(|name| self.0.join(name).metadata().unwrap().len())
            .sum()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Deref for Directory {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

fn value(id: &str, reason: &str, body: &str) -> Value {
    json!({
        "version": 1, "id": id, "reason": reason, "attempts": 1, "acknowledged": true,
        "record": {
            "version": 1, "provider": "alegra", "event": "new-client",
            "received_at_ms": 1_700_000_000_000_u64, "body": body,
        },
    })
}

fn letter(id: &str, reason: &str) -> DeadLetter {
    sized(id, reason, "{}")
}

fn sized(id: &str, reason: &str, body: &str) -> DeadLetter {
    serde_json::from_value(value(id, reason, body)).unwrap()
}

/// Its line with the line feed.
fn line(letter: &DeadLetter) -> String {
    serde_json::to_string(letter).unwrap() + "\n"
}

fn end(id: &str) -> String {
    format!("{{\"version\":1,\"done\":\"{id}\"}}\n")
}

async fn store(store: &JsonLines, letter: &DeadLetter) {
    store.store(letter.clone()).await.unwrap();
}

async fn store_each<const N: usize>(lines: &JsonLines, reason: &str, ids: [&str; N]) {
    for id in ids {
        store(lines, &letter(id, reason)).await;
    }
}

async fn done(store: &JsonLines, id: &str) {
    store.done(id).await.unwrap();
}

async fn refused(store: &JsonLines, letter: &DeadLetter) -> String {
    let error = store.store(letter.clone()).await.unwrap_err();
    error.to_string()
}

fn letters(store: &JsonLines) -> Vec<DeadLetter> {
    store.letters().map(Result::unwrap).collect()
}

fn ids(store: &JsonLines) -> Vec<String> {
    let letters = letters(store).into_iter();
    letters.map(|letter| letter.id().to_owned()).collect()
}
