//! Who waits for the disk, and what becomes of them.

use std::{
    future::Future,
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use futures::{TryFutureExt, future::join_all};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::dead_letter::{
    DeadLetters,
    json_lines::{
        disk::faults::Plan,
        queue::{self, Task},
    },
};

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn storing(store: &JsonLines, letter: DeadLetter) -> Waiting<'_> {
    queued(async move { store.store(letter).await.map_err(|error| error.to_string()) })
}

/// Polled once: in the queue.
fn queued<'a>(result: impl Future<Output = Result<(), String>> + 'a) -> Waiting<'a> {
    let mut waiting: Waiting<'a> = Box::pin(result);
    let mut nobody = Context::from_waker(Waker::noop());
    match waiting.as_mut().poll(&mut nobody) {
        Poll::Pending => waiting,
        Poll::Ready(result) => Box::pin(async { result }),
    }
}

fn stopped(directory: &Directory) -> String {
    format!(
        "nothing could be written to `{}`: there is no tokio runtime here, or it is stopping",
        directory.0.join("letters").display()
    )
}

#[test]
fn a_thousand_that_wait_share_a_sync() {
    let directory = Directory::new();
    let (store, faults) = directory.open(LARGE).unwrap();
    let before = faults.syncs();
    let runtime = runtime();
    let _inside = runtime.enter();
    let busy = lock_of(&store.shared.log);
    let letters = (0..1_000).map(|id| letter(&id.to_string(), "status", "{}"));
    let waiting: Vec<_> = letters.map(|letter| storing(&store, letter)).collect();
    drop(busy);
    let results = runtime.block_on(join_all(waiting));
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(faults.syncs() - before, 1);
    assert_eq!(offered(&store).len(), 1_000);
}

#[test]
fn a_queue_that_is_full_is_an_error() {
    let directory = Directory::new();
    let (store, _) = directory.open(LARGE).unwrap();
    let runtime = runtime();
    let _inside = runtime.enter();
    let busy = lock_of(&store.shared.log);
    // Written as JSON once: that is slow without optimizations.
    let line = line::letter(&letter("0", "status", &"x".repeat(1 << 20))).unwrap();
    let storing = |id: i32| {
        let mut change = stored(&letter(&id.to_string(), "status", ""));
        change.line.clone_from(&line);
        let shared = &store.shared;
        let result = async move { queue::submit(shared, Task::Change(change)).await };
        queued(result.map_err(|error| error.to_string()))
    };
    let mut waiting: Vec<_> = (0..64).map(storing).collect();
    drop(busy);
    let last = waiting.pop().unwrap();
    let sentence = runtime.block_on(last).unwrap_err();
    let (start, rest) = sentence.split_once(": ").unwrap();
    assert_eq!(start, "no room for another letter in memory");
    let (bytes, rest) = rest.split_once(' ').unwrap();
    assert!(bytes.parse::<usize>().unwrap() > 63 << 20);
    let path = directory.0.join("letters");
    assert_eq!(
        rest,
        format!(
            "bytes are waiting to be written to `{}`, of at most 67108864 bytes; the disk is too \
             slow for what fails",
            path.display()
        )
    );
    assert!(
        runtime
            .block_on(join_all(waiting))
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(runtime.block_on(storing(64)), Ok(()));
}

#[test]
fn a_panic_is_an_error_for_all_who_wait_and_for_nobody_after() {
    let directory = Directory::new();
    let (store, faults) = directory.open(LARGE).unwrap();
    let runtime = runtime();
    let _inside = runtime.enter();
    faults.plan(Plan::Panic);
    let busy = lock_of(&store.shared.log);
    let letters = (0..3).map(|id| letter(&id.to_string(), "status", "{}"));
    let waiting: Vec<_> = letters.map(|letter| storing(&store, letter)).collect();
    drop(busy);
    let path = directory.0.join("letters");
    let sentence = format!(
        "writing to `{}` panicked: it is not known what is there",
        path.display()
    );
    for result in runtime.block_on(join_all(waiting)) {
        assert_eq!(result, Err(sentence.clone()));
    }
    faults.plan(Plan::Fine);
    let after = storing(&store, letter("after", "status", "{}"));
    assert_eq!(runtime.block_on(after), Ok(()));
    assert_eq!(store.waiting(), 1);
}

#[test]
fn without_a_runtime_it_is_an_error_and_the_next_one_works() {
    let directory = Directory::new();
    let (store, _) = directory.open(LARGE).unwrap();
    let alone = storing(&store, letter("a", "status", "{}"));
    let result = futures::executor::block_on(alone);
    assert_eq!(result.unwrap_err(), stopped(&directory));

    let over = runtime();
    let handle = over.handle().clone();
    over.shutdown_background();
    let inside = handle.enter();
    let late = storing(&store, letter("b", "status", "{}"));
    let result = futures::executor::block_on(late);
    assert_eq!(result.unwrap_err(), stopped(&directory));
    drop(inside);

    let runtime = runtime();
    let _inside = runtime.enter();
    let next = storing(&store, letter("c", "status", "{}"));
    assert_eq!(runtime.block_on(next), Ok(()));
    assert_eq!(store.waiting(), 1);
}

#[test]
fn a_paused_clock_stands_still_while_it_writes() {
    let directory = Directory::new();
    let (store, _) = directory.open(LARGE).unwrap();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (held, is_held) = mpsc::channel();
    let busy = store.clone();
    let holder = thread::spawn(move || {
        let _log = lock_of(&busy.shared.log);
        held.send(()).unwrap();
        thread::sleep(Duration::from_millis(100));
    });
    is_held.recv().unwrap();
    runtime.block_on(async {
        let storing = store.store(letter("a", "status", "{}"));
        let result = tokio::time::timeout(Duration::from_millis(1), storing).await;
        assert!(result.expect("no time passes").is_ok());
    });
    holder.join().unwrap();
}
