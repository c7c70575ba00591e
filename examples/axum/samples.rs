//! What the demo sends. The payloads are those of the tests: what the providers document, and what
//! was captured; the rest is cut from the same cloth.

use http::StatusCode;

const CLIENT: &str = include_str!("../../tests/data/alegra/new-client.json");
const ITEM: &str = include_str!("../../tests/data/alegra/new-item.json");
const INVOICE: &str = include_str!("../../tests/data/alegra/new-invoice.json");
const BILL: &str = include_str!("../../tests/data/alegra/new-bill.json");

/// One request, and the status that it is to be answered with.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) body: String,
    pub(crate) expected: StatusCode,
    pub(crate) knows_the_secret: bool,
    pub(crate) does: Does,
    /// What is to be known of the row, beside what the handler saw.
    pub(crate) note: &'static str,
}

/// How the handler fares with it.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Answer,
    Fail,
    Late,
}

impl Sample {
    fn new(name: &'static str, body: impl Into<String>) -> Self {
        Self {
            name,
            provider: name.split(' ').next().unwrap_or(name),
            body: body.into(),
            expected: StatusCode::NO_CONTENT,
            knows_the_secret: true,
            does: Does::Answer,
            note: "",
        }
    }
}

/// `keeps`: there is a store for what fails.
pub(crate) fn all(keeps: bool) -> Vec<Sample> {
    let mut all = vec![Sample {
        expected: StatusCode::OK,
        ..Sample::new("alegra probe", "")
    }];
    all.extend(alegra());
    all.extend(bsale());
    all.extend(oddities());
    all.extend(mishaps(keeps));
    all
}

fn alegra() -> [Sample; 12] {
    let edited = |body: &str| body.replacen("\"new-", "\"edit-", 1);
    [
        Sample::new("alegra new-client", CLIENT),
        Sample::new("alegra edit-client", edited(CLIENT)),
        Sample::new(
            "alegra delete-client",
            r#"{"subject":"delete-client","message":{"client":{"id":"774"}}}"#,
        ),
        Sample::new("alegra new-item", ITEM),
        Sample::new("alegra edit-item", edited(ITEM)),
        Sample::new(
            "alegra delete-item",
            r#"{"subject":"delete-item","message":{"item":{"id":"865"}}}"#,
        ),
        Sample::new("alegra new-invoice", INVOICE),
        Sample::new(
            "alegra edit-invoice",
            edited(INVOICE).replacen("\"open\"", "\"void\"", 1),
        ),
        Sample::new(
            "alegra delete-invoice",
            r#"{"subject":"delete-invoice","message":{"invoice":{"id":"123","status":"void","total":1190,"items":[]}}}"#,
        ),
        Sample::new("alegra new-bill", BILL),
        Sample::new("alegra edit-bill", edited(BILL)),
        Sample::new(
            "alegra delete-bill",
            BILL.replacen("\"new-", "\"delete-", 1),
        ),
    ]
}

fn bsale() -> [Sample; 7] {
    [
        Sample::new(
            "bsale document",
            include_str!("../../tests/data/bsale/document.json"),
        ),
        Sample::new(
            "bsale product",
            include_str!("../../tests/data/bsale/product.json"),
        ),
        Sample::new(
            "bsale variant",
            include_str!("../../tests/data/bsale/variant.json"),
        ),
        Sample::new(
            "bsale price",
            include_str!("../../tests/data/bsale/price.json"),
        ),
        Sample::new(
            "bsale stock",
            include_str!("../../tests/data/bsale/stock.json"),
        ),
        Sample::new(
            "bsale payment",
            include_str!("../../tests/data/bsale/payment.json"),
        ),
        Sample::new(
            "bsale courierOrder",
            include_str!("../../tests/data/bsale/courierOrder.json"),
        ),
    ]
}

/// What the documentation does not tell, and what should not happen.
fn oddities() -> [Sample; 5] {
    [
        Sample::new(
            "alegra unknown event",
            r#"{"subject":"new-estimate","message":{"estimate":{"id":"9"}}}"#,
        ),
        Sample::new(
            "alegra drifted event",
            r#"{"subject":"new-invoice","message":{"invoice":{"id":"124","total":{"value":1190}}}}"#,
        ),
        Sample::new(
            "bsale unknown topic",
            r#"{"cpnId":2,"resource":"/v2/web_orders/1.json","resourceId":"1","topic":"webOrder","action":"post","send":1503500856}"#,
        ),
        Sample::new(
            "bsale foreign path",
            r#"{"cpnId":2,"resource":"@evil.example/x","resourceId":"952","topic":"product","action":"put","send":1503500857}"#,
        ),
        Sample {
            expected: StatusCode::NOT_FOUND,
            knows_the_secret: false,
            ..Sample::new("alegra wrong secret", INVOICE)
        },
    ]
}

/// What happens to handlers.
fn mishaps(keeps: bool) -> [Sample; 2] {
    let failing = Sample {
        does: Does::Fail,
        ..Sample::new(
            "alegra handler fails",
            r#"{"subject":"edit-item","message":{"item":{"id":"866"}}}"#,
        )
    };
    [
        match keeps {
            true => Sample {
                expected: StatusCode::ACCEPTED,
                note: ", failed: stored as a dead letter",
                ..failing
            },
            false => Sample {
                expected: StatusCode::INTERNAL_SERVER_ERROR,
                note: ", failed: not stored, a strike",
                ..failing
            },
        },
        Sample {
            expected: StatusCode::ACCEPTED,
            does: Does::Late,
            ..Sample::new("alegra slow handler", INVOICE)
        },
    ]
}
