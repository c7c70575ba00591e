//! One process at a time.

use std::process::Command;

use super::*;

const CHILD: &str = "TOWER_WEBHOOK_CHILD_OPENS";

fn taken(directory: &Directory) -> String {
    format!(
        "`{}` is open already, in another process or elsewhere in this one: stop the other \
         process; in one process, open it once and clone what was opened",
        directory.file().display()
    )
}

#[test]
fn one_process_opens_it_once() {
    let (directory, lines) = Directory::opened();
    let clone = lines.clone();
    drop(lines);
    assert_eq!(directory.open().unwrap_err().to_string(), taken(&directory));
    drop(clone.letters());
    drop(clone);
    directory.open().unwrap();
}

#[test]
fn only_one_process_opens_it() {
    if let Some(path) = std::env::var_os(CHILD) {
        if let Err(error) = JsonLines::open(path) {
            println!("{error}");
        }
        return;
    }
    let directory = Directory::new();
    let child = || {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "dead_letters::json_lines::lock::only_one_process_opens_it",
                "--nocapture",
            ])
            .env(CHILD, directory.file())
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = directory.open().unwrap();
    assert!(child().contains(&taken(&directory)));
    drop(lines);
    let said = child();
    assert!(
        said.contains("1 passed") && !said.contains("open already"),
        "{said}"
    );
}

#[tokio::test]
async fn files_of_a_store_are_no_stores() {
    let (directory, lines) = Directory::opened();
    store(&lines, &letter("a", "busy")).await;
    drop(lines);
    std::fs::write(directory.closed(7), directory.text()).unwrap();
    for name in ["dead.jsonl.lock", "dead.jsonl.000007"] {
        let error = JsonLines::open(directory.join(name)).unwrap_err();
        let sentence =
            format!("`./{name}` belongs to the dead letters in `./dead.jsonl`: open that");
        assert_eq!(directory.sentence(&error), sentence);
    }
    // A name that ends with a date is an ordinary name.
    JsonLines::open(directory.0.join("letters.20261121")).unwrap();
}
