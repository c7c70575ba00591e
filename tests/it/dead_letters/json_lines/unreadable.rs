//! Lines that this release cannot read are kept.

use super::*;

/// Lines of later releases, edited by hand, or damaged.
fn odd() -> Vec<Vec<u8>> {
    let mut later = value("later", "status", "{}");
    later["version"] = json!(2);
    let mut record = value("record", "status", "{}");
    record["record"]["version"] = json!(2);
    let mut nameless = value("", "status", "{}");
    nameless["attempts"] = json!(3);
    [
        later.to_string().into_bytes(),
        record.to_string().into_bytes(),
        nameless.to_string().into_bytes(),
        br#"{"version":2,"done":"a"}"#.to_vec(),
        br#"{"done":"a"}"#.to_vec(),
        br#"{"version":1,"done":7}"#.to_vec(),
        b"  # a note".to_vec(),
        b"{\"version\":1,\"id\":\"rot\xff\xfe".to_vec(),
        b"\0\0\0".to_vec(),
        b"[]".to_vec(),
    ]
    .map(|line| [&*line, b"\n"].concat())
    .to_vec()
}

fn holds(text: &[u8], line: &[u8]) -> bool {
    text.split_inclusive(|byte| *byte == b'\n')
        .any(|it| it == line)
}

#[tokio::test]
async fn unreadable_lines_are_skipped_counted_and_kept_byte_for_byte() {
    let directory = Directory::new();
    let a = line(&letter("a", "status"));
    let mut text = a.clone().into_bytes();
    for odd in odd() {
        text.extend(odd);
        text.extend(b"\n \r\n");
    }
    fs::write(directory.file(), &text).unwrap();
    let limited = JsonLines::options().file_limit(300);
    let lines = limited.open(directory.file()).unwrap();
    assert_eq!(lines.unreadable(), odd().len());
    assert_eq!(ids(&lines), ["a"]);
    assert_eq!(fs::read(directory.file()).unwrap(), text);
    store(&lines, &letter("b", "status")).await;
    done(&lines, "a").await;
    done(&lines, "b").await;
    for _ in 0..3 {
        lines.compact().await.unwrap();
        assert_eq!((lines.unreadable(), lines.waiting()), (odd().len(), 0));
        assert_eq!(lines.size(), directory.size());
    }
    // Now there are no other lines, and the file can still be opened.
    drop(lines);
    for limited in [limited, JsonLines::options()] {
        let lines = limited.open(directory.file()).unwrap();
        lines.compact().await.unwrap();
        assert_eq!((lines.unreadable(), lines.waiting()), (odd().len(), 0));
        let names = directory.names().into_iter();
        let all: Vec<_> = names
            .flat_map(|name| fs::read(directory.join(name)).unwrap())
            .collect();
        for odd in odd() {
            assert!(holds(&all, &odd), "{}", String::from_utf8_lossy(&odd));
        }
    }
}

#[tokio::test]
async fn the_end_of_a_closed_file_is_kept_too() {
    for (last, unreadable) in [
        ("# torn?", 1),
        (&*line(&letter("b", "busy")).trim_end().to_owned(), 0),
    ] {
        let directory = Directory::new();
        let a = line(&letter("a", "status"));
        fs::write(directory.closed(1), format!("{a}{last}")).unwrap();
        let lines = directory.open().unwrap();
        assert_eq!(lines.unreadable(), unreadable);
        assert_eq!(lines.size(), directory.size());
        done(&lines, "a").await;
        lines.compact().await.unwrap();
        assert_eq!(directory.names(), ["dead.jsonl"]);
        assert!(directory.text().ends_with(&format!("{last}\n")));
        assert_eq!(lines.unreadable(), unreadable);
        assert_eq!(lines.waiting(), 1 - unreadable);
    }
}

#[test]
fn a_file_without_a_line_that_can_be_read_is_refused_and_left_alone() {
    for text in [
        "# notes\n",
        "hello",
        "{\"name\":\"x\"}\n{\"version\":1",
        "\0\0\n",
    ] {
        let directory = Directory::new();
        fs::write(directory.file(), text).unwrap();
        assert_eq!(
            directory.sentence(&directory.open().unwrap_err()),
            "`./dead.jsonl` has no line that this release can read, so it is left alone: it is no \
             file of dead letters, or that of a later release"
        );
        assert_eq!(directory.text(), text);
        fs::write(directory.file(), "").unwrap();
        assert_eq!(directory.open().unwrap().waiting(), 0);
    }
}

#[test]
fn other_files_beside_it_are_left_alone() {
    let directory = Directory::new();
    let names = [
        "dead.jsonl.1",
        "dead.jsonl.0000001",
        "dead.jsonl.old",
        "dead.jsonl.000001.gz",
        "dead.jsonl.+00001",
    ];
    for name in names {
        fs::write(directory.join(name), "theirs").unwrap();
    }
    fs::write(directory.closed(1_234_567), line(&letter("a", "status"))).unwrap();
    let lines = directory.open().unwrap();
    assert_eq!((lines.waiting(), lines.unreadable()), (1, 0));
    for name in names {
        assert_eq!(fs::read_to_string(directory.join(name)).unwrap(), "theirs");
    }
}
