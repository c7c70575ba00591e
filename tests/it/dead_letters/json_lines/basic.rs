//! What is written, and which letters are offered.

use super::*;

#[tokio::test]
async fn a_letter_is_one_line_and_done_is_another() {
    let (directory, lines) = Directory::opened();
    let [first, again, other] = [
        letter("a", "status"),
        letter("a", "error"),
        letter("b", "busy"),
    ];
    store(&lines, &first).await;
    store(&lines, &other).await;
    store(&lines, &again).await;
    assert_eq!(letters(&lines), [other.clone(), again.clone()]);
    done(&lines, "b").await;
    let written = [line(&first), line(&other), line(&again), end("b")];
    assert_eq!(directory.text(), written.concat());
    assert_eq!(lines.size(), written.concat().len() as u64);
    assert_eq!((lines.waiting(), letters(&lines)), (1, vec![again.clone()]));
    drop(lines);
    let lines = directory.open().unwrap();
    assert_eq!((lines.waiting(), letters(&lines)), (1, vec![again]));
    assert_eq!(directory.text(), written.concat());
}

#[tokio::test]
async fn done_of_an_unknown_letter_writes_nothing() {
    let (directory, lines) = Directory::opened();
    done(&lines, "a").await;
    done(&lines, "").await;
    assert_eq!(directory.text(), "");
    store(&lines, &letter("a", "status")).await;
    done(&lines, "a").await;
    let before = directory.text();
    done(&lines, "a").await;
    assert_eq!(directory.text(), before);
}

#[tokio::test]
async fn an_id_and_a_body_may_be_anything_but_an_empty_id() {
    let (directory, lines) = Directory::opened();
    let odd = sized("\"\n\u{0}ñ\u{2028}", "status", "\n\r\n\"\\\u{0}");
    store(&lines, &odd).await;
    let mut binary = value("b", "error", "");
    binary["record"].as_object_mut().unwrap().remove("body");
    binary["record"]["body_base64"] = json!("/wD+");
    let binary: DeadLetter = serde_json::from_value(binary).unwrap();
    store(&lines, &binary).await;
    assert_eq!(directory.text().lines().count(), 2);
    assert_eq!(letters(&lines), [odd.clone(), binary]);
    done(&lines, odd.id()).await;
    assert_eq!(ids(&lines), ["b"]);
    let sentence = refused(&lines, &letter("", "status")).await;
    assert_eq!(sentence, "a letter without an id cannot be kept");
}

#[tokio::test]
async fn the_oldest_delivery_comes_first_wherever_its_line_is() {
    let (directory, lines) = Directory::opened();
    for (id, received) in [("c", 3), ("a", 1), ("b", 2), ("d", 4)] {
        let mut value = value(id, "status", "{}");
        value["record"]["received_at_ms"] = json!(received);
        store(&lines, &serde_json::from_value(value).unwrap()).await;
    }
    done(&lines, "b").await;
    assert_eq!(ids(&lines), ["a", "c", "d"]);
    lines.compact().await.unwrap();
    assert_eq!(ids(&lines), ["a", "c", "d"]);
    drop(lines);
    assert_eq!(ids(&directory.open().unwrap()), ["a", "c", "d"]);
}

#[tokio::test]
async fn an_iterator_sees_what_is_done_or_stored_meanwhile() {
    let (_directory, lines) = Directory::opened();
    store_each(&lines, "status", ["a", "b", "c", "d"]).await;
    let mut reading = lines.letters();
    assert_eq!(reading.size_hint(), (0, Some(4)));
    assert_eq!(reading.next().unwrap().unwrap().id(), "a");
    done(&lines, "b").await;
    store(&lines, &letter("c", "pending")).await;
    store(&lines, &letter("d", "panicked")).await;
    store(&lines, &letter("e", "status")).await;
    lines.compact().await.unwrap();
    assert_eq!(reading.next().unwrap().unwrap(), letter("d", "panicked"));
    assert!(reading.next().is_none());
    assert!(reading.next().is_none());
}

