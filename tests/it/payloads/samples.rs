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
            let name = path.file_stem().expect("a name").to_string_lossy();
            let body = fs::read_to_string(&path).expect("text");
            (name.into_owned(), body)
        })
        .collect()
}

#[test]
fn alegra_s_samples_decode_and_come_back() {
    let mut subjects = std::collections::BTreeSet::new();
    for (file, body) in files("alegra") {
        let event: alegra::Event = serde_json::from_str(&body).expect(&file);
        let is_untyped = matches!(event, alegra::Event::Unknown(_) | alegra::Event::Drifted(_));
        assert!(!is_untyped, "{file}: {event:?}");
        let name = event.name();
        assert!(file.starts_with(name), "{file} is a {name}");
        assert!(event.id().is_some(), "{file}");
        let written = serde_json::to_string(&event).expect(&file);
        let read: alegra::Event = serde_json::from_str(&written).expect(&file);
        assert_eq!(read, event, "{file}");
        subjects.insert(name.to_owned());
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
        let name = event.name();
        assert!(file.starts_with(name), "{file} is a {name}");
        assert!(notification.resource_path().is_some(), "{file}");
        let has_key = event.idempotency_key().is_some();
        assert_eq!(has_key, notification.send.is_some(), "{file}");
        let written = serde_json::to_string(&event).expect(&file);
        let mut expected = notification.clone();
        expected.user_token = None;
        let read: bsale::Event = serde_json::from_str(&written).expect(&file);
        assert_eq!(read, bsale::Event::Notification(expected), "{file}");
        topics.insert(name.to_owned());
    }
    assert_eq!(topics.len(), 7, "{topics:?}");
}
