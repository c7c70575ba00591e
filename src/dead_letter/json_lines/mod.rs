//! Dead letters in a file. The log is `log`, `commit`, `clean` and `recover`, all of it blocking;
//! `queue` brings it what is asynchronous, `index` knows what is where.

mod clean;
mod commit;
mod disk;
mod error;
mod index;
mod letters;
mod line;
mod lock;
mod log;
mod names;
mod options;
mod queue;
mod recover;
mod scan;
#[cfg(all(test, file_lock))]
mod tests;

use std::{
    error::Error,
    fmt,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    commit::{Change, Stored},
    disk::Disk,
    index::Index,
    log::Log,
    names::Names,
    options::Limits,
    queue::{Queue, Task},
};
use super::{DeadLetter, DeadLetters};
use crate::outcome::LetterReason;

pub use self::{error::JsonLinesError, letters::Letters, options::JsonLinesOptions};

/// Dead letters in a file of JSON lines, and the files that were closed before it.
///
/// A letter is one line, `{"version":1,"id":…,"reason":…,"attempts":…,"acknowledged":…,"record":…}`;
/// its end is another, `{"version":1,"done":…}` with the id. A later line of an id replaces an
/// earlier one. Lines are only ever appended, so `tail -F` shows them as they come, and every line
/// that is confirmed has been synced to the disk; those that wait for it are synced together.
///
/// What cannot be seen of a sender's text is written as a `\u` escape, so a terminal is told nothing
/// by it. A letter that nobody wants to replay is discarded with [`done`](DeadLetters::done).
///
/// Cloning is cheap, and clones are the same store. It is one process's at a time.
///
/// # Files
///
/// Beside `dead-letters.jsonl` there are `dead-letters.jsonl.000001` and so on, closed for being
/// [full](JsonLinesOptions::file_limit), the lowest number the oldest; and
/// `dead-letters.jsonl.lock`, which is empty. They are their owner's alone (mode 0600 on Unix),
/// because bodies hold personal data. What is done is cleaned away when room is
/// [needed](JsonLinesOptions::total_limit), when the files are opened and mostly done, and by
/// [`compact`](Self::compact); a closed file without a waiting letter is deleted at once, unless an
/// older one has to stay.
///
/// A process may die at any moment: what was confirmed is there when the files are opened again,
/// and what was confirmed to be done stays done. A torn last line is cut off. Other lines that
/// cannot be read, edited by hand or written by a later release, are [counted](Self::unreadable),
/// skipped and kept.
///
/// While they are open the files are not to be changed, moved or removed by anything else. That is
/// noticed, and nothing is written any more, so that no letter is lost.
///
/// # Examples
///
/// ```no_run
/// use tower_webhook::JsonLines;
///
/// let letters = JsonLines::open("/var/lib/shop/dead-letters.jsonl")?;
/// for letter in letters.letters() {
///     let letter = letter?;
///     println!("{} {:?}", letter.id(), letter.reason());
/// }
/// # Ok::<(), tower_webhook::JsonLinesError>(())
/// ```
#[derive(Clone)]
pub struct JsonLines {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Queue,
    log: Mutex<Log>,
    index: Arc<Mutex<Index>>,
    names: Arc<Names>,
    _lock: File,
}