#[tokio::test]
async fn a_pending_letter_is_not_offered_until_the_process_dies() {
    let (directory, lines) = Directory::opened();
    store_each(&lines, "pending", ["a", "b", "c"]).await;
    assert_eq!((lines.waiting(), lines.pending()), (0, 3));
    assert_eq!(ids(&lines.clone()), [""; 0]);
    store(&lines, &letter("a", "status")).await;
    done(&lines, "b").await;
    assert_eq!((lines.waiting(), lines.pending()), (1, 1));
    assert_eq!(ids(&lines), ["a"]);
    lines.compact().await.unwrap();
    assert_eq!((lines.waiting(), lines.pending()), (1, 1));
    drop(lines);
    let lines = directory.open().unwrap();
    assert_eq!((lines.waiting(), lines.pending()), (2, 0));
    let mut found = letters(&lines);
    found.sort_by_key(|letter| letter.id().to_owned());
    assert_eq!(found, [letter("a", "status"), letter("c", "pending")]);
    // A replay has it again.
    store(&lines, &letter("c", "pending")).await;
    assert_eq!((ids(&lines), lines.pending()), (vec!["a".to_owned()], 1));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o7777;
    let directory = Directory::new();
    fs::write(directory.file(), line(&letter("a", "status"))).unwrap();
    fs::write(directory.closed(4), line(&letter("b", "status"))).unwrap();
    let files = [directory.file(), directory.closed(4)];
    for path in &files {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let lines = directory.limited(1);
    assert_eq!(files.map(mode), [0o600; 2]);
    store(&lines, &letter("c", "status")).await;
    for path in [directory.file(), directory.closed(4), directory.closed(5)] {
        assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
    }
    assert_eq!(mode(directory.join("dead.jsonl.lock")), 0o600);
}

#[tokio::test]
async fn debug_prints_counts_and_no_content() {
    let (directory, lines) = Directory::opened();
    store(&lines, &sized("a", "status", "secret")).await;
    store(&lines, &sized("b", "pending", "secret")).await;
    let path = format!("{:?}", directory.file());
    let size = lines.size();
    let counts = format!("waiting: 1, pending: 1, unreadable: 0, size: {size}");
    let expected = format!("JsonLines {{ path: {path}, {counts} }}");
    assert_eq!(format!("{lines:?}"), expected);
    let expected = format!("Letters {{ path: {path}, left: 1, .. }}");
    assert_eq!(format!("{:?}", lines.letters()), expected);
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<(
        JsonLines,
        JsonLinesError,
        tower_webhook::Letters,
        tower_webhook::JsonLinesOptions,
    )>();
}

#[test]
fn wrong_options_and_paths_are_errors_that_say_what_to_do() {
    let directory = Directory::new();
    let path = directory.file();
    let options = JsonLines::options;
    for (options, sentence) in [
        (
            options().file_limit(0),
            "a `file_limit` of 0 bytes has no room for a letter: leave it unset for 16 MiB",
        ),
        (
            options().total_limit(0),
            "a `total_limit` of 0 bytes has no room for a letter: leave it unset for 256 MiB",
        ),
        (
            options().file_limit(20).total_limit(10),
            "a `total_limit` of 10 bytes is less than the `file_limit` of 20 bytes: set a \
             `file_limit` of a fraction of it",
        ),
    ] {
        assert_eq!(options.open(&path).unwrap_err().to_string(), sentence);
        assert_eq!(directory.names(), [""; 0]);
    }
    let nowhere = directory.join("no/dead.jsonl");
    let error = JsonLines::open(nowhere).unwrap_err();
    let sentence = "cannot open `./no/dead.jsonl`: there is no directory `./no`, create it first";
    assert_eq!(directory.sentence(&error), sentence);
    for no_file in [directory.to_owned(), directory.join("..")] {
        let error = JsonLines::open(&no_file).unwrap_err();
        let sentence = format!("`{}` names no file", no_file.display());
        assert_eq!(error.to_string(), sentence);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_when_it_is_opened() {
    let directory = Directory::new();
    let link = directory.join("link");
    fs::write(directory.file(), "").unwrap();
    std::os::unix::fs::symlink(directory.file(), &link).unwrap();
    let lines = JsonLines::options().file_limit(1).open(&link).unwrap();
    assert_eq!(lines.path(), directory.file());
    store(&lines, &letter("a", "status")).await;
    store(&lines, &letter("b", "status")).await;
    let names = ["dead.jsonl", "dead.jsonl.000001", "link"];
    assert_eq!(directory.names(), names);
    assert!(JsonLines::open(&link).is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_somebody_else_changed_is_not_written() {
    for change in [
        (|path| fs::remove_file(path).unwrap()) as fn(&Path),
        |path| fs::rename(path, path.with_extension("old")).unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| fs::write(path, fs::read_to_string(path).unwrap() + "{}\n").unwrap(),
        |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(copy, path).unwrap();
        },
    ] {
        let (directory, lines) = Directory::opened();
        store(&lines, &letter("a", "status")).await;
        change(&directory.file());
        let before = fs::read(directory.file()).ok();
        for _ in 0..2 {
            assert_eq!(
                directory.sentence(&refused(&lines, &letter("b", "status")).await),
                "`./dead.jsonl` was changed, moved or removed by something else while it was open: \
                 nothing is written to it until it is opened again"
            );
        }
        assert_eq!(fs::read(directory.file()).ok(), before);
        drop(lines);
        store(&directory.open().unwrap(), &letter("b", "status")).await;
    }
}

#[tokio::test]
async fn a_letter_that_was_changed_in_the_file_is_an_error_and_the_others_are_read() {
    let (directory, lines) = Directory::opened();
    store_each(&lines, "status", ["a", "b", "c"]).await;
    let changed = directory.text().replace(r#""id":"b""#, r#""id":"x""#);
    fs::write(directory.file(), changed).unwrap();
    let mut read = lines.letters();
    assert_eq!(read.next().unwrap().unwrap().id(), "a");
    let at = line(&letter("a", "status")).len();
    let sentence = format!(
        "`./dead.jsonl` was changed while it was open: the letter at byte {at} is not there; open it \
         again"
    );
    let error = read.next().unwrap().unwrap_err();
    assert_eq!(directory.sentence(&error), sentence);
    assert_eq!(read.next().unwrap().unwrap().id(), "c");
}

/// A terminal that shows the file obeys no control character, and the body is read unchanged.
#[tokio::test]
async fn characters_that_cannot_be_seen_are_escaped() {
    let (directory, lines) = Directory::opened();
    let body = "ESC \u{1b}[2J CSI \u{9b}2J DEL \u{7f} turned \u{202e} ñandú 😀 \u{e0041} \\ \"";
    let mut written = serde_json::to_value(letter("a", "malformed")).unwrap();
    written["record"]["body"] = body.into();
    let hostile: DeadLetter = serde_json::from_value(written).unwrap();
    store(&lines, &hostile).await;
    let text = directory.text();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{e0041}')));
    assert!(line.contains("ñandú 😀"));
    drop(lines);
    assert_eq!(letters(&directory.open().unwrap()), [hostile]);
}
