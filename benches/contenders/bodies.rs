//! What is sent: the providers' documented samples, byte for byte, and the invoice with more lines.

use bytes::Bytes;
use serde_json::Value;

pub const NOTICE: &str = include_str!("../../tests/data/bsale/document.json");
pub const CLIENT: &str = include_str!("../../tests/data/alegra/new-client.json");
pub const INVOICE: &str = include_str!("../../tests/data/alegra/new-invoice.json");

/// The documented invoice with as many of its lines as come closest to that many bytes.
pub fn invoice(bytes: usize) -> Bytes {
    let empty = with_lines(0);
    let line = with_lines(2).len() - with_lines(1).len();
    Bytes::from(with_lines(bytes.saturating_sub(empty.len()) / line))
}

fn with_lines(lines: usize) -> String {
    let mut invoice: Value = serde_json::from_str(INVOICE).expect("the sample is JSON");
    let items = &mut invoice["message"]["invoice"]["items"];
    let line = items[0].clone();
    *items = vec![line; lines].into();
    // The subject first, as in the sample: a map of `serde_json` may sort its keys.
    let (subject, message) = (&invoice["subject"], &invoice["message"]);
    let message = serde_json::to_string_pretty(message).expect("a value is JSON");
    format!("{{\n  \"subject\": {subject},\n  \"message\": {message}\n}}")
}
