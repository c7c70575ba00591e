//! The file of dead letters: opened at the start, with an offer of what waits in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tower_webhook::{JsonLines, LetterReason};

use super::support::{
    letters::{self, Place, count},
    say, settings,
};

/// How many letters are shown before the rest is counted.
const SHOWN: usize = 10;

/// The store, if there is one.
pub(crate) struct Store {
    pub(crate) letters: Option<JsonLines>,
    /// A folder that is of this run alone.
    own: Option<PathBuf>,
}

impl Store {
    pub(crate) fn open(place: Place) -> Result<Self, String> {
        Ok(Self {
            letters: place.path().map(|path| open(&path)).transpose()?,
            own: None,
        })
    }

    /// In the folder for temporary files: what a demo plays has no place among real letters.
    pub(crate) fn open_own() -> Result<Self, String> {
        let name = format!("tower-webhook-demo-{}", settings::fresh_secret()?);
        let folder = env::temp_dir().join(name);
        create(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self {
            letters: Some(open(&folder.join("dead-letters.jsonl"))?),
            own: Some(folder),
        })
    }

    /// Says what waits, and unless it `is_taken` up at once how to have it replayed.
    pub(crate) fn offer(&self, is_taken: bool) {
        let Some(store) = &self.letters else {
            return say("dead letters are off: a failure goes out to the provider");
        };
        let path = store.path().display();
        if store.unreadable() > 0 {
            let lines = count(store.unreadable(), "line");
            say(format_args!(
                "{lines} in {path} cannot be read and stay as they are"
            ));
        }
        if store.waiting() == 0 {
            return say(format_args!("dead letters go to {path}, none waits"));
        }

        let (mut pending, mut shut_down, mut rows) = (0, 0, Vec::new());
        for letter in store.letters() {
            match letter {
                Ok(letter) => {
                    pending += usize::from(letter.reason() == LetterReason::Pending);
                    shut_down += usize::from(letter.reason() == LetterReason::Shutdown);
                    if rows.len() < SHOWN {
                        rows.push(letters::row(&letter));
                    }
                }
                Err(error) => say(error),
            }
        }
        let waiting = store.waiting();
        let letters = count(waiting, "dead letter");
        let verb = if waiting == 1 { "waits" } else { "wait" };
        let others = waiting.saturating_sub(pending + shut_down);
        say(format_args!(
            "{letters} {verb} in {path}: {pending} pending when a process died, {shut_down} left \
             over by a shutdown, {others} for other reasons"
        ));
        say(letters::header());
        let more = waiting.saturating_sub(rows.len());
        rows.into_iter().for_each(say);
        if more > 0 {
            say(format_args!("  and {more} more"));
        }
        if !is_taken {
            say(
                "to replay: cargo run --example axum -- --replay, or stop this and cargo run \
                 --example replay",
            );
        }
    }

    /// At the end: a folder of this run's own goes, unless a letter in it still waits.
    pub(crate) fn close(self) {
        let (Some(store), Some(folder)) = (self.letters, self.own) else {
            return;
        };
        let left = store.waiting() + store.pending();
        if left > 0 {
            let letters = count(left, "dead letter");
            return say(format_args!("{letters} left in {}", store.path().display()));
        }
        drop(store);
        let _ = fs::remove_dir_all(folder);
    }
}

fn open(path: &Path) -> Result<JsonLines, String> {
    JsonLines::open(path).map_err(|error| error.to_string())
}

/// For its owner alone: letters hold personal data.
fn create(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
