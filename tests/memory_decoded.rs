//! P4, the other half: what a body becomes when it is decoded. Alone in its file: it counts every
//! byte that the process has.

#[path = "it/util/chance.rs"]
#[allow(unreachable_pub, reason = "this test needs a part of the tests' tools")]
mod chance;

use peak_alloc::PeakAlloc;
use tower_webhook::alegra::Event;

use chance::Chance;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Alegra's default.
const BODY_LIMIT: usize = 1024 * 1024;
const BOUND: usize = 16 * BODY_LIMIT;

/// The places where a body may grow, and what may stand there: each as small as it can be written,
/// and with something in it that costs more than its bytes.
const LISTS: [(&str, &str, &str); 8] = [
    ("invoice", "items", LINES),
    ("bill", "items", LINES),
    (
        "item",
        "price",
        r#"{}|{"id":1}|{"price":1}|{"id":1,"price":1}|{"id":"01234567890123456789"}"#,
    ),
    ("item", "tax", r#"{"id":1}|{"id":"01234567890123456789"}"#),
    (
        "item",
        "customFields",
        r#"{"id":1}|{"id":"01234567890123456789"}"#,
    ),
    ("client", "type", r#""""#),
    ("item", "subitems", r#"{}|[]|[{}]|0|"""#),
    ("bill", "x", r#"{}|[]|[{}]|0|"""#),
];

const LINES: &str = r#"{}|{"id":1}|{"name":"x"}|{"name":"","description":"","reference":""}|{"tax":[{"id":1}]}|{"tax":[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]}|{"remission":{"id":1}}|{"price":"0123456789012345678901234567890123456789"}|{"tax":[{"id":1}],"remission":{"id":1}}|{"name":123}|{"name":123,"reference":123}"#;

/// A body of at most the limit: one list, filled with those elements in turn; with `padding`, the rest
/// is one long text, which stands in front so that it is there while the list grows.
fn body(entity: &str, list: &str, elements: &[&str], most: usize, padding: bool) -> String {
    const FRAME: usize = 160;
    let mut filled = String::new();
    for element in elements.iter().cycle().take(most) {
        if filled.len() + element.len() + FRAME > BODY_LIMIT {
            break;
        }
        filled.push_str(if filled.is_empty() { "" } else { "," });
        filled.push_str(element);
    }
    let rest = BODY_LIMIT.saturating_sub(FRAME + filled.len());
    let text = "x".repeat(if padding { rest } else { 0 });
    let body = format!(
        r#"{{"subject":"new-{entity}","message":{{"{entity}":{{"id":"1","observations":"{text}","{list}":[{filled}]}}}}}}"#
    );
    assert!(body.len() <= BODY_LIMIT);
    body
}

/// What is kept of the body once it is decoded, and the most that it took on the way.
fn cost(body: &str) -> (usize, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let event: Event = serde_json::from_str(body).expect("an event");
    let kept = ALLOCATOR.current_usage() - before;
    let peak = ALLOCATOR.peak_usage() - before;
    drop(event);
    (kept, peak)
}

#[test]
fn p4_a_decoded_event_costs_at_most_sixteen_times_the_limit() {
    let mut worst = (0, 0);
    let mut see = |body: &str| {
        let (kept, peak) = cost(body);
        worst = (worst.0.max(kept), worst.1.max(peak));
        assert!(
            peak <= BOUND,
            "{peak} bytes ({kept} kept), {:.1} times the limit, for {}…",
            peak as f64 / BODY_LIMIT as f64,
            &body[..200.min(body.len())]
        );
    };
    let mut chance = Chance::new(0x5eed);
    for (entity, list, palette) in LISTS {
        let palette: Vec<&str> = palette.split('|').collect();
        for element in &palette {
            // As many as there is room for, and as many as are just still decoded.
            for most in [32_769, 45_900, usize::MAX] {
                see(&body(entity, list, &[element], most, true));
            }
        }
        for _ in 0..6 {
            let mix: Vec<&str> = (0..=chance.below(5))
                .map(|_| chance.pick(&palette))
                .collect();
            let most = 1 + chance.below(60_000) as usize;
            see(&body(entity, list, &mix, most, chance.percent(50)));
        }
    }
    // Just past the last doubling, the cap on containers used up by lists within the lines, and the
    // rest of the body one long text.
    let mut lines = vec![r#"{"tax":[{"id":1}]}"#; 6_600];
    lines.resize(32_769, "{}");
    let longest = body("invoice", "items", &lines, lines.len(), true);
    see(&longest);
    // The same with an escape in that text: the place where it is unescaped does not stay.
    see(&longest.replacen("xx", r"\n", 1));
    // A bill and its client, whose texts have room to spare: all of them, and as many types as there
    // may be.
    let bill = body("bill", "items", &lines, lines.len(), true);
    let texts = |names: &str| {
        let texts = names.split(' ').map(|name| format!(r#""{name}":"1""#));
        texts.collect::<Vec<_>>().join(",")
    };
    let full = format!(
        r#"{},"client":{{"id":1,{},"name":{{{}}},"address":{{{}}},"type":[{}]}},"items""#,
        texts("state decimalPrecision termsConditions"),
        texts("phonePrimary phoneSecondary mobile email fax identification"),
        texts("firstName secondName lastName secondLastName fullname"),
        texts("zipCode department country address city"),
        [r#""1""#; 100].join(",")
    );
    let padding = "x".repeat(full.len());
    let bill = bill.replacen(&padding, "", 1);
    let bill = bill.replacen("\"items\"", &full, 1);
    let event: Event = serde_json::from_str(&bill).expect("an event");
    assert!(matches!(event, Event::NewBill(bill) if bill.client.is_some()));
    see(&bill);
    // What the first pass made is gone when the body is read again to tell where the misfit is: here
    // behind the whole invoice.
    let doubled = body("invoice", "items", &["{}"], 45_900, true);
    let message = doubled.strip_suffix("}}").expect("two objects end");
    see(&format!(r#"{message},"invoice":{{"id":1}}}}}}"#));
    let times = |bytes: usize| bytes as f64 / BODY_LIMIT as f64;
    println!(
        "worst: {:.1} times the limit kept, {:.1} at the peak",
        times(worst.0),
        times(worst.1)
    );
    assert!(
        times(worst.1) > 8.0,
        "the search found nothing that is worth a bound"
    );
}
