//! Random histories against a map, with limits so small that files are closed and cleaned all the
//! time; and many tasks at once.

use std::collections::HashMap;

use super::*;
use crate::util::Chance;

#[track_caller]
fn check(lines: &JsonLines, model: &HashMap<String, (DeadLetter, bool)>, what: &str) {
    let offered = model.values().filter(|(_, live)| !live);
    let mut offered: Vec<_> = offered.map(|(letter, _)| letter.clone()).collect();
    let mut found = letters(lines);
    found.sort_by_key(|letter| letter.id().to_owned());
    offered.sort_by_key(|letter| letter.id().to_owned());
    assert_eq!(found, offered, "{what}");
    assert_eq!(lines.waiting(), offered.len(), "{what}");
    assert_eq!(lines.pending(), model.len() - offered.len(), "{what}");
    assert_eq!(lines.unreadable(), 0, "{what}");
}

#[tokio::test]
async fn any_history_agrees_with_a_map() {
    for seed in 0..6 {
        let mut chance = Chance::new(seed);
        let directory = Directory::new();
        let options = JsonLines::options().file_limit(800).total_limit(4_000);
        let mut lines = options.open(directory.file()).unwrap();
        let mut model = HashMap::<String, (DeadLetter, bool)>::new();
        for step in 0..400 {
            let what = format!("seed {seed}, step {step}");
            let id = chance.below(14).to_string();
            match chance.below(40) {
                0..=17 => {
                    let reason = chance.pick(&["pending", "status"]);
                    let body = format!("{step}{}", "x".repeat(chance.below(120) as usize));
                    let letter = sized(&id, reason, &body);
                    match lines.store(letter.clone()).await {
                        Ok(()) => {
                            model.insert(id, (letter, reason == "pending"));
                        }
                        Err(error) => {
                            assert!(error.to_string().contains("`total_limit`"), "{error}");
                            assert!(directory.size() > 3_000, "{what}");
                            if let (Some((_, live)), "status") = (model.get_mut(&id), reason) {
                                *live = false;
                            }
                        }
                    }
                }
                18..=36 => {
                    done(&lines, &id).await;
                    model.remove(&id);
                }
                37 => lines.compact().await.unwrap(),
                _ => {
                    drop(lines);
                    lines = options.open(directory.file()).unwrap();
                    model.values_mut().for_each(|(_, live)| *live = false);
                }
            }
            check(&lines, &model, &what);
            assert_eq!(lines.size(), directory.size(), "{what}");
            // A sixteenth, a file, and the line itself beyond the limit.
            assert!(directory.size() < 4_000 + 250 + 800 + 400, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_tasks_agree_with_a_sequence() {
    let directory = Directory::new();
    let options = JsonLines::options().file_limit(4_000).total_limit(200_000);
    let lines = options.open(directory.file()).unwrap();
    let tasks = (0..200).map(|id| {
        let lines = lines.clone();
        tokio::spawn(async move {
            let id = format!("letter-{id}");
            store(&lines, &letter(&id, "pending")).await;
            store(&lines, &letter(&id, "status")).await;
            if id.ends_with(['1', '3', '7']) {
                lines.compact().await.unwrap();
            }
            if !id.ends_with('0') {
                done(&lines, &id).await;
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let reading = lines.clone();
    let reader = tokio::task::spawn_blocking(move || {
        for _ in 0..200 {
            for letter in reading.letters() {
                assert_eq!(letter.unwrap().reason().as_str(), "status");
            }
        }
    });
    for task in tasks {
        task.await.unwrap();
    }
    reader.await.unwrap();
    assert_eq!((lines.waiting(), lines.pending()), (20, 0));
    drop(lines);
    let lines = options.open(directory.file()).unwrap();
    assert!(ids(&lines).iter().all(|id| id.ends_with('0')));
    assert_eq!((lines.waiting(), lines.size()), (20, directory.size()));
}