impl JsonLines {
    /// Opens the file, or creates it, with the limits of [`options`](Self::options).
    ///
    /// It reads all of the files once, which blocks: do it at startup.
    ///
    /// # Errors
    ///
    /// When the file is open already, in this process or another; when it cannot be read, written
    /// or locked, for which the program has to be built with Rust 1.89 or later; when it has lines
    /// but none that can be read, and so may not be a file of dead letters at all.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JsonLinesError> {
        Self::options().open(path)
    }

    /// Limits other than 16 MiB a file and 256 MiB in all.
    #[must_use]
    pub fn options() -> JsonLinesOptions {
        JsonLinesOptions::new()
    }

    fn open_with(path: &Path, limits: Limits) -> Result<Self, JsonLinesError> {
        let opened = Self::open_on(Disk::default(), path, limits)?;
        #[cfg(feature = "tracing")]
        if opened.unreadable() > 0 {
            tracing::event!(
                target: "tower_webhook",
                tracing::Level::WARN,
                path = %opened.path().display(),
                lines = opened.unreadable(),
                "lines among the dead letters cannot be read"
            );
        }
        Ok(opened)
    }

    fn open_on(disk: Disk, path: &Path, limits: Limits) -> Result<Self, JsonLinesError> {
        let names = Arc::new(Names::of(path)?);
        let lock = lock::lock(&names)?;
        let log = Log::open(Arc::clone(&names), limits, disk)?;
        Ok(Self {
            shared: Arc::new(Shared {
                queue: Queue::default(),
                index: Arc::clone(&log.index),
                log: Mutex::new(log),
                names,
                _lock: lock,
            }),
        })
    }

    /// The path of the file that is appended to, absolute and without links. After
    /// [`compact`](Self::compact) there may be none until the next letter.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.names.active()
    }

    /// How many letters wait to be replayed: all but those that are [pending](Self::pending).
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock_of(&self.shared.index).waiting()
    }

    /// How many letters were stored as [pending](LetterReason::Pending) since the file was opened,
    /// and nothing else since. They belong to handlers that are at work, so they are nobody else's to
    /// replay yet, or to one that succeeded whose end the disk did not take: it is written with the
    /// next line. Those of a process that died are among the [waiting](Self::waiting).
    #[must_use]
    pub fn pending(&self) -> usize {
        lock_of(&self.shared.index).live()
    }

    /// How many lines there are that cannot be read. They are left as they are; only whoever
    /// changed them, or a later release, can make something of them.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        lock_of(&self.shared.index).unreadable()
    }

    /// The size of all files together, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        lock_of(&self.shared.index).size()
    }

    /// The letters that are [waiting](Self::waiting) now, in the order in which their deliveries
    /// were received.
    ///
    /// Only ids are held in memory: each letter is read from the disk when it is asked for, which
    /// blocks for a short read. What is done or pending by then is left out.
    #[must_use]
    pub fn letters(&self) -> Letters {
        Letters::new(&self.shared)
    }

    /// Cleans away whatever is done, by copying the rest. It runs on a blocking thread of the
    /// runtime, and once the future was polled to its end even if that is dropped; what is stored
    /// meanwhile waits for it.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, written or deleted. No letter is lost by that.
    pub async fn compact(&self) -> Result<(), JsonLinesError> {
        queue::submit(&self.shared, Task::Compact).await
    }

    async fn change(
        &self,
        id: &str,
        line: Vec<u8>,
        stored: Option<Stored>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let id: Arc<str> = id.into();
        let is_letter = stored.as_ref().is_some_and(|stored| !stored.live);
        let is_end = stored.is_none();
        let change = Change {
            id: Arc::clone(&id),
            line,
            stored,
        };
        let result = queue::submit(&self.shared, Task::Change(change)).await;
        if result.is_err() {
            let mut index = lock_of(&self.shared.index);
            if is_letter {
                index.not_live(&id);
            } else if is_end {
                index.keep_end(id);
            }
        }
        Ok(result?)
    }
}

impl DeadLetters for JsonLines {
    async fn store(&self, letter: DeadLetter) -> Result<(), Box<dyn Error + Send + Sync>> {
        let stored = Stored {
            received: letter.record().received_at(),
            live: letter.reason() == LetterReason::Pending,
        };
        let line = line::letter(&letter)?;
        self.change(letter.id(), line, Some(stored)).await
    }

    async fn done(&self, id: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.change(id, line::done(id)?, None).await
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = lock_of(&self.shared.index);
        f.debug_struct("JsonLines")
            .field("path", &self.path())
            .field("waiting", &index.waiting())
            .field("pending", &index.live())
            .field("unreadable", &index.unreadable())
            .field("size", &index.size())
            .finish()
    }
}

/// Nothing panics in the middle of a change that is guarded here, but for what `Log::torn` covers.
fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
