//! Limits, and cleaning.

use super::*;

#[tokio::test]
async fn a_file_is_closed_before_it_would_be_too_large() {
    let directory = Directory::new();
    let long = line(&letter("1", "status")).len() as u64;
    let lines = directory.limited(long * 2);
    store_each(&lines, "status", ["1", "2", "3", "4", "5"]).await;
    let two = |a, b| line(&letter(a, "status")) + &line(&letter(b, "status"));
    for (number, text) in [(1, two("1", "2")), (2, two("3", "4"))] {
        assert_eq!(fs::read_to_string(directory.closed(number)).unwrap(), text);
    }
    assert_eq!(directory.text(), line(&letter("5", "status")));
    assert_eq!(ids(&lines), ["1", "2", "3", "4", "5"]);
    assert_eq!(lines.size(), directory.size());

    let large = sized("6", "status", &"x".repeat(9_999));
    store(&lines, &large).await;
    assert_eq!(directory.text(), line(&large));
    drop(lines);
    let lines = directory.open().unwrap();
    assert_eq!(ids(&lines), ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn the_oldest_closed_file_is_deleted_when_all_its_letters_are_done() {
    let directory = Directory::new();
    let lines = directory.limited(1);
    store_each(&lines, "status", ["a", "b", "c"]).await;
    done(&lines, "b").await;
    let names = [
        "dead.jsonl",
        "dead.jsonl.000001",
        "dead.jsonl.000002",
        "dead.jsonl.000003",
    ];
    assert_eq!(directory.names(), names);
    done(&lines, "a").await;
    // The file of `b` is deleted with it. That of `c` has to stay, and all younger ones.
    let names = ["dead.jsonl", "dead.jsonl.000003", "dead.jsonl.000004"];
    assert_eq!(directory.names(), names);
    assert_eq!(ids(&lines), ["c"]);
    done(&lines, "c").await;
    assert_eq!(directory.names(), ["dead.jsonl"]);
    drop(lines);
    let lines = directory.open().unwrap();
    assert_eq!((lines.waiting(), directory.text()), (0, end("c")));
}

#[tokio::test]
async fn cleaning_the_oldest_file_makes_room() {
    let directory = Directory::new();
    let long = line(&letter("00", "status")).len() as u64;
    let lines = directory.totalled(long * 4, long * 16);
    store(&lines, &letter("first", "status")).await;
    store(&lines, &letter("alive", "pending")).await;
    for round in 0..500 {
        let id = format!("{:02}", round % 100);
        store(&lines, &letter(&id, "status")).await;
        assert!(directory.size() <= long * 21, "{}", directory.size());
        assert_eq!(lines.size(), directory.size());
        done(&lines, &id).await;
    }
    assert_eq!((lines.waiting(), lines.pending()), (1, 1));
    assert_eq!(letters(&lines), [letter("first", "status")]);
    assert!(!directory.closed(1).exists());
    drop(lines);
    assert_eq!(directory.open().unwrap().waiting(), 2);
}

#[tokio::test]
async fn a_full_store_refuses_letters_until_others_are_done() {
    let directory = Directory::new();
    let long = line(&letter("0", "status")).len() as u64;
    let total = long * 8 + 40;
    let lines = directory.totalled(long * 2, total);
    for id in 0..8 {
        store(&lines, &letter(&id.to_string(), "status")).await;
    }
    let sentence = format!(
        "no room for another letter in `./dead.jsonl`: {} bytes of its `total_limit` of {total} bytes \
         are used; replay letters, or raise the `total_limit`",
        long * 8
    );
    let refusal = refused(&lines, &letter("8", "status")).await;
    assert_eq!(directory.sentence(&refusal), sentence);
    assert_eq!((lines.waiting(), lines.size()), (8, long * 8));
    // A letter that it has may be stored again, and done.
    for attempt in 2..50 {
        let mut again = value("3", "status", "{}");
        again["attempts"] = json!(attempt % 9);
        store(&lines, &serde_json::from_value(again).unwrap()).await;
        assert!(directory.size() <= long * 12, "{}", directory.size());
    }
    refused(&lines, &letter("8", "status")).await;
    done(&lines, "0").await;
    store(&lines, &letter("8", "status")).await;
    let mut found = ids(&lines);
    found.sort_unstable();
    assert_eq!(found, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    drop(lines);
    assert_eq!(directory.open().unwrap().waiting(), 8);
    // With a lower limit than before.
    let lines = directory.totalled(9, 9);
    assert_eq!(lines.waiting(), 8);
    refused(&lines, &letter("9", "status")).await;
    done(&lines, "1").await;
    assert_eq!(lines.waiting(), 7);
}

#[tokio::test]
async fn compacting_leaves_what_waits() {
    let directory = Directory::new();
    let lines = directory.limited(600);
    for id in 0..20 {
        store(&lines, &letter(&id.to_string(), "pending")).await;
    }
    for id in 0..20 {
        match id % 5 {
            0 => store(&lines, &letter(&id.to_string(), "status")).await,
            1 => {}
            _ => done(&lines, &id.to_string()).await,
        }
    }
    lines.compact().await.unwrap();
    assert_eq!((lines.waiting(), lines.pending()), (4, 4));
    let kept = (0..20).filter_map(|id| match id % 5 {
        0 => Some(line(&letter(&id.to_string(), "status"))),
        1 => Some(line(&letter(&id.to_string(), "pending"))),
        _ => None,
    });
    let kept: u64 = kept.map(|line| line.len() as u64).sum();
    assert_eq!(lines.size(), kept);
    assert_eq!(lines.size(), directory.size());
    let before = directory.names();
    lines.compact().await.unwrap();
    assert_eq!(directory.names(), before);
    drop(lines);
    let lines = directory.open().unwrap();
    assert_eq!(lines.waiting(), 8);
    for letter in letters(&lines) {
        done(&lines, letter.id()).await;
    }
    lines.compact().await.unwrap();
    assert_eq!(lines.size(), 0);
    assert_eq!(directory.names(), ["dead.jsonl"]);
}

#[tokio::test]
async fn a_file_of_mostly_done_letters_is_cleaned_when_it_is_opened() {
    let directory = Directory::new();
    let [a, b, c] = ["a", "b", "c"].map(|id| line(&letter(id, "status")));
    fs::write(directory.closed(1), format!("{a}{b}{c}")).unwrap();
    fs::write(directory.file(), end("a")).unwrap();
    drop(directory.open().unwrap());
    assert_eq!(directory.names(), ["dead.jsonl", "dead.jsonl.000001"]);
    fs::write(directory.file(), format!("{}{}", end("a"), end("c"))).unwrap();
    let lines = directory.open().unwrap();
    assert_eq!(ids(&lines), ["b"]);
    assert_eq!(directory.names(), ["dead.jsonl"]);
    assert_eq!(directory.text(), format!("{}{}{b}", end("a"), end("c")));
}

/// A crash may come after it was copied and before the old file was deleted.
#[tokio::test]
async fn a_letter_in_two_files_counts_once() {
    let directory = Directory::new();
    let a = letter("a", "status");
    fs::write(directory.closed(1), line(&a)).unwrap();
    fs::write(directory.file(), line(&a)).unwrap();
    let lines = directory.open().unwrap();
    assert_eq!(lines.waiting(), 1);
    assert_eq!(directory.names(), ["dead.jsonl"]);
    done(&lines, "a").await;
    drop(lines);
    assert_eq!(directory.open().unwrap().waiting(), 0);
}

#[tokio::test]
async fn a_file_with_the_name_of_a_closed_file_is_not_overwritten() {
    let directory = Directory::new();
    let lines = directory.limited(1);
    store(&lines, &letter("a", "status")).await;
    fs::write(directory.closed(1), "theirs").unwrap();
    let refusal = refused(&lines, &letter("b", "status")).await;
    let sentence =
        "cannot close `./dead.jsonl`: `./dead.jsonl.000001` exists, put it out of the way";
    assert_eq!(directory.sentence(&refusal), sentence);
    assert_eq!(fs::read_to_string(directory.closed(1)).unwrap(), "theirs");
    fs::remove_file(directory.closed(1)).unwrap();
    store(&lines, &letter("b", "status")).await;
    assert_eq!(ids(&lines), ["a", "b"]);
}
