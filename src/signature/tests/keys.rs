use bytes::Bytes;

use super::samples::{at, refusal, sample};
use crate::{
    ConfigError, Incoming, Verified,
    signature::{Key, Keys},
};

#[test]
fn the_key_that_matches_names_the_tenant() {
    let sample = sample("ST2a in the rotation");
    let scheme = sample.scheme.clone().clock(at(sample.now));
    let (head, body) = (sample.head(), Bytes::from(sample.body));
    let request = Incoming::new(&head, &body);
    let other = Key::text("fake").unwrap().label("shop-1").unwrap();
    let new = Key::text("whsec_fake_new_secret")
        .unwrap()
        .label("shop-2")
        .unwrap();
    let keys = Keys::new([other, new]);
    let verified = scheme.verify(&request, &keys).unwrap();
    assert_eq!(verified.tenant.as_deref(), Some("shop-2"));
    assert_eq!(verified.key.as_deref(), Some(&b"whsec_fake_new_secret"[..]));
}

#[test]
fn keys_change_at_run_time() {
    let sample = sample("ST2a in the rotation");
    let scheme = sample.scheme.clone().clock(at(sample.now));
    let (head, body) = (sample.head(), Bytes::from(sample.body));
    let keys = Keys::default();
    let provider = keys.clone();
    let tenant = || {
        let verified = scheme.verify(&Incoming::new(&head, &body), &provider);
        verified.map(|verified| verified.tenant.unwrap().to_string())
    };
    let key = |text| Key::text(text).unwrap();
    let (old, new) = (key("whsec_fake_old_secret"), key("whsec_fake_new_secret"));

    assert!(tenant().is_err());
    keys.insert(old.clone().label("shop-1").unwrap()).unwrap();
    assert_eq!(tenant().unwrap(), "shop-1");
    keys.insert(new.clone().label("shop-1").unwrap()).unwrap();
    keys.insert(new.clone().label("shop-1").unwrap()).unwrap();
    keys.insert(key("third").label("shop-3").unwrap()).unwrap();
    assert_eq!(format!("{keys:?}"), "Keys(3)");
    assert!(keys.remove(&old));
    assert!(!keys.remove(&old));
    assert_eq!(tenant().unwrap(), "shop-1");
    assert_eq!(keys.remove_label("shop-2"), 0);
    assert_eq!(keys.remove_label("shop-1"), 1);
    assert_eq!(
        refusal(tenant().map(Verified::signed_by)),
        "the one key does not match a body of 99 bytes: was it changed on the way?"
    );
    assert_eq!(keys.remove_label("shop-3"), 1);
    assert_eq!(
        refusal(tenant().map(Verified::signed_by)),
        "there is no key"
    );
}

#[test]
fn a_key_has_one_label() {
    let key = |text| Key::text(text).unwrap();
    let labelled = |text, label: &str| key(text).label(label).unwrap();
    let error = |keys: [Key; 2]| Keys::try_new(keys).unwrap_err().to_string();
    assert_eq!(
        error([labelled("fake", "a"), labelled("fake", "b")]),
        "one key has the label \"a\" and the label \"b\"; give each tenant a key of its own"
    );
    assert_eq!(
        error([key("fake"), labelled("fake", "b")]),
        "one key has no label and the label \"b\"; give each tenant a key of its own"
    );
    let keys = Keys::new([labelled("fake", "a"), labelled("fake", "a"), key("more")]);
    assert_eq!(format!("{keys:?}"), "Keys(2)");
    assert!(keys.insert(labelled("more", "b")).is_err());
    assert_eq!(format!("{keys:?}"), "Keys(2)");
    assert!(keys.remove(&key("fake")));
    assert!(keys.remove(&key("more")));
    let empty = key("fake").label("").unwrap_err();
    assert_eq!(empty.to_string(), "the label of a key is empty");
}

#[test]
fn keys_are_read_as_the_sender_writes_them() {
    let bytes = |key: Result<Key, ConfigError>| key.unwrap().bytes.to_vec();
    assert_eq!(bytes(Key::text("ñandú")), "ñandú".as_bytes());
    assert_eq!(bytes(Key::text("whsec_AAAA")), b"whsec_AAAA");
    assert_eq!(bytes(Key::bytes([0, 255, b' '])), [0, 255, b' ']);
    assert_eq!(bytes(Key::base64("+/8=")), [0xfb, 0xff]);
    assert_eq!(bytes(Key::hex("00fFa1")), [0x00, 0xff, 0xa1]);
    let whsec = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let decoded = bytes(Key::base64(whsec));
    assert_eq!(decoded.len(), 24);
    for prefix in ["", "whsec_", "v1,whsec_", "v1,"] {
        assert_eq!(
            bytes(Key::whsec(&format!("{prefix}{whsec}"))),
            decoded,
            "{prefix}"
        );
    }
}

#[test]
fn wrong_keys_are_refused_without_a_byte_of_them() {
    let error = |key: Result<Key, ConfigError>| key.unwrap_err().to_string();
    let no_base64 = "the key is not base64 in the standard alphabet, with padding";
    let space = "the key has white space at its start or end";
    for empty in [
        Key::text(""),
        Key::bytes([]),
        Key::base64(""),
        Key::hex(""),
        Key::whsec(""),
        Key::whsec("whsec_"),
        Key::whsec("v1,whsec_"),
    ] {
        assert_eq!(error(empty), "the key is empty");
    }
    for text in [
        "secret!",
        "_-8=",
        "+/8",
        "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    ] {
        assert_eq!(error(Key::base64(text)), no_base64, "{text}");
        assert_eq!(error(Key::whsec(text)), no_base64, "{text}");
    }
    for text in ["0", "0g", "+f", "é", "0x00"] {
        assert_eq!(error(Key::hex(text)), "the key is not hex", "{text}");
    }
    for text in ["AAAA\n", " AAAA"] {
        for key in [
            Key::text(text),
            Key::base64(text),
            Key::hex(text),
            Key::whsec(text),
        ] {
            assert_eq!(error(key), space);
        }
    }
}
