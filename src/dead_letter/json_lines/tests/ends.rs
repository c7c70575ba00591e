//! What becomes of a letter whose next line comes to nothing.

use super::*;
use crate::dead_letter::{DeadLetters, json_lines::disk::faults::Plan};

async fn keep(store: &JsonLines, letter: DeadLetter) -> Result<(), String> {
    let kept = DeadLetters::store(store, letter).await;
    kept.map_err(|error| error.to_string())
}

async fn end(store: &JsonLines, id: &str) -> Result<(), String> {
    let ended = DeadLetters::done(store, id).await;
    ended.map_err(|error| error.to_string())
}

const ONCE: Plan = Plan::Fail {
    after: 0,
    times: 1,
    eighths: 4,
};

/// Its handler has ended, so it is whoever replays it who has to look after it.
#[tokio::test]
async fn a_pending_letter_whose_failure_cannot_be_written_is_offered_as_it_is() {
    for plan in [ONCE, Plan::Panic] {
        let directory = Directory::new();
        let (store, faults) = directory.open(LARGE).unwrap();
        let pending = letter("a", "pending", "{}");
        keep(&store, pending.clone()).await.unwrap();
        assert_eq!((store.waiting(), store.pending()), (0, 1));
        faults.plan(plan);
        assert!(keep(&store, letter("a", "status", "{}")).await.is_err());
        assert_eq!((store.waiting(), store.pending()), (1, 0));
        assert_eq!(offered(&store)["a"], pending);
    }
}

/// The queue holds 64 MiB while the disk is busy.
#[tokio::test]
#[allow(
    clippy::await_holding_lock,
    reason = "it is the disk that is busy, and nobody here waits for it meanwhile"
)]
async fn a_full_queue_hides_no_letter_and_refuses_no_end() {
    let directory = Directory::new();
    let (store, _) = directory.open(LARGE).unwrap();
    // Longer than what room is left in the end.
    let ended = "ended".repeat(1000);
    for id in ["failed", &ended] {
        keep(&store, letter(id, "pending", "{}")).await.unwrap();
    }
    let busy = Arc::clone(&store.shared);
    let log = lock_of(&busy.log);
    let sizes = [1 << 20; 70].into_iter().chain([1 << 10; 1100]);
    let waiting: Vec<_> = sizes
        .enumerate()
        .map(|(n, size)| {
            let letter = letter(&n.to_string(), "status", &"x".repeat(size));
            let store = store.clone();
            tokio::spawn(async move { keep(&store, letter).await })
        })
        .collect();
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let refused = waiting.iter().filter(|letter| letter.is_finished()).count();
    assert!(refused > 7, "it is full");
    let body = "x".repeat(1 << 20);
    let error = keep(&store, letter("failed", "status", &body)).await;
    assert!(
        error
            .unwrap_err()
            .contains("no room for another letter in memory")
    );
    let end = tokio::spawn({
        let store = store.clone();
        async move { end(&store, &ended).await }
    });
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!end.is_finished(), "it waits like the others");
    drop(log);
    assert_eq!(end.await.unwrap(), Ok(()));
    let all = waiting.len();
    for letter in waiting {
        let _ = letter.await.unwrap();
    }
    assert_eq!((store.waiting(), store.pending()), (all - refused + 1, 0));
    assert!(offered(&store).contains_key("failed"));
}

#[tokio::test]
async fn an_end_that_could_not_be_written_goes_with_the_next_line() {
    for next in ["a letter", "a compaction"] {
        let directory = Directory::new();
        let (store, faults) = directory.open(LARGE).unwrap();
        keep(&store, letter("a", "pending", "{}")).await.unwrap();
        faults.plan(ONCE);
        assert!(end(&store, "a").await.is_err());
        assert_eq!((store.waiting(), store.pending()), (0, 1));
        match next {
            "a letter" => keep(&store, letter("b", "busy", "{}")).await.unwrap(),
            _ => store.compact().await.unwrap(),
        }
        assert_eq!(store.pending(), 0, "{next}");
        drop(store);
        let (store, _) = directory.open(LARGE).unwrap();
        assert!(!offered(&store).contains_key("a"), "{next}");
    }
}

/// The write was whole, what came after failed, and so did taking it back.
#[tokio::test]
async fn what_may_come_back_is_ended_too() {
    let directory = Directory::new();
    let (store, faults) = directory.open(LARGE).unwrap();
    faults.plan(Plan::Fail {
        after: 1,
        times: 2,
        eighths: 8,
    });
    assert!(keep(&store, letter("a", "pending", "{}")).await.is_err());
    faults.plan(Plan::Fail {
        after: 0,
        times: usize::MAX,
        eighths: 8,
    });
    assert!(
        end(&store, "a").await.is_err(),
        "it is there as long as the disk fails"
    );
    faults.plan(Plan::Fail {
        after: 0,
        times: 0,
        eighths: 8,
    });
    assert_eq!(end(&store, "a").await, Ok(()));
    drop(store);
    let (store, _) = directory.open(LARGE).unwrap();
    assert_eq!(store.waiting(), 0);
}
