//! The dead letters of the axum example: kept, offered, replayed at the start.

use std::{fs, path::Path};

use serde_json::json;

use super::*;

/// A letter's line, as the library writes it.
pub(super) fn letter(id: &str, reason: &str, received_at_ms: u64, body: &str) -> String {
    let provider = if body.contains("cpnId") {
        "bsale"
    } else {
        "alegra"
    };
    let event = match body {
        INVOICE => "new-invoice",
        CLIENT => "new-client",
        DOCUMENT => "document",
        _ => "other",
    };
    let letter = json!({
        "version": 1, "id": id, "reason": reason, "attempts": 1, "acknowledged": true,
        "record": {
            "version": 1, "provider": provider, "event": event, "received_at_ms": received_at_ms,
            "body": body,
        },
    });
    format!("{letter}\n")
}

/// 2024-06-18 00:00:00 UTC.
pub(super) const JUNE: u64 = 1_718_668_800_000;

#[tokio::test]
async fn what_fails_is_stored_and_a_success() {
    bounded(async {
        for how in ["fail", "panic"] {
            let mut example = Example::start("axum", &[("HANDLER", how)]).await;
            let file = example.folder().file();
            let go_to = format!("dead letters go to {}, none waits", file.display());
            example.line(&go_to).await;
            example.answers(202, &alegra(), INVOICE).await;
            example.answers(200, &bsale(), DOCUMENT).await;
            example.answers(202, &alegra(), "not JSON").await;
            let stored = fs::read_to_string(&file).expect("the file");
            assert_eq!(stored.matches("\"record\"").count(), 3, "{stored}");
            example.error("the delivery is stored").await;
            example.stops().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_process_took_with_it_is_offered_and_replayed() {
    bounded(async {
        let folder = Folder::new();
        let (variable, file) = folder.setting();
        let settings = [("HANDLER", "slow"), (variable, &*file)];
        let mut example = Example::start("axum", &settings).await;
        example.answers(200, &bsale(), DOCUMENT).await;
        example.is_killed().await;

        let settings = [("HANDLER", "fail"), (variable, &*file)];
        let mut example = Example::start("axum", &settings).await;
        example
            .line(&format!(
                "1 dead letter waits in {file}: 1 pending when a process died, 0 left over by a \
                 shutdown, 0 for other reasons"
            ))
            .await;
        example.line("bsale document id=1811905").await;
        example
            .line("to replay: cargo run --example axum -- --replay")
            .await;
        let (_, health) = example.health().await;
        assert_eq!(health["dead_letters"]["waiting"], 1);
        example.stops().await;

        // The handler fails, and it stays, with one attempt more.
        let mut example = Example::start_with("axum", &["--replay"], &settings).await;
        example.line("replay: 1 matched: 0 done, 1 failed").await;
        example.error("the handler answered 500").await;
        assert!(!example.stdout().concat().contains("to replay: "));
        example.stops().await;

        let settings = [(variable, &*file)];
        let mut example = Example::start_with("axum", &["--replay"], &settings).await;
        example.line(" status          2 ").await;
        example
            .line("bsale document post id=1811905 path=/documents/1811905.json")
            .await;
        let done = "replay: 1 matched: 1 done, 0 failed, 0 not replayable; 0 left";
        example.line(done).await;
        example.stops().await;

        let mut example = Example::start("axum", &settings).await;
        example.line("none waits").await;
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn the_offer_is_short_and_escaped() {
    bounded(async {
        let folder = Folder::new();
        let hostile = letter("\u{1b}[2J\u{202e}", "shutdown", JUNE, CLIENT);
        let hostile = hostile.replace("\"event\"", "\"id\":\"\\u001b[31m\",\"event\"");
        let others: String = (0..11)
            .map(|n| letter(&format!("letter-{n}"), "pending", JUNE + 1 + n, DOCUMENT))
            .collect();
        fs::write(folder.file(), format!("{hostile}{others}not a line\n")).expect("a file");
        let (variable, file) = folder.setting();
        let mut example = Example::start("axum", &[(variable, &file)]).await;
        example
            .line(&format!(
                "1 line in {file} cannot be read and stay as they are"
            ))
            .await;
        example
            .line("11 pending when a process died, 1 left over by a shutdown")
            .await;
        example.line(r#"  "\u{1b}[2J\u{202e}""#).await;
        example.line(r#"alegra new-client id="\u{1b}[31m""#).await;
        example.line("  and 2 more").await;
        let rows = example.stdout();
        let rows = rows.iter().filter(|line| line.starts_with("  letter-"));
        assert_eq!(rows.count(), 9);
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_ends_with_the_process() {
    bounded(async {
        let folder = Folder::new();
        let [first, second] = [("first", INVOICE), ("second", DOCUMENT)]
            .map(|(id, body)| letter(id, "error", JUNE, body));
        fs::write(folder.file(), first + &second).expect("a file");
        let (variable, file) = folder.setting();
        let settings = [("HANDLER", "slow"), (variable, &*file)];
        let mut example = Example::start_with("axum", &["--replay"], &settings).await;
        example.line("alegra new-invoice id=123").await;
        example.terminate();
        example
            .line("replay: 1 matched: 1 done, 0 failed, 0 not replayable, 1 not reached; 1 left")
            .await;
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_comes_before_the_demo() {
    bounded(async {
        let folder = Folder::new();
        fs::write(folder.file(), letter("one", "status", JUNE, DOCUMENT)).expect("a file");
        let mut example = Example::start_in(folder, &["--demo", "--replay"]).await;
        example.line("dead-letters.jsonl: 0 pending").await;
        example.line("replay: 1 matched: 1 done").await;
        example.line("each was answered as expected").await;
        let (_, health) = example.health().await;
        assert_eq!(health["dead_letters"]["waiting"], 0);
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn the_demo_has_letters_of_its_own() {
    bounded(async {
        let folder = Folder::new();
        let real = letter("one", "status", JUNE, DOCUMENT);
        fs::write(folder.file(), &real).expect("a file");
        let mut example = Example::start_in(folder, &["--demo"]).await;
        let line = example.stdout.wait_for("dead letters go to ").await;
        let own = line.strip_prefix("dead letters go to ");
        let own = own.and_then(|line| line.strip_suffix(", none waits"));
        let own = Path::new(own.expect("a path"));
        assert!(own.exists(), "{line}");
        example.line("each was answered as expected").await;
        example.stops().await;
        assert!(!own.parent().expect("a folder").exists(), "{line}");
        assert_eq!(
            fs::read_to_string(example.folder().file()).expect("the file"),
            real
        );
        assert_eq!(example.folder().names(), ["dead-letters.jsonl"]);
    })
    .await;
}

#[tokio::test]
async fn dead_letters_can_be_off() {
    bounded(async {
        let settings = [("DEAD_LETTERS", "off")];
        let mut example = Example::start_with("axum", &["--demo", "--replay"], &settings).await;
        example.line("dead letters are off").await;
        example.line("each was answered as expected").await;
        example
            .line("edit-item id=866 prices=-, failed: not stored, a strike")
            .await;
        assert!(!example.stdout().concat().contains("  replayed "));
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn without_settings_the_file_is_where_it_was_started() {
    bounded(async {
        let mut example = Example::start_in(Folder::new(), &[]).await;
        example.line("dead-letters.jsonl, none waits").await;
        assert!(example.folder().file().exists());
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told_in_a_sentence() {
    bounded(async {
        let mut example = Example::start("axum", &[]).await;
        let (variable, file) = example.folder().setting();
        let open = format!("`{file}` is open already, in another process");
        let folder = Folder::new();
        fs::write(folder.file(), "a shopping list\n").expect("a file");
        let (_, list) = folder.setting();
        let foreign = format!("`{list}` has no line that this release can read");
        for (value, sentence) in [
            (
                "",
                "DEAD_LETTERS has to be the path of a file, or off for none",
            ),
            (&*file, &*open),
            (
                "/nowhere/at/all.jsonl",
                "cannot open `/nowhere/at/all.jsonl`: there is no directory",
            ),
            ("/", "`/` names no file"),
            (&*list, &*foreign),
        ] {
            let stderr = refuses(command("axum", &[], &[(variable, value)])).await;
            assert!(stderr.starts_with(sentence), "{stderr}");
        }
        example.stops().await;
    })
    .await;
}
