use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, request::Parts};

use super::samples::*;
use crate::{
    Incoming,
    signature::{Key, Keys, Part, Scheme, mac},
};

#[test]
fn all_vectors_verify() {
    let samples = samples();
    assert_eq!(samples.len(), 40);
    for sample in samples {
        let verified = sample.check(&sample.head(), &sample.body.into());
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        assert!(verified.is_signed);
        assert_eq!(verified.tenant, None);
        assert_eq!(verified.key, Some(sample.key.bytes));
    }
}

#[test]
fn another_key_verifies_no_vector() {
    for mut sample in samples() {
        let mut bytes = sample.key.bytes.to_vec();
        bytes[0] ^= 1;
        sample.key = Key::bytes(bytes).unwrap();
        let result = sample.check(&sample.head(), &sample.body.into());
        assert!(result.is_err(), "{}", sample.name);
    }
}

#[test]
fn a_flipped_bit_of_the_body_is_refused_where_it_is_signed() {
    for sample in samples() {
        for index in 0..sample.body.len() {
            let mut body = sample.body.as_bytes().to_vec();
            body[index] ^= 1;
            let result = sample.check(&sample.head(), &body.into());
            assert_eq!(
                result.is_err(),
                sample.is_body_signed,
                "{} at {index}",
                sample.name
            );
        }
    }
}

#[test]
fn a_longer_or_shorter_body_is_refused_where_it_is_signed() {
    for sample in samples().iter().filter(|sample| sample.is_body_signed) {
        let longer = format!("{}\n", sample.body);
        let shorter = &sample.body[..sample.body.len() - 1];
        assert!(
            sample.check(&sample.head(), &longer.into()).is_err(),
            "{}",
            sample.name
        );
        assert!(
            sample.check(&sample.head(), &shorter.into()).is_err(),
            "{}",
            sample.name
        );
    }
}

