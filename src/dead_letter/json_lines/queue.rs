//! Group commit: whatever is waiting when the disk is free is written together.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{runtime::Handle, sync::oneshot};

use super::{JsonLinesError, Shared, commit::Change, lock_of};
use crate::panic::caught;

/// How many bytes of lines may wait to be written.
const LIMIT: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Queue(Mutex<Queued>);

#[derive(Default)]
struct Queued {
    tasks: VecDeque<(Task, Reply)>,
    /// Those included that are being written.
    bytes: usize,
    flushing: bool,
}

pub(super) enum Task {
    Change(Change),
    Compact,
}

type Reply = oneshot::Sender<Result<(), JsonLinesError>>;

type Answers = Vec<(Reply, Result<(), JsonLinesError>)>;

/// The only one at work on the queue. Dropped before it is through, because the runtime would not
/// run it, it leaves nobody waiting.
struct Flusher {
    shared: Arc<Shared>,
    through: bool,
}

/// Ends when the task was done, with the result.
pub(super) async fn submit(shared: &Arc<Shared>, task: Task) -> Result<(), JsonLinesError> {
    let (reply, result) = oneshot::channel();
    if shared.push(task, reply)? {
        let flusher = Flusher {
            shared: Arc::clone(shared),
            through: false,
        };
        if let Ok(runtime) = Handle::try_current() {
            // It panics where no thread can be had.
            let _ = caught(|| drop(runtime.spawn_blocking(|| flusher.run())));
        }
    }
    result.await.unwrap_or_else(|_| Err(shared.stopped()))
}

impl Shared {
    /// Whether somebody has to flush it.
    fn push(&self, task: Task, reply: Reply) -> Result<bool, JsonLinesError> {
        let mut queue = lock_of(&self.queue.0);
        let bytes = queue.bytes + task.bytes();
        if bytes > LIMIT && !task.makes_room() {
            return Err(JsonLinesError::new(format!(
                "no room for another letter in memory: {} bytes are waiting to be written to `{}`, \
                 of at most {LIMIT} bytes; the disk is too slow for what fails",
                queue.bytes,
                self.names.active().display()
            )));
        }
        queue.bytes = bytes;
        queue.tasks.push_back((task, reply));
        Ok(!std::mem::replace(&mut queue.flushing, true))
    }

    fn stopped(&self) -> JsonLinesError {
        JsonLinesError::new(format!(
            "nothing could be written to `{}`: there is no tokio runtime here, or it is stopping",
            self.names.active().display()
        ))
    }

    fn panicked(&self) -> JsonLinesError {
        JsonLinesError::new(format!(
            "writing to `{}` panicked: it is not known what is there",
            self.names.active().display()
        ))
    }
}

impl Task {
    /// An end is short, and the letter would be offered again without it.
    fn makes_room(&self) -> bool {
        matches!(self, Self::Change(change) if change.stored.is_none())
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Change(change) => change.line.len(),
            Self::Compact => 0,
        }
    }
}

impl Flusher {
    fn run(mut self) {
        let mut task = self.next();
        while let Some((first, reply)) = task {
            let answers = match first {
                Task::Change(change) => self.write(change, reply),
                Task::Compact => {
                    let result = caught(|| {
                        let mut log = lock_of(&self.shared.log);
                        // Writes the ends that were not written, or there would be less to clean.
                        log.commit(&[]);
                        log.compact()
                    });
                    vec![(
                        reply,
                        result.unwrap_or_else(|_| Err(self.shared.panicked())),
                    )]
                }
            };
            task = self.next();
            if task.is_none() {
                // Who hears of it may let go of the store, and wants the file closed then.
                drop(self);
                return answer(answers);
            }
            answer(answers);
        }
    }

    fn next(&mut self) -> Option<(Task, Reply)> {
        let mut queue = lock_of(&self.shared.queue.0);
        let next = queue.tasks.pop_front();
        if next.is_none() {
            queue.flushing = false;
            self.through = true;
        }
        next
    }

    /// Writes it with what waits behind it, up to the size of a file.
    fn write(&self, first: Change, reply: Reply) -> Answers {
        let mut log = lock_of(&self.shared.log);
        let limit = usize::try_from(log.limits.file).unwrap_or(usize::MAX);
        let mut bytes = first.line.len();
        let (mut changes, mut replies) = (vec![first], vec![reply]);
        let mut queue = lock_of(&self.shared.queue.0);
        while let Some((Task::Change(next), _)) = queue.tasks.front() {
            if bytes + next.line.len() > limit {
                break;
            }
            bytes += next.line.len();
            if let Some((Task::Change(change), reply)) = queue.tasks.pop_front() {
                changes.push(change);
                replies.push(reply);
            }
        }
        drop(queue);
        let results = caught(|| log.commit(&changes));
        drop(log);
        let results = results.unwrap_or_else(|_| vec![Err(self.shared.panicked()); changes.len()]);
        lock_of(&self.shared.queue.0).bytes -= bytes;
        replies.into_iter().zip(results).collect()
    }
}

fn answer(answers: Answers) {
    for (reply, result) in answers {
        let _ = reply.send(result);
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if !self.through {
            let mut queue = lock_of(&self.shared.queue.0);
            let abandoned = std::mem::take(&mut *queue);
            drop(queue);
            drop(abandoned);
        }
    }
}
