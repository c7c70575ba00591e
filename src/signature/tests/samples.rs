//! Requests that are right: the vectors of the senders' documentation, and some of our own.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, Request, request::Parts};

use crate::{
    Incoming, Rejection, RejectionKind, Verified,
    signature::{Key, Keys, Part, Scheme},
};

/// A request that is right, and what its signature covers.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) scheme: Scheme,
    pub(super) key: Key,
    /// The Unix time at which it arrives.
    pub(super) now: u64,
    pub(super) uri: &'static str,
    /// The header of the signature is the first one.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
    /// The other headers that are signed.
    pub(super) signed_headers: &'static [&'static str],
    pub(super) is_query_signed: bool,
    pub(super) is_body_signed: bool,
}

impl Sample {
    fn new(name: &'static str, scheme: Scheme, key: &str) -> Self {
        Self {
            name,
            scheme,
            key: Key::text(key).unwrap(),
            now: 1_700_000_000,
            uri: "/hook",
            headers: Vec::new(),
            body: "",
            signed_headers: &[],
            is_query_signed: false,
            is_body_signed: true,
        }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    pub(super) fn head(&self) -> Parts {
        head(self.uri, &self.headers)
    }

    pub(super) fn check(&self, head: &Parts, body: &Bytes) -> Result<Verified, Rejection> {
        let keys = Keys::new([self.key.clone()]);
        let scheme = self.scheme.clone().clock(at(self.now));
        scheme.verify(&Incoming::new(head, body), &keys)
    }
}

pub(super) fn head(uri: &str, headers: &[(&str, String)]) -> Parts {
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(()).unwrap().into_parts().0
}

pub(super) fn at(unix: u64) -> impl Fn() -> SystemTime + Send + Sync + 'static {
    move || SystemTime::UNIX_EPOCH + Duration::from_secs(unix)
}

pub(super) fn hub_256() -> Scheme {
    Scheme::sha256("x-hub-signature-256").prefix("sha256=")
}

fn hub_1() -> Scheme {
    Scheme::sha1("x-hub-signature").prefix("sha1=")
}

pub(super) fn standard_webhooks() -> Scheme {
    let scheme = Scheme::sha256("webhook-signature")
        .separator(' ')
        .prefix("v1,");
    scheme.base64().parts([
        Part::header("webhook-id"),
        Part::text("."),
        Part::timestamp_header("webhook-timestamp"),
        Part::text("."),
        Part::body(),
    ])
}

pub(super) fn stripe() -> Scheme {
    let scheme = Scheme::sha256("stripe-signature")
        .separator(',')
        .prefix("v1=");
    scheme.parts([Part::timestamp_entry("t="), Part::text("."), Part::body()])
}

/// Slack and Zoom.
pub(super) fn v0(signature: &str, timestamp: &str) -> Scheme {
    Scheme::sha256(signature).prefix("v0=").parts([
        Part::text("v0:"),
        Part::timestamp_header(timestamp),
        Part::text(":"),
        Part::body(),
    ])
}

pub(super) fn slack() -> Scheme {
    v0("x-slack-signature", "x-slack-request-timestamp")
}

pub(super) fn mercado_pago(id: fn(&str) -> String) -> Scheme {
    let scheme = Scheme::sha256("x-signature").separator(',').prefix("v1=");
    scheme.parts([
        Part::by(move |request| match request.query("data.id") {
            Some(value) => format!("id:{};", id(&value)),
            None => String::new(),
        }),
        Part::by(|request| match request.header("x-request-id") {
            Some(id) => format!("request-id:{id};"),
            None => String::new(),
        }),
        Part::text("ts:"),
        Part::timestamp_entry("ts="),
        Part::text(";"),
    ])
}

/// The URL as it is configured at Twilio, and the fields of a form, sorted by name and value.
fn twilio(url: &'static str) -> Scheme {
    let signed = Part::by(move |request| {
        let fields = form_urlencoded::parse(request.body());
        let mut fields: Vec<_> = fields.collect();
        fields.sort();
        fields.dedup();
        let fields = fields
            .into_iter()
            .map(|(name, value)| format!("{name}{value}"));
        url.to_owned() + &fields.collect::<String>()
    });
    Scheme::sha1("x-twilio-signature").base64().parts([signed])
}

const SW_BODY: &str =
    r#"{"type":"contact.created","timestamp":"2026-01-02T03:04:05Z","data":{"name":"Ñandú"}}"#;
pub(super) const SW_FIRST: &str = "v1,t3OpeWbj744abSJd9RgJWfU3jiXz1h5gO+G5vhGLrKo=";
pub(super) const SW_SECOND: &str = "v1,OXtw3vB/H2OZX7kO7f0O93gWF1+zkoYu8C4DYhd8q5k=";
pub(super) const SW_ED25519: &str =
    "v1a,S2FeYiEc5HXjaZf1CTGIL7MgC8dA6GgT9z8LVKc2/EmwuAgF7uTi16KUqUB48zq6OjfelhSs4elKcZf6bD60Cg==";