#[test]
fn a_flipped_bit_of_a_signed_header_is_refused() {
    for sample in samples() {
        let head = sample.head();
        let names = sample.signed_headers.iter();
        for name in names.filter(|name| head.headers.contains_key(**name)) {
            for index in 0..head.headers[*name].len() {
                let flipped = flip_header(&head, name, index);
                let result = sample.check(&flipped, &sample.body.into());
                assert!(result.is_err(), "{}, {name} at {index}", sample.name);
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_the_signatures_header_is_refused() {
    // With more than one signature the other one stays right.
    let is_single = |sample: &Sample| !sample.name.ends_with("rotation");
    for sample in samples().iter().filter(|sample| is_single(sample)) {
        let head = sample.head();
        let (name, value) = &sample.headers[0];
        for index in 0..value.len() {
            let flipped = flip_header(&head, name, index);
            let result = sample.check(&flipped, &sample.body.into());
            assert!(result.is_err(), "{} at {index}", sample.name);
        }
    }
}

#[test]
fn another_time_of_the_signatures_header_is_refused() {
    for (name, from, to) in [("ST1", "1700000000", "1700000001"), ("MP6", "8010", "8011")] {
        let mut sample = sample(name);
        sample.headers[0].1 = sample.headers[0].1.replace(from, to);
        let text = refusal(sample.check(&sample.head(), &sample.body.into()));
        assert!(text.starts_with("the one key does not match"), "{text}");
    }
}

#[test]
fn a_signed_value_of_the_query_must_not_change() {
    let sample = sample("MP1");
    for uri in [
        "/hook",
        "/hook?data.id=ORD01JQ4S4KY8HWQ6NA5PXB65B3D2&type=order",
        "/hook?data.id=ORD01JQ4S4KY8HWQ6NA5PXB65B3D3&data.id=1",
    ] {
        let head = head(uri, &sample.headers);
        assert!(sample.check(&head, &Bytes::new()).is_err(), "{uri}");
    }
}

#[test]
fn what_is_not_signed_may_change() {
    for sample in samples() {
        let mut head = sample.head();
        head.method = Method::PUT;
        head.headers
            .insert("x-kind", HeaderValue::from_static("another"));
        let query = head.uri.query().unwrap_or_default();
        head.uri = format!("/another?{query}&more=1").parse().unwrap();
        if !sample.is_query_signed {
            head.uri = "/another?data.id=1".parse().unwrap();
        }
        let result = sample.check(&head, &sample.body.into());
        assert!(result.is_ok(), "{}", sample.name);
    }
}

#[test]
fn either_case_of_mercado_pagos_id_is_two_schemes() {
    let keys = Keys::new([Key::text("your_secret_key_here").unwrap()]);
    for name in ["MP1", "MP2"] {
        let sample = sample(name);
        let clock = at(sample.now);
        let lower = mercado_pago(str::to_ascii_lowercase).clock(at(sample.now));
        let received = mercado_pago(str::to_owned).clock(clock);
        let (head, body) = (sample.head(), Bytes::new());
        let request = Incoming::new(&head, &body);
        let results = [
            lower.verify(&request, &keys),
            received.verify(&request, &keys),
        ];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    }
}

#[test]
fn the_body_is_verified_as_it_arrived() {
    let sample = sample("ME1");
    let parsed: serde_json::Value = serde_json::from_str(ME1).unwrap();
    let text = &parsed["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"];
    assert_eq!(text, "café 😀 http://e.example/a@b");
    let printed = ME1
        .replace("caf\\u00e9", "café")
        .replace("\\ud83d\\ude00", "😀")
        .replace("\\/", "/");
    assert_eq!(printed.len(), 281);
    assert!(
        sample
            .check(&sample.head(), &printed.clone().into())
            .is_err()
    );

    let genuine = "sha256=6568a8157348332ab82e4832bac9f060045dd2d5c5220fc9b962dc4d5c724b9e";
    let head = head("/", &[("x-hub-signature-256", genuine.to_owned())]);
    assert!(sample.check(&head, &printed.into()).is_ok());
}

#[test]
fn unknown_and_broken_entries_are_skipped() {
    let sample = sample("SW3a");
    for header in [
        format!("v1,%%% {SW_FIRST}"),
        format!("v1,AAAA {SW_FIRST}"),
        format!("v1 {SW_FIRST}"),
        format!("{SW_ED25519} {SW_FIRST}"),
        format!("  {SW_FIRST}  v2,x"),
    ] {
        let head = with_signature(&sample, &header);
        assert!(sample.check(&head, &sample.body.into()).is_ok(), "{header}");
    }
    for header in [
        SW_ED25519,
        SW_SECOND,
        &SW_FIRST[3..],
        &SW_FIRST[..46],
        "v1,",
    ] {
        let head = with_signature(&sample, header);
        assert!(
            sample.check(&head, &sample.body.into()).is_err(),
            "{header}"
        );
    }
    // Without a separator, the header is one entry.
    let scheme = Scheme::sha256("x-signature");
    let sample = Sample {
        scheme,
        ..super::samples::sample("DB1")
    };
    let digest = &sample.headers[0].1;
    let head = |value: String| head("/", &[("x-signature", value)]);
    assert!(
        sample
            .check(&head(digest.clone()), &sample.body.into())
            .is_ok()
    );
    assert!(
        sample
            .check(&head(digest.to_uppercase()), &sample.body.into())
            .is_ok()
    );
    assert!(
        sample
            .check(&head(format!("{digest},{digest}")), &sample.body.into())
            .is_err()
    );
}

#[test]
fn only_stripes_own_version_counts() {
    let sample = sample("ST2a");
    let header = format!("t=1700000123,{}", ST2_OLD.replace("v1=", "v0="));
    let head = with_signature(&sample, &header);
    assert_eq!(
        refusal(sample.check(&head, &sample.body.into())),
        "the header stripe-signature has no signature of the form v1=<hex>"
    );
}

#[track_caller]
fn timed(timestamp: &str, now: SystemTime, tolerance: Option<Duration>) -> Result<(), String> {
    let digest = {
        use hmac::Mac;
        let mut mac: hmac::Hmac<sha2::Sha256> = mac(b"fake-key");
        mac.update(timestamp.as_bytes());
        format!("{:x}", Bytes::copy_from_slice(&mac.finalize().into_bytes()))
    };
    let scheme = Scheme::sha256("x-signature").parts([Part::timestamp_header("x-time")]);
    let mut scheme = scheme.clock(move || now);
    if let Some(tolerance) = tolerance {
        scheme = scheme.tolerance(tolerance);
    }
    let headers = [("x-signature", digest), ("x-time", timestamp.to_owned())];
    let (head, body) = (head("/", &headers), Bytes::new());
    let keys = Keys::new([Key::text("fake-key").unwrap()]);
    let verified = scheme.verify(&Incoming::new(&head, &body), &keys);
    verified
        .map(drop)
        .map_err(|rejection| rejection.to_string())
}

fn unix(seconds: u64, millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis)
}

#[test]
fn the_tolerance_holds_in_both_directions() {
    let default = |seconds, millis| timed("1700000000", unix(seconds, millis), None);
    assert_eq!(default(1_700_000_300, 0), Ok(()));
    assert_eq!(default(1_699_999_700, 0), Ok(()));
    let old = "the timestamp is 301 s old; 300 s are allowed".to_owned();
    assert_eq!(default(1_700_000_301, 0), Err(old.clone()));
    assert_eq!(default(1_700_000_300, 1), Err(old));
    let future = "the timestamp is 301 s in the future; 300 s are allowed".to_owned();
    assert_eq!(default(1_699_999_699, 0), Err(future.clone()));
    assert_eq!(default(1_699_999_699, 999), Err(future));

    let old = "the timestamp is 612 s old; 60 s are allowed".to_owned();
    let minute = Some(Duration::from_secs(60));
    assert_eq!(
        timed("1700000000", unix(1_700_000_612, 0), minute),
        Err(old)
    );
    assert_eq!(timed("1700000000", unix(1_700_000_060, 0), minute), Ok(()));
}

#[test]
fn the_tolerance_holds_for_milliseconds() {
    let at = |seconds, millis| timed("1700000000500", unix(seconds, millis), None);
    assert_eq!(at(1_700_000_300, 500), Ok(()));
    assert_eq!(at(1_699_999_700, 500), Ok(()));
    assert!(at(1_700_000_300, 501).is_err());
    assert!(at(1_699_999_700, 499).is_err());
}

#[test]
fn the_size_of_a_time_tells_its_unit() {
    assert_eq!(timed("99999999999", unix(99_999_999_999, 0), None), Ok(()));
    assert_eq!(timed("100000000000", unix(100_000_000, 0), None), Ok(()));
}

#[test]
fn no_time_makes_the_scheme_panic_or_wrap() {
    let now = unix(1_700_000_000, 0);
    for text in [
        "-1700000000",
        "",
        "now",
        "1.7e9",
        "0x10",
        "18446744073709551616",
        " ",
    ] {
        let reason = "the timestamp is not a Unix time".to_owned();
        assert_eq!(timed(text, now, None), Err(reason), "{text}");
    }
    for text in ["0", "99999999999", "100000000000", "18446744073709551615"] {
        let error = timed(text, now, None).unwrap_err();
        assert!(error.ends_with("300 s are allowed"), "{text}: {error}");
        assert_eq!(timed(text, now, Some(Duration::MAX)), Ok(()), "{text}");
    }
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000);
    assert!(timed("1700000000", before_1970, None).is_err());
    assert_eq!(timed("1700000000", now, Some(Duration::ZERO)), Ok(()));
    assert!(timed("1700000000", unix(1_700_000_000, 1), Some(Duration::ZERO)).is_err());
}

#[test]
fn the_default_clock_is_the_systems() {
    let sample = sample("SW1");
    let keys = Keys::new([sample.key.clone()]);
    let (head, body) = (sample.head(), Bytes::from(sample.body));
    let text = refusal(sample.scheme.verify(&Incoming::new(&head, &body), &keys));
    assert!(text.ends_with("s old; 300 s are allowed"), "{text}");
}

#[test]
#[should_panic(expected = "\"x signature\" is no name of a header")]
fn the_schemes_header_must_be_one() {
    let _ = Scheme::sha256("x signature");
}

#[test]
#[should_panic(expected = "\"\" is no name of a header")]
fn a_parts_header_must_be_one() {
    let _ = Part::timestamp_header("");
}

#[test]
#[should_panic(expected = "a signature has to cover a part of the request")]
fn something_must_be_signed() {
    let _ = Scheme::sha256("x-signature").parts([Part::text("v0:")]);
}

/// The same header with one bit of one byte flipped, in a way that keeps it a visible character.
fn flip_header(head: &Parts, name: &str, index: usize) -> Parts {
    let mut flipped = head.clone();
    let mut value = head.headers[name].as_bytes().to_vec();
    value[index] ^= 1;
    let name = HeaderName::try_from(name).unwrap();
    flipped
        .headers
        .insert(name, HeaderValue::from_bytes(&value).unwrap());
    flipped
}
