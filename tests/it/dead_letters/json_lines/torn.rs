//! A process dies in the middle of a write: the file ends anywhere.

use std::collections::BTreeMap;

use super::*;

/// What the complete lines say, also a last one without its line feed.
fn said(text: &str) -> BTreeMap<String, Value> {
    let mut letters = BTreeMap::new();
    for line in text.lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let Some(id) = value["done"].as_str() {
            letters.remove(id);
        } else {
            letters.insert(value["id"].as_str().unwrap().to_owned(), value);
        }
    }
    letters
}

fn found(lines: &JsonLines) -> BTreeMap<String, Value> {
    let letters = letters(lines).into_iter();
    letters
        .map(|letter| (letter.id().to_owned(), json!(letter)))
        .collect()
}

#[tokio::test]
async fn the_last_line_may_end_at_every_byte() {
    let [first, other] =
        [("a", "status"), ("b", "error")].map(|(id, reason)| line(&letter(id, reason)));
    for (whole, last) in [
        ("", first.clone()),
        (&first, other),
        (&first, end("a")),
        (&first, line(&letter("a", "panicked"))),
    ] {
        for cut in 0..=last.len() {
            let directory = Directory::new();
            let torn = format!("{whole}{}", &last[..cut]);
            fs::write(directory.file(), &torn).unwrap();
            let lines = directory.open().unwrap();
            assert_eq!(found(&lines), said(&torn), "{cut}");
            assert_eq!(lines.unreadable(), 0);
            // A last line that lacks only its line feed is kept, with one.
            let kept = if cut + 1 >= last.len() { &*last } else { "" };
            assert_eq!(directory.text(), format!("{whole}{kept}"), "{cut}");
            assert_eq!(lines.size(), directory.size());
            store(&lines, &letter("c", "busy")).await;
            let ends = format!("{kept}{}", line(&letter("c", "busy")));
            assert_eq!(directory.text(), format!("{whole}{ends}"), "{cut}");
            let offered = found(&lines);
            drop(lines);
            assert_eq!(found(&directory.open().unwrap()), offered, "{cut}");
        }
    }
}

#[tokio::test]
async fn zeros_at_the_end_are_a_torn_line() {
    for before in [String::new(), line(&letter("a", "status"))] {
        let directory = Directory::new();
        fs::write(directory.file(), format!("{before}\0\0\0\0")).unwrap();
        let lines = directory.open().unwrap();
        assert_eq!(lines.unreadable(), 0);
        assert_eq!(directory.text(), before);
    }
}

/// The state after every byte that was written: the files before, and a part of the active one.
#[tokio::test]
async fn a_log_of_many_files_may_end_at_every_byte() {
    let whole = Directory::new();
    let options = JsonLines::options().file_limit(400);
    let lines = options.open(whole.file()).unwrap();
    // The first file has to stay, so all others stay.
    store(&lines, &letter("stays", "status")).await;
    for id in ["a", "b", "c", "a", "d"] {
        store(&lines, &letter(id, "status")).await;
        if id != "a" {
            done(&lines, id).await;
        }
    }
    drop(lines);
    let count = whole.names().len() as u64;
    assert!(count > 3, "{count}");
    let text = |number| {
        let closed = fs::read_to_string(whole.closed(number));
        closed.unwrap_or_else(|_| whole.text())
    };
    for active in 1..=count {
        let last = text(active);
        for cut in 0..=last.len() {
            let directory = Directory::new();
            let mut all = String::new();
            for number in 1..active {
                all.push_str(&text(number));
                fs::write(directory.closed(number), text(number)).unwrap();
            }
            all.push_str(&last[..cut]);
            fs::write(directory.file(), &last[..cut]).unwrap();
            let lines = options.open(directory.file()).unwrap();
            assert_eq!(found(&lines), said(&all), "file {active}, byte {cut}");
            assert_eq!(lines.size(), directory.size());
        }
    }
}

#[tokio::test]
async fn every_state_of_a_rotation_can_be_opened() {
    let [old, new] = [line(&letter("a", "status")), line(&letter("b", "status"))];
    for (closed, active) in [
        (&*old, None),
        (&*old, Some("")),
        (&*old, Some(&*new)),
        ("", Some(&*new)),
        ("", None),
    ] {
        let directory = Directory::new();
        fs::write(directory.closed(7), closed).unwrap();
        if let Some(active) = active {
            fs::write(directory.file(), active).unwrap();
        }
        let lines = directory.limited(1);
        let all = format!("{closed}{}", active.unwrap_or_default());
        assert_eq!(found(&lines), said(&all));
        store(&lines, &letter("c", "status")).await;
        store(&lines, &letter("d", "status")).await;
        let offered = found(&lines);
        assert_eq!(offered.len(), all.lines().count() + 2);
        drop(lines);
        assert_eq!(found(&directory.open().unwrap()), offered);
    }
}