fn whsec(
    name: &'static str,
    secret: &str,
    id: &str,
    timestamp: u64,
    body: &'static str,
    signature: &str,
) -> Sample {
    Sample {
        key: Key::whsec(secret).unwrap(),
        now: timestamp + 2,
        signed_headers: &["webhook-id", "webhook-timestamp"],
        ..Sample::new(name, standard_webhooks(), "replaced")
    }
    .header("webhook-signature", signature)
    .header("webhook-id", id)
    .header("webhook-timestamp", timestamp.to_string())
    .body(body)
}

fn standard_webhooks_samples() -> Vec<Sample> {
    let rotation = format!("{SW_FIRST} v9,AAAA {SW_SECOND} {SW_ED25519}");
    let first = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";
    let second = "whsec_gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaX";
    vec![
        whsec(
            "SW1",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        whsec(
            "SW2",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        whsec(
            "SW3a",
            first,
            "msg_fake0001",
            1_767_323_045,
            SW_BODY,
            SW_FIRST,
        ),
        whsec(
            "SW3b",
            second,
            "msg_fake0001",
            1_767_323_045,
            SW_BODY,
            SW_SECOND,
        ),
        whsec(
            "SW3a in the rotation",
            first,
            "msg_fake0001",
            1_767_323_045,
            SW_BODY,
            &rotation,
        ),
        whsec(
            "SW3b in the rotation",
            second,
            "msg_fake0001",
            1_767_323_045,
            SW_BODY,
            &rotation,
        ),
    ]
}

const ST2_BODY: &str = r#"{"id":"evt_fake_0001","object":"event","type":"invoice.paid","created":1700000000,"livemode":false}"#;
pub(super) const ST2_OLD: &str =
    "v1=ba24a459b59a4df127a12afd42b152d1dd2d9a0663d344ca2b9f44f5069c0a1b";
const ST2_NEW: &str = "v1=16562263e7d49f0be8b4fd32f1ab7b574a662102fcd70966b8171202e066188c";

fn stripe_samples() -> Vec<Sample> {
    let zeros = "0".repeat(64);
    let rotation = format!("t=1700000123,{ST2_OLD},{ST2_NEW},v0={zeros}");
    let spaced = format!("t=1700000123, {ST2_NEW}");
    let st2 = |name, key, header: &str| {
        Sample::new(name, stripe(), key)
            .header("stripe-signature", header)
            .body(ST2_BODY)
    };
    vec![
        Sample::new("ST1", stripe(), "whsec_test_secret")
            .header(
                "stripe-signature",
                "t=1700000000,v1=4f1cd7feda9826e746b7d482c4badebb657398df1099e1046364f6196a230150",
            )
            .body("{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}"),
        st2(
            "ST2a",
            "whsec_fake_old_secret",
            &format!("t=1700000123,{ST2_OLD}"),
        ),
        st2(
            "ST2b",
            "whsec_fake_new_secret",
            &format!("t=1700000123,{ST2_NEW}"),
        ),
        st2("ST2a in the rotation", "whsec_fake_old_secret", &rotation),
        st2("ST2b in the rotation", "whsec_fake_new_secret", &rotation),
        st2("ST2b with a space", "whsec_fake_new_secret", &spaced),
    ]
}

pub(super) const ME1: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"100","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","messages":[{"id":"wamid.FAKE1","from":"5491100000000","timestamp":"1700000000","type":"text","text":{"body":"caf\u00e9 \ud83d\ude00 http:\/\/e.example\/a@b"}}]}}]}]}"#;
const ME1_KEY: &str = "fake_app_secret_000000000000000000";
const ME1_SIGNATURE: &str =
    "sha256=6d460d719a4b64bcd3376e237e1c34c16769d9fdbe9d40e409287426edbb9a23";

