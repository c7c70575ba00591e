//! Every step that is done to the disk fails once, for good or for a while.

use super::*;
use crate::dead_letter::json_lines::disk::faults::Plan;

/// So tight that most commits close a file, and many clean one.
const TIGHT: Limits = Limits {
    file: 700,
    total: 2_500,
};

/// What may be found of each letter.
type Model = BTreeMap<String, Vec<Option<DeadLetter>>>;

enum Step {
    Commit(Vec<DeadLetter>, Vec<String>),
    Compact,
}

/// A splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }
}

fn script(seed: u64, len: usize) -> Vec<Step> {
    let mut random = Random(seed);
    let mut steps = Vec::new();
    for step in 0..len {
        if random.below(12) == 0 {
            steps.push(Step::Compact);
            continue;
        }
        let ids: Vec<_> = (0..8).map(|id| id.to_string()).collect();
        let (mut letters, mut ends) = (Vec::new(), Vec::new());
        for id in ids {
            match random.below(8) {
                0 | 1 => {
                    let body = format!("{step}{}", "x".repeat(random.below(90) as usize));
                    letters.push(letter(&id, "status", &body));
                }
                2..=4 => ends.push(id),
                _ => {}
            }
        }
        steps.push(Step::Commit(letters, ends));
    }
    steps
}

/// Runs it until a step fails, or to the end with `stubborn`, and keeps the model.
fn run(store: &JsonLines, steps: &[Step], model: &mut Model, stubborn: bool) {
    for step in steps {
        let Step::Commit(letters, ends) = step else {
            let result = lock_of(&store.shared.log).compact();
            if result.is_err() && !stubborn {
                return;
            }
            continue;
        };
        let mut changes: Vec<_> = letters.iter().map(stored).collect();
        changes.extend(ends.iter().map(|id| done(id)));
        let after = letters.iter().cloned().map(Some);
        let after = after.chain(ends.iter().map(|_| None));
        let results = commit(store, &changes);
        let mut failed = false;
        for ((change, after), result) in changes.iter().zip(after).zip(results) {
            let may = model.entry(change.id.to_string()).or_default();
            match result {
                Ok(()) => *may = vec![after],
                Err(error) if error.to_string().contains("total_limit") => {}
                Err(_) => {
                    may.push(after);
                    failed = true;
                }
            }
        }
        if failed && !stubborn {
            return;
        }
    }
}

/// And settles on what is there.
#[track_caller]
fn check(store: &JsonLines, model: &mut Model, what: &str) {
    let mut found = offered(store);
    for (id, may) in model.iter_mut() {
        let letter = found.remove(id);
        let known = may.contains(&letter) || (may.is_empty() && letter.is_none());
        assert!(known, "{what}: {id} is {letter:?}, may be {may:?}");
        *may = vec![letter];
    }
    assert!(found.is_empty(), "{what}: {found:?}");
    assert_eq!(store.unreadable(), 0, "{what}");
}

fn empty() -> Model {
    (0..8).map(|id| (id.to_string(), vec![None])).collect()
}

fn steps_of(script: &[Step]) -> usize {
    let directory = Directory::new();
    let (store, faults) = directory.open(TIGHT).unwrap();
    let mut model = empty();
    run(&store, script, &mut model, false);
    check(&store, &mut model, "without a fault");
    faults.steps()
}

#[test]
fn a_crash_at_any_step_loses_nothing_and_brings_nothing_back() {
    let script = script(7, 50);
    let (first, rest) = script.split_at(35);
    let steps = steps_of(first);
    assert!(steps > 200, "{steps}");
    for after in 0..steps {
        for eighths in [0, 3, 8] {
            let what = format!("step {after}, {eighths} eighths");
            let directory = Directory::new();
            let disk = Disk::default();
            disk.faults.plan(Plan::Fail {
                after,
                times: usize::MAX,
                eighths,
            });
            let mut model = empty();
            if let Ok(store) = directory.open_on(disk, TIGHT) {
                run(&store, first, &mut model, false);
            }
            // It may die again while it recovers.
            for again in 0..4 {
                let disk = Disk::default();
                disk.faults.plan(Plan::Fail {
                    after: again,
                    times: usize::MAX,
                    eighths,
                });
                drop(directory.open_on(disk, TIGHT));
            }
            let (store, _) = directory.open(TIGHT).unwrap();
            check(&store, &mut model, &what);
            run(&store, rest, &mut model, false);
            check(&store, &mut model, &what);
            drop(store);
            let (store, _) = directory.open(TIGHT).unwrap();
            check(&store, &mut model, &what);
        }
    }
}

#[test]
fn after_a_fault_of_any_length_at_any_step_it_goes_on() {
    let script = script(11, 25);
    let steps = steps_of(&script);
    for after in 0..steps {
        for (times, eighths) in [(1, 3), (2, 5), (2, 8), (7, 3)] {
            let what = format!("step {after}, {times} times");
            let directory = Directory::new();
            let (store, faults) = directory.open(TIGHT).unwrap();
            faults.plan(Plan::Fail {
                after,
                times,
                eighths,
            });
            let mut model = empty();
            run(&store, &script, &mut model, true);
            check(&store, &mut model, &what);
            faults.plan(Plan::Fine);
            run(&store, &script, &mut model, false);
            check(&store, &mut model, &what);
            drop(store);
            let (store, _) = directory.open(TIGHT).unwrap();
            check(&store, &mut model, &what);
            let size = store.size();
            let files = fs::read_dir(&directory.0).unwrap();
            let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
            assert_eq!(sizes.sum::<u64>(), size, "{what}");
        }
    }
}

#[test]
fn nothing_of_a_failed_write_is_left_in_the_file() {
    for (after, times) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
        let directory = Directory::new();
        let (store, faults) = directory.open(LARGE).unwrap();
        let [first, lost, last] = ["a", "b", "c"].map(|id| letter(id, "status", "{}"));
        assert!(commit(&store, &[stored(&first)])[0].is_ok());
        faults.plan(Plan::Fail {
            after,
            times,
            eighths: 5,
        });
        assert!(commit(&store, &[stored(&lost)])[0].is_err());
        assert_eq!(store.waiting(), 1);
        // With `times` of two, the first attempt to cut it off failed as well.
        assert!(commit(&store, &[stored(&last)])[0].is_ok());
        let lines = [first, last].map(|letter| line::letter(&letter).unwrap());
        let path = directory.0.join("letters");
        assert_eq!(fs::read(path).unwrap(), lines.concat());
    }
}

#[test]
fn without_room_nothing_is_torn_and_what_cannot_be_cut_off_is_an_error() {
    let directory = Directory::new();
    let (store, faults) = directory.open(LARGE).unwrap();
    faults.plan(Plan::Fail {
        after: 0,
        times: usize::MAX,
        eighths: 5,
    });
    let one = letter("a", "status", "{}");
    let path = directory.0.join("letters").display().to_string();
    for sentence in [
        format!("cannot write `{path}`: a planned fault"),
        format!("cannot cut a failed write off the end of `{path}`: a planned fault"),
    ] {
        let error = commit(&store, &[stored(&one)]).remove(0).unwrap_err();
        assert_eq!(error.to_string(), sentence);
    }
    faults.plan(Plan::Fine);
    assert!(commit(&store, &[stored(&one)])[0].is_ok());
    assert_eq!(offered(&store)["a"], one);
}
