//! A process is killed while it stores letters: what it had confirmed is in the file afterwards.
//! This test needs a process of its own because it runs itself as a child.
#![cfg(unix)]

#[path = "it/util/mod.rs"]
#[allow(dead_code, unused_imports, reason = "this test needs a part of it")]
mod util;

use std::{
    collections::HashSet,
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use futures::{StreamExt, stream};
use http::StatusCode;
use tower::Layer;
use tower_webhook::{JsonLines, LetterReason, WebhookLayer, alegra::Alegra};

use util::{Does, Handler, alegra, ms, post, send};

/// Where the child keeps its letters. Only a child has it.
const LETTERS: &str = "KILLED_LETTERS";

const LATE: usize = 200;
const ROUNDS: usize = 5;

fn layer(letters: &JsonLines) -> WebhookLayer<Alegra> {
    alegra().deadline(ms(1000)).dead_letters(letters.clone())
}

fn body(id: &str) -> String {
    format!(r#"{{"subject":"new-invoice","message":{{"invoice":{{"id":"{id}"}}}}}}"#)
}

/// The process that is killed. It has 200 late handlers that never end, stores letters without end,
/// and prints what was answered with a success.
#[tokio::test]
async fn the_child() {
    let Some(path) = env::var_os(LETTERS) else {
        return;
    };
    let letters = JsonLines::open(path).expect("the file of the process that died");
    let layer = layer(&letters);
    let round = std::process::id();
    let confirm = async |id: String, does: Does| {
        let answer = send(&layer, &Handler::new(does), post(body(&id))).await;
        if answer.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED) {
            println!("confirmed {id}");
        }
    };
    let late = stream::iter(0..LATE)
        .for_each_concurrent(None, |n| confirm(format!("late-{round}-{n}"), Does::Never));
    let failing = stream::iter(0..)
        .for_each_concurrent(16, |n| confirm(format!("failed-{round}-{n}"), Does::Fail));
    futures::join!(late, failing);
}

struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn child(path: &PathBuf) -> Child {
    Command::new(env::current_exe().expect("this test"))
        .args(["--exact", "the_child", "--nocapture"])
        .env(LETTERS, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

#[tokio::test]
async fn what_was_confirmed_survives_a_kill() {
    let folder = env::temp_dir().join(format!("tower-webhook-killed-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let files = Files(folder);
    let path = files.0.join("letters.jsonl");

    let mut late = HashSet::new();
    let mut failed = HashSet::new();
    for round in 0..ROUNDS {
        let (late_before, failed_before) = (late.len(), failed.len());
        let mut child = child(&path);
        let lines = BufReader::new(child.stdout.take().expect("its stdout")).lines();
        let mut killed = false;
        // What it printed before it died counts, even if it is read later.
        for line in lines.map_while(Result::ok) {
            let Some((_, id)) = line.split_once("confirmed ") else {
                continue;
            };
            let known = if id.starts_with("late") {
                &mut late
            } else {
                &mut failed
            };
            known.insert(id.to_owned());
            let enough = failed.len() - failed_before > 100 * (round + 1);
            if !killed && late.len() - late_before == LATE && enough {
                child.kill().expect("SIGKILL");
                killed = true;
            }
        }
        assert!(killed, "it ended by itself: {:?}", child.wait());
        child.wait().expect("its end");
    }

    let letters = JsonLines::open(&path).expect("the file of the process that died");
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut pending = HashSet::new();
    let mut waiting = HashSet::new();
    for letter in letters.letters() {
        let letter = letter.expect("a letter");
        let id = letter.record().id().expect("an id").to_owned();
        match letter.reason() {
            LetterReason::Pending => assert!(pending.insert(id)),
            _ => assert!(waiting.insert(id)),
        }
    }
    assert_eq!(late.len(), ROUNDS * LATE);
    assert_eq!(pending, late);
    assert!(waiting.is_superset(&failed), "confirmed and gone");

    // Each letter is offered, and done when its replay succeeds.
    let count = letters.waiting();
    let webhook = layer(&letters).layer(Handler::answers(200));
    for letter in letters.letters() {
        let answer = webhook.replay(letter.expect("a letter")).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    println!("{count} letters offered after {ROUNDS} kills");
    assert_eq!(letters.waiting(), 0);
}
