//! The example `replay`: no server, the file and the handlers.

use std::{fs, process::Output};

use super::{
    letters::{JUNE, letter},
    *,
};

const HOUR: u64 = 3_600_000;

/// How it ended, and what it said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// With that code, and these words in what it said.
    #[track_caller]
    fn says(&self, code: i32, stdout: &str, stderr: &str) {
        let Self {
            code: ended,
            stdout: out,
            stderr: err,
        } = self;
        assert_eq!(*ended, Some(code), "{out}{err}");
        assert!(out.contains(stdout), "{stdout:?} is not in {out}");
        assert!(err.contains(stderr), "{stderr:?} is not in {err}");
    }
}

async fn replay(folder: &Folder, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let (variable, file) = folder.setting();
    let mut command = command("replay", arguments, &[(variable, &file)]);
    command.envs(settings.iter().copied());
    let ran = command.current_dir(folder.path()).output().await;
    let Output {
        status,
        stdout,
        stderr,
    } = ran.expect("it ran");
    let [stdout, stderr] =
        [stdout, stderr].map(|printed| String::from_utf8(printed).expect("text"));
    for line in stdout.lines().chain(stderr.lines()) {
        assert!(!line.contains(is_invisible), "{line:?}");
    }
    Ended {
        code: status.code(),
        stdout,
        stderr,
    }
}

/// Five that can be replayed, an hour apart; one that is malformed, one of a stranger.
fn seven_letters() -> Folder {
    let folder = Folder::new();
    let tenant = "\"tenant\":\"north\",\"event\"";
    let lines = [
        letter("l0", "pending", JUNE, INVOICE),
        letter("l1", "status", JUNE + HOUR, INVOICE).replace("\"event\"", tenant),
        letter("l2", "shutdown", JUNE + 2 * HOUR, CLIENT),
        letter("l3", "panicked", JUNE + 3 * HOUR, DOCUMENT),
        letter("l4", "status", JUNE + 4 * HOUR, DOCUMENT),
        letter("l5", "malformed", JUNE + 5 * HOUR, "not \u{1b} JSON"),
        letter("l6", "status", JUNE + 6 * HOUR, "{}").replace("alegra", "shop\\u001bify"),
    ];
    fs::write(folder.file(), lines.concat()).expect("a file");
    folder
}

fn content(folder: &Folder) -> String {
    fs::read_to_string(folder.file()).expect("the file")
}

