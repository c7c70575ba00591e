//! One process at a time.

use std::process::Command;

use super::*;

const CHILD: &str = "TOWER_WEBHOOK_CHILD_OPENS";

fn taken(directory: &Directory) -> String {
    format!(
        "`{}` is open already, in another process or elsewhere in this one: open it once, and \
         clone what was opened",
        directory.file().display()
    )
}

#[test]
fn it_is_opened_once_in_a_process() {
    let directory = Directory::new();
    let lines = directory.open().unwrap();
    let clone = lines.clone();
    drop(lines);
    assert_eq!(directory.open().unwrap_err().to_string(), taken(&directory));
    drop(clone.letters());
    drop(clone);
    directory.open().unwrap();
}

#[test]
fn it_is_opened_by_one_process() {
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
                "lock::it_is_opened_by_one_process",
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
