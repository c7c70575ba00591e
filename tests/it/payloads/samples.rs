//! Every file under `tests/data` is a payload that a provider sends, or may send for all that is
//! known: it decodes to the typed event that its name begins with, and what is written of it decodes to
//! the same.

use std::{fs, path::Path};

use tower_webhook::{Event as _, alegra, bsale};

/// The files of a folder and its `variants`: name without ending, content.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    [folder.clone(), folder.join("variants")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

#[test]
fn alegra_s_samples_decode_and_come_back() {
    let mut subjects = std::collections::BTreeSet::new();
    for (file, body) in files("alegra") {
        let event: alegra::Event = serde_json::from_str(&body).expect(&file);
        assert!(
            !matches!(event, alegra::Event::Unknown(_) | alegra::Event::Drifted(_)),
            "{file}: {event:?}"
        );
        assert!(
            file.starts_with(event.name()),
            "{file} is a {}",
            event.name()
        );
        assert!(event.id().is_some(), "{file}");
        let written = serde_json::to_string(&event).expect(&file);
        assert_eq!(
            serde_json::from_str::<alegra::Event>(&written).expect(&file),
            event,
            "{file}"
        );
        subjects.insert(event.name());
    }
    assert_eq!(subjects.len(), 12, "{subjects:?}");
}

#[test]
fn bsale_s_samples_decode_and_come_back() {
    let mut topics = std::collections::BTreeSet::new();
    for (file, body) in files("bsale") {
        let event: bsale::Event = serde_json::from_str(&body).expect(&file);
        let bsale::Event::Notification(notification) = &event else {
            panic!("{file}: {event:?}");
        };
        assert!(
            file.starts_with(event.name()),
            "{file} is a {}",
            event.name()
        );
        assert!(notification.resource_path().is_some(), "{file}");
        assert_eq!(
            event.idempotency_key().is_some(),
            notification.send.is_some(),
            "{file}"
        );
        let written = serde_json::to_string(&event).expect(&file);
        let mut expected = notification.clone();
        expected.user_token = None;
        let expected = bsale::Event::Notification(expected);
        assert_eq!(
            serde_json::from_str::<bsale::Event>(&written).expect(&file),
            expected,
            "{file}"
        );
        topics.insert(event.name());
    }
    assert_eq!(topics.len(), 7, "{topics:?}");
}