/// Senders that sign the body and nothing else.
fn body_samples() -> Vec<Sample> {
    let gh1 = "It's a Secret to Everybody";
    let gh2 =
        r#"{"action":"opened","number":7,"sender":{"login":"fake-user","id":1},"note":"café"}"#;
    let me2 = r#"{"object":"page","entry":[{"id":"200","time":1700000000,"changes":[{"field":"feed","value":{"item":"status"}}]}]}"#;
    let shopify = || Scheme::sha256("X-Shopify-Hmac-SHA256").base64();
    vec![
        Sample::new("GH1", hub_256(), gh1)
            .header(
                "x-hub-signature-256",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            )
            .body("Hello, World!"),
        Sample::new("GH1s", hub_1(), gh1)
            .header("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")
            .body("Hello, World!"),
        Sample::new("GH2", hub_256(), "fake-github-secret")
            .header(
                "x-hub-signature-256",
                "sha256=105bf88dcf90917b7ac695d97ddcc33c525ab7f820195ba9ee279717d9ebe23c",
            )
            .body(gh2),
        Sample::new("GH2s", hub_1(), "fake-github-secret")
            .header("x-hub-signature", "sha1=9e74f5379caa08afcdd190e0b541162c34822431")
            .body(gh2),
        Sample::new("GH3", hub_256(), "fake-github-secret")
            .header(
                "x-hub-signature-256",
                "sha256=5edb6f1fe23728766ab613076e89a509d5f37543c4facde4cd621086270851c8",
            )
            .body("payload=%7B%22zen%22%3A%22Keep+it+fake.%22%2C%22hook_id%22%3A42%7D"),
        Sample::new("ME1", hub_256(), ME1_KEY)
            .header("x-hub-signature-256", ME1_SIGNATURE)
            .body(ME1),
        Sample::new("ME2", hub_256(), ME1_KEY)
            .header(
                "x-hub-signature-256",
                "sha256=961ce6c6002edea4a24e393cf2bc3d8a8a6f25a7013763cd3bc0786b02fcce57",
            )
            .body(me2),
        Sample::new("ME2s", hub_1(), ME1_KEY)
            .header("x-hub-signature", "sha1=d8c19c93b31f6e3f2f48adcc290b5fad665ccec7")
            .body(me2),
        Sample::new("SH1", shopify(), "fake_shopify_client_secret")
            .header("x-shopify-hmac-sha256", "KB26MJ8VI1pcqm0PQK/B8jOrwXqkL91vsi1klmwQdQM=")
            .body(r#"{"id":9007199254740993,"email":"nobody@shop.example","total_price":"10.00"}"#),
        Sample::new("SH2", shopify(), "shpss_fakefakefakefakefakefakefakefake")
            .header("x-shopify-hmac-sha256", "TdfOhw8dALNdzlAyZ01aWdea6SsuWoRqN1TRVUzpLTk=")
            .body(r#"{"id":1,"title":"Café con leche","vendor":"Tienda Ñandú"}"#),
        Sample::new("TN1", Scheme::sha256("x-linkedstore-hmac-sha256"), "fake_app_secret")
            .header(
                "x-linkedstore-hmac-sha256",
                "3c04c467fbb6f1829fd60598b5e1eebdc127a634790ca0ab1f2187a7fb06940d",
            )
            .body(r#"{"store_id":123,"event":"order/paid","id":456}"#),
        Sample::new("WC1", Scheme::sha256("x-wc-webhook-signature").base64(), "fake-wc-secret")
            .header("x-wc-webhook-signature", "uyStI2cl0t/oOgS7Hyq7aPEnribOhIRL8ghhd6sZVXM=")
            .body(r#"{"id":727,"status":"processing"}"#),
        Sample::new("XE1", Scheme::sha256("x-xero-signature").base64(), "fake-xero-webhook-key")
            .header("x-xero-signature", "eYYLMFexsT2+YmRj+p2jiID4mb8BtKozXceHa5RIDhs=")
            .body(r#"{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"FAKEENTROPY0000000000"}"#),
        Sample::new("QB1", Scheme::sha256("intuit-signature").base64(), "fake-verifier-token")
            .header("intuit-signature", "c+392XG1jfhOWVmu05TbjHO5jGTPCKXR/zez7bzsg5g=")
            .body(r#"[{"specversion":"1.0","id":"fake-0001","source":"intuit.fake","type":"qbo.invoice.created.v1","time":"2026-01-02T03:04:05Z","intuitentityid":"145","intuitaccountid":"310687"}]"#),
        Sample::new("DB1", Scheme::sha256("x-dropbox-signature"), "fake-dropbox-secret")
            .header(
                "x-dropbox-signature",
                "a4759b566af912952c40bb7d84c83c60adbe0899482206b3e1d32b69aae8d389",
            )
            .body(r#"{"list_folder":{"accounts":["dbid:FAKE-1"]},"delta":{"users":[12345]}}"#),
    ]
}

fn v0_samples() -> Vec<Sample> {
    let slack = |name, key, now: u64, body, signature: &str| {
        Sample {
            now,
            signed_headers: &["x-slack-request-timestamp"],
            ..Sample::new(name, slack(), key)
        }
        .header("x-slack-signature", signature)
        .header("x-slack-request-timestamp", now.to_string())
        .body(body)
    };
    let zoom = Sample {
        signed_headers: &["x-zm-request-timestamp"],
        ..Sample::new(
            "ZO1",
            v0("x-zm-signature", "x-zm-request-timestamp"),
            "fake-zoom-secret-token",
        )
    };
    vec![
        slack(
            "SL1",
            "8f742231b10e8888abcd99yyyzzz85a5",
            1_531_420_618,
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        slack(
            "SL2",
            "fakefakefakefakefakefakefakefake",
            1_700_000_000,
            r#"{"token":"fake","challenge":"fake-challenge-123","type":"url_verification"}"#,
            "v0=c8dbd2ddd05a2a3d1ea1b8da3b7ebf7c5c30fba34d4cf35b0cd4abd942afc3f2",
        ),
        slack(
            "SL3",
            "fakefakefakefakefakefakefakefake",
            1_700_000_001,
            r#"{"type":"event_callback","team_id":"T0FAKE","api_app_id":"A0FAKE","event_id":"Ev0FAKE","event_time":1700000001,"event":{"type":"app_mention","text":"¡hola!"}}"#,
            "v0=eb3c195be626939762061994256288a0fbac9e544617b974f72c73007d94feca",
        ),
        zoom.header(
            "x-zm-signature",
            "v0=213abf84cc11f1aa2c94516c6e52ff618d79d9ca73de09a7434b478c352f06f3",
        )
        .header("x-zm-request-timestamp", "1700000000")
        .body(r#"{"event":"meeting.started","event_ts":1700000000000,"payload":{"account_id":"fake"}}"#),
    ]
}

const MP_ID: &str = "2066ca19-c6f1-498a-be75-1923005edd06";
const MP_URI: &str = "/hook?data.id=ORD01JQ4S4KY8HWQ6NA5PXB65B3D3&type=order";

/// Senders that do not sign the body as it is.
fn manifest_samples() -> Vec<Sample> {
    let pago = |name, id, uri, ts: u64, request_id: Option<&str>, signature: &str| {
        let now = if ts < 10_000_000_000 { ts } else { ts / 1000 };
        let sample = Sample {
            now,
            uri,
            signed_headers: &["x-request-id"],
            is_query_signed: true,
            is_body_signed: false,
            ..Sample::new(name, mercado_pago(id), "your_secret_key_here")
        }
        .header("x-signature", format!("ts={ts},v1={signature}"));
        match request_id {
            Some(id) => sample.header("x-request-id", id),
            None => sample,
        }
    };
    let lower: fn(&str) -> String = str::to_ascii_lowercase;
    let ts = 1_742_505_638_683;
    let twilio = |name, url, body: &'static str, signature: &str| {
        Sample {
            is_body_signed: !body.is_empty(),
            ..Sample::new(name, twilio(url), "12345")
        }
        .header("x-twilio-signature", signature)
        .body(body)
    };
    vec![
        pago(
            "MP1",
            lower,
            MP_URI,
            ts,
            Some(MP_ID),
            "633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
        ),
        pago(
            "MP2",
            str::to_owned,
            MP_URI,
            ts,
            Some(MP_ID),
            "fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
        ),
        pago(
            "MP3",
            lower,
            "/hook",
            ts,
            Some(MP_ID),
            "8a7b0cc777a8217c3bab41a50c95dc92debbc6f8448f1c967dfe10ac1cb8b894",
        ),
        pago(
            "MP4",
            lower,
            MP_URI,
            ts,
            None,
            "a20c44820ab71562e89a7c9f64d5636efc8beba587b16c2f9bbbc3504892741a",
        ),
        pago(
            "MP5",
            lower,
            "/hook",
            ts,
            None,
            "3f075add3ddb923bebf0bc0648457b8244cf4420b98d5b445167d379bec0ca54",
        ),
        pago(
            "MP6",
            lower,
            "/hook?data.id=999999999",
            1_704_908_010,
            Some("fake-request-id-0001"),
            "320e342b60c881c7ca9b07aa7b1f658c3698e77afd07714b8516c9d9f6de885f",
        ),
        twilio(
            "TW1",
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        twilio(
            "TW2",
            "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
            "",
            "a9nBmqA0ju/hNViExpshrM61xv4=",
        ),
        twilio(
            "TW3",
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            "Digits=5678&Digits=1234&Sid=CA123&SidAccount=AC123",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ]
}

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = standard_webhooks_samples();
    samples.extend(stripe_samples());
    samples.extend(body_samples());
    samples.extend(v0_samples());
    samples.extend(manifest_samples());
    samples
}

pub(super) fn sample(name: &str) -> Sample {
    samples()
        .into_iter()
        .find(|sample| sample.name == name)
        .unwrap()
}

#[track_caller]
pub(super) fn refusal(result: Result<Verified, Rejection>) -> String {
    let rejection = result.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Unauthorized);
    rejection.to_string()
}

/// The sample's head with another value of the signature's header.
pub(super) fn with_signature(sample: &Sample, value: &str) -> Parts {
    let mut head = sample.head();
    let name = HeaderName::try_from(sample.headers[0].0).unwrap();
    head.headers.insert(name, value.parse().unwrap());
    head
}