#[tokio::test]
async fn a_dry_run_lists_and_changes_nothing() {
    bounded(async {
        let folder = seven_letters();
        let before = content(&folder);
        let ended = replay(&folder, &["--dry-run"], &[]).await;
        ended.says(0, "would replay 7; 0 skipped by the filter, 7 left in ", "");
        ended.says(0, "  l0   ", "");
        ended.says(0, "alegra new-invoice tenant=north\n", "");
        ended.says(0, r#""shop\u{1b}ify" other"#, "");
        assert_eq!(ended.stderr, "");
        assert_eq!(content(&folder), before);
        // It was read for good reasons only: the lock is all that came.
        assert_eq!(folder.names().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn filters_choose() {
    bounded(async {
        let folder = seven_letters();
        let ids = |ended: &Ended| {
            let rows = ended
                .stdout
                .lines()
                .filter_map(|line| line.strip_prefix("  l"));
            rows.map(|row| &row[..1]).collect::<String>()
        };
        for (arguments, matched) in [
            ("--provider alegra", "0125"),
            ("--provider=bsale", "34"),
            ("--event new-invoice", "01"),
            ("--event new-client --event document", "234"),
            ("--event none-such", ""),
            ("--tenant north", "1"),
            ("--tenant south", ""),
            ("--reason pending", "0"),
            ("--reason status", "146"),
            ("--reason status --provider bsale", "4"),
            ("--reason other", ""),
            ("--since 2024-06-18T02:00:00Z", "23456"),
            ("--until 2024-06-18T02:00:00Z", "01"),
            (
                "--since=2024-06-18T00:00:01Z --until 2024-06-18T03:59:59Z",
                "123",
            ),
            ("--since 2024-06-18", "0123456"),
            ("--until 2024-06-18", ""),
            ("--since 2024-02-29 --until 2024-12-31T23:59:59Z", "0123456"),
            ("--since 90s", ""),
            ("--since 15m", ""),
            ("--until 2h", "0123456"),
            ("--since 20000d --until 3d", "0123456"),
        ] {
            let arguments: Vec<&str> = ["--dry-run"]
                .into_iter()
                .chain(arguments.split(' '))
                .collect();
            let ended = replay(&folder, &arguments, &[]).await;
            assert_eq!(
                ids(&ended),
                matched,
                "{arguments:?}: {}{}",
                ended.stdout,
                ended.stderr
            );
            let skipped = 7 - matched.len();
            let summary = format!("would replay {}; {skipped} skipped", matched.len());
            ended.says(0, &summary, "");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_replayed_is_done_and_cleaned_away() {
    bounded(async {
        let folder = seven_letters();
        let ended = replay(&folder, &["--provider", "bsale"], &[]).await;
        ended.says(
            0,
            "replayed: 2 matched: 2 done, 0 failed, 0 not replayable; 5 skipped by the filter, 5 \
             left in ",
            "",
        );
        ended.says(0, "bsale document post id=1811905", "");
        assert_eq!(ended.stderr, "");
        let left = content(&folder);
        assert!(!left.contains("1811905"), "{left}");
        assert_eq!(left.matches("\"record\"").count(), 5);

        // Received first is replayed first, and HANDLER and PRINT count.
        let settings = [("PRINT", "json")];
        let arguments = ["--until", "2024-06-18T03:00:00Z", "dead-letters.jsonl"];
        let ended = replay(&folder, &arguments, &settings).await;
        ended.says(0, "3 matched: 3 done", "");
        let [invoice, client] = ["new-invoice", "new-client"].map(|event| {
            let json = format!("{{\"subject\":\"{event}\"");
            ended
                .stdout
                .find(&json)
                .unwrap_or_else(|| panic!("{}", ended.stdout))
        });
        assert!(invoice < client);
    })
    .await;
}

#[tokio::test]
async fn once_all_is_done_there_is_nothing_to_do() {
    bounded(async {
        let folder = Folder::new();
        fs::write(folder.file(), letter("one", "busy", JUNE, INVOICE)).expect("a file");
        let ended = replay(&folder, &[], &[]).await;
        ended.says(0, "1 matched: 1 done", "");
        let ended = replay(&folder, &[], &[]).await;
        ended.says(0, "0 matched: 0 done", "");
    })
    .await;
}

#[tokio::test]
async fn what_fails_stays_with_one_attempt_more() {
    bounded(async {
        let folder = seven_letters();
        for (how, why) in [
            ("fail", "the handler answered 500"),
            ("panic", "the handler panicked"),
        ] {
            let arguments = ["--event", "new-client"];
            let ended = replay(&folder, &arguments, &[("HANDLER", how)]).await;
            let summary = "1 matched: 0 done, 1 failed, 0 not replayable; 6 skipped by the filter, 7 \
                           left in ";
            let failed = format!("failed: l2 alegra new-client: {why}\n");
            ended.says(1, summary, &failed);
            let tried = format!("  l2                               {}", match how {
                "fail" => "status          2",
                _ => "panicked        3",
            });
            let listed = replay(&folder, &["--dry-run"], &[]).await;
            listed.says(0, &tried, "");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_replayable_stays_until_it_is_given_up() {
    bounded(async {
        let folder = seven_letters();
        let ended = replay(&folder, &[], &[]).await;
        ended.says(
            1,
            "7 matched: 5 done, 0 failed, 2 not replayable; 0 skipped by the filter, 2 left in ",
            "not replayable: l5 alegra other: the body is not JSON",
        );
        ended.says(
            1,
            "",
            r#"not replayable: l6 "shop\u{1b}ify" other: nothing here"#,
        );

        let given_up = ["l5", "l6"].map(|id| format!("{{\"version\":1,\"done\":\"{id}\"}}\n"));
        fs::write(folder.file(), content(&folder) + &given_up.concat()).expect("the file");
        replay(&folder, &[], &[])
            .await
            .says(0, "0 matched: 0 done", "");
    })
    .await;
}

#[tokio::test]
async fn asked_to_stop_it_finishes_the_handler_that_runs() {
    bounded(async {
        let folder = seven_letters();
        let (variable, file) = folder.setting();
        let settings = [("HANDLER", "slow"), (variable, &*file)];
        let mut process = command("replay", &[], &settings)
            .spawn()
            .expect("it starts");
        let stdout = Lines::of(process.stdout.take().expect("piped"));
        let stderr = Lines::of(process.stderr.take().expect("piped"));
        stdout.wait_for("alegra new-invoice id=123").await;
        // Nobody else gets at it meanwhile.
        let ended = replay(&folder, &["--dry-run"], &[]).await;
        ended.says(2, "", "is open already, in another process");
        assert_eq!(ended.stderr.lines().count(), 1);

        assert!(process.id().is_some(), "it is at work");
        terminate(&process);
        stderr
            .wait_for("stopping as soon as the handler that runs is done")
            .await;
        stdout.wait_for("finished after 10.").await;
        let summary = "1 matched: 1 done, 0 failed, 0 not replayable, 6 not reached; 0 skipped by \
                       the filter, 6 left in ";
        stdout.wait_for(summary).await;
        assert_eq!(process.wait().await.expect("its end").code(), Some(1));
        assert!(!content(&folder).contains("\"l0\""));
    })
    .await;
}

#[tokio::test]
async fn a_killed_replay_loses_nothing() {
    bounded(async {
        let folder = seven_letters();
        let (variable, file) = folder.setting();
        let settings = [("HANDLER", "slow"), (variable, &*file)];
        let mut process = command("replay", &[], &settings)
            .spawn()
            .expect("it starts");
        let stdout = Lines::of(process.stdout.take().expect("piped"));
        stdout.wait_for("alegra new-invoice id=123").await;
        process.kill().await.expect("it was alive");
        replay(&folder, &["--dry-run"], &[])
            .await
            .says(0, "would replay 7", "");
    })
    .await;
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_mentioned() {
    bounded(async {
        let folder = seven_letters();
        fs::write(folder.file(), content(&folder) + "not a line\n").expect("the file");
        let ended = replay(&folder, &["--event", "new-client"], &[]).await;
        ended.says(
            0,
            "1 matched: 1 done",
            "1 line cannot be read and stay as they are\n",
        );
        assert!(content(&folder).contains("not a line\n"));
    })
    .await;
}

#[tokio::test]
async fn bad_arguments_are_told_in_a_sentence() {
    let when = "--since has to be an age, like 90s, 15m, 2h or 3d, or a time in UTC";
    bounded(async {
        let folder = seven_letters();
        for (arguments, sentence) in [
            ("--frobnicate", "there is no option \"--frobnicate\""),
            ("--dry-run=yes", "there is no option \"--dry-run=yes\""),
            ("-n", "there is no option \"-n\""),
            ("--\u{1b}", "there is no option \"--\\u{1b}\""),
            ("--event", "--event needs a value"),
            ("--event --dry-run", "--event needs a value"),
            ("--event=", "--event needs a value"),
            (
                "--provider shopify",
                "--provider has to be alegra or bsale; \"shopify\"",
            ),
            (
                "--provider bsale --provider bsale",
                "--provider is given twice",
            ),
            ("--reason lost", "--reason has to be one of pending, "),
            ("one two", "FILE is given twice"),
            ("none-such.jsonl", "there is no file none-such.jsonl"),
            (
                "dead-letters.jsonl.000001",
                "there is no file dead-letters.jsonl.000001",
            ),
            ("/", "`/` names no file"),
            ("--since yesterday", when),
            ("--since 2h30m", when),
            ("--since -2h", when),
            ("--since +2h", when),
            ("--since h", when),
            ("--since 99999999999999999999s", when),
            ("--since 2024-13-01", when),
            ("--since 2023-02-29", when),
            ("--since 2024-06-31", when),
            ("--since 1969-12-31", when),
            ("--since 2024-6-1", when),
            ("--since 2024-06-18T24:00:00Z", when),
            ("--since 2024-06-18T10:30:00", when),
            ("--since 2024-06-18T10:30:00+02:00", when),
            ("--since 1h --until 2h", "--since is not before --until"),
        ] {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            let ended = replay(&folder, &arguments, &[]).await;
            assert!(
                ended.stderr.starts_with(sentence),
                "{arguments:?}: {}",
                ended.stderr
            );
            ended.says(2, "", "");
            assert_eq!((&*ended.stdout, ended.stderr.lines().count()), ("", 1));
        }
        // What is beside the file is not mistaken for it.
        for part in ["dead-letters.jsonl.lock", "dead-letters.jsonl.000001"] {
            fs::write(folder.path().join(part), "").expect("a file");
            let ended = replay(&folder, &[part], &[]).await;
            ended.says(2, "", "is a part of dead-letters.jsonl: name that instead");
        }
        let ended = replay(&folder, &[], &[("DEAD_LETTERS", "off")]).await;
        ended.says(2, "", "DEAD_LETTERS is off: name the FILE to replay from");
        let ended = replay(&folder, &[], &[("HANDLER", "lazy")]).await;
        ended.says(2, "", "HANDLER has to be one of ");
        let ended = replay(&Folder::new(), &[], &[]).await;
        ended.says(2, "", "there is no file ");
        let ended = replay(&folder, &["--help", "--since"], &[]).await;
        ended.says(
            0,
            "usage: cargo run --example replay -- [OPTION]… [FILE]\n",
            "",
        );
    })
    .await;
}
