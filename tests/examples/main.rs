//! The examples do what they say: each runs as a process of its own and is spoken to over sockets.
#![cfg(unix)]

mod health;
mod letters;
mod process;
mod replay;

use std::process::Output;

use bytes::Bytes;
use futures::future::{join, join_all};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

use process::*;

const ALL: [&str; 3] = ["axum", "hyper", "tonic"];

const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
const WRONG: &str = "0000000000000000000000000000000f";
const CLIENT: &str = r#"{"subject":"new-client","message":{"client":{"id":"774"}}}"#;
const INVOICE: &str = r#"{"subject":"new-invoice","message":{"invoice":{"id":"123","total":19600.33613445378151260504}}}"#;
const DOCUMENT: &str = r#"{"cpnId":11420,"resource":"/documents/1811905.json","resourceId":"1811905","topic":"document","action":"post","officeId":"11","send":1737740416}"#;
const COURIER: &str = r#"{"cpnId":33250,"sellerId":7,"userToken":"c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00","resource":"/v1/couriers/orders/17170.json","resourceId":"17170","topic":"courierOrder","action":"post"}"#;

// What is answered.

#[tokio::test]
async fn probes_are_answered() {
    each(&[], async |example| {
        for body in ["", " \n", "{}", "null"] {
            example.answers(200, &alegra(), body).await;
        }
        let bare = "content-length: 0\r\n\r\n";
        assert_eq!(example.raw(&alegra(), bare.as_bytes()).await, 200);
        let chunked = "transfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(example.raw(&alegra(), chunked.as_bytes()).await, 200);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_delivery_is_refused() {
    each(&[("DEAD_LETTERS", "off")], async |example| {
        for path in [alegra(), bsale()] {
            example.answers(400, &path, "[1,2]").await;
            example.answers(400, &path, "not JSON").await;
            assert_eq!(example.send(Method::GET, &path, "").await, 405);
        }
        let wrong_paths = [
            format!("/webhooks/alegra/{WRONG}"),
            format!("/webhooks/bsale/{WRONG}"),
            format!("/webhooks/other/{SECRET}"),
            format!("/webhooks/alegra/shop/{SECRET}"),
            format!("/{SECRET}"),
            "/webhooks/alegra/".to_owned(),
            "/".to_owned(),
        ];
        for path in wrong_paths {
            example.answers(404, &path, CLIENT).await;
            example.answers(404, &path, "").await;
        }
        for path in [alegra(), bsale()] {
            assert_eq!(example.raw(&path, &three_mebibytes()).await, 413);
            assert_eq!(example.raw(&path, &three_mebibytes_chunked()).await, 413);
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_fails_is_answered_500() {
    for how in ["fail", "panic"] {
        let settings = [("HANDLER", how), ("DEAD_LETTERS", "off")];
        each(&settings, async |example| {
            example.answers(500, &alegra(), INVOICE).await;
            example.answers(500, &bsale(), DOCUMENT).await;
            // It goes on serving.
            example.answers(200, &alegra(), "").await;
            example.line("alegra new-invoice id=123").await;
        })
        .await;
    }
}

// What is printed.

#[tokio::test]
async fn a_delivery_is_a_line() {
    each(&[], async |example| {
        for (body, line) in ALEGRA_LINES {
            example.answers(204, &alegra(), body).await;
            example.line(&format!("alegra {line}")).await;
        }
        for (body, line) in BSALE_LINES {
            example.answers(204, &bsale(), body).await;
            example.line(&format!("bsale {line}")).await;
        }
    })
    .await;
}

#[rustfmt::skip]
const ALEGRA_LINES: [(&str, &str); 12] = [
    (INVOICE, "new-invoice id=123 total=19600.33613445378151260504"),
    (r#"{"subject":"delete-bill","message":{"bill":{"id":42,"total":"23324.40"}}}"#, "delete-bill id=42 total=23324.40"),
    (r#"{"subject":"edit-item","message":{"item":{"id":"865","price":[{"id":"1","price":1.50},{"price":2}]}}}"#, "edit-item id=865 prices=1.50,2"),
    (r#"{"subject":"edit-client","message":{"client":{"id":"7","name":{"firstName":"Ana","lastName":"O'Díaz"}}}}"#, "edit-client id=7 name=\"Ana O'Díaz\""),
    (CLIENT, "new-client id=774 name=-"),
    (r#"{"subject":"new-estimate","message":{"estimate":{}}}"#, "unknown subject=new-estimate"),
    (r#"{"subject":"brand new","message":"just text"}"#, "unknown subject=\"brand new\""),
    (r#"{"subject":"new-client","message":"just text"}"#, "drifted subject=new-client id=- path=message"),
    (r#"{"subject":"new-bill","message":{"bill":{"id":"9","total":[1]}}}"#, "drifted subject=new-bill id=9 path=message.bill.total"),
    ("{\"subject\":\"\\u001b[31mred\\u0007\\n\u{9b}2J\u{202e}\",\"message\":{}}", r#"unknown subject="\u{1b}[31mred\u{7}\n\u{9b}2J\u{202e}""#),
    (r#"{"subject":"new-client","message":{"client":{"id":"\u001b]0;x","name":"\u001b[2J"}}}"#, r#"new-client id="\u{1b}]0;x" name="\u{1b}[2J""#),
    (r#"{"subject":"0123456789012345678901234567890123456789012345678901234567890123456789"}"#, r#"unknown subject="0123456789012345678901234567890123456789012345678901234567890123"…"#),
];

#[rustfmt::skip]
const BSALE_LINES: [(&str, &str); 6] = [
    (DOCUMENT, "document post id=1811905 path=/documents/1811905.json"),
    (COURIER, "courierOrder post id=17170 path=/v1/couriers/orders/17170.json"),
    (r#"{"cpnId":1,"resource":"v2/stocks.json?variant=8712\u0026office=2","resourceId":8712,"topic":"stock","action":"PUT"}"#, "stock put id=8712 path=/v2/stocks.json?variant=8712&office=2"),
    (r#"{"cpnId":1,"resource":"@evil.example/x","resourceId":"5","topic":"product","action":"put"}"#, "product put id=5 no path"),
    (r#"{"cpnId":1,"resource":"/v2/web_orders/1.json","resourceId":"1","topic":"web\u001bOrder","action":"post"}"#, r#"unknown topic="web\u{1b}Order" action=post id=1"#),
    (r#"{"cpnId":{},"resource":"/documents/5.json","resourceId":"5","topic":"document","action":"post"}"#, "drifted topic=document id=5 path=cpnId"),
];

#[tokio::test]
async fn print_json_prints_the_whole_event() {
    each(&[("PRINT", "json")], async |example| {
        example.answers(204, &alegra(), INVOICE).await;
        let invoice = example.json("new-invoice").await;
        let total = &invoice["message"]["invoice"]["total"];
        assert_eq!(total, "19600.33613445378151260504");

        example.answers(204, &bsale(), COURIER).await;
        let order = example.json("courierOrder").await;
        assert_eq!(order["resourceId"], "17170");
        assert!(!example.stdout().concat().contains("c0ffee"));

        let subject = "a\u{9b}2J\u{7f}é\u{202e}\u{1f980}";
        let body = format!(r#"{{"subject":"{subject}","message":[]}}"#);
        example.answers(204, &alegra(), &body).await;
        let unknown = example.json("2J").await;
        assert_eq!(unknown["subject"], subject);
    })
    .await;
}

#[tokio::test]
async fn the_curl_lines_survive_a_shell() {
    each(&[], async |example| {
        example.line("/webhooks/bsale/").await;
        let lines = example.stdout();
        let curls: Vec<&String> = lines.iter().filter(|line| is_curl(line)).collect();
        let paths = [alegra(), alegra(), bsale()];
        assert_eq!(curls.len(), paths.len());
        for ((curl, path), answer) in curls.into_iter().zip(paths).zip([200, 204, 204]) {
            let words = words_in_a_shell(curl);
            let url = words.iter().find(|word| word.starts_with("http://"));
            assert_eq!(url, Some(&format!("http://{}{path}", example.addr)));
            let data = words.iter().skip_while(|word| *word != "-d").nth(1);
            let body = data.map_or("", String::as_str);
            example.answers(answer, &path, body).await;
        }
    })
    .await;
}

// What happens late, and at the end.

#[tokio::test]
async fn a_late_handler_is_waited_for_at_shutdown() {
    each(&[("HANDLER", "slow")], async |example| {
        let (alegra_path, bsale_path) = (alegra(), bsale());
        let accepted = timed(example.send(Method::POST, &alegra_path, INVOICE));
        let taken = timed(example.send(Method::POST, &bsale_path, DOCUMENT));
        let ((alegra, after_3_s), (bsale, after_1_5_s)) = join(accepted, taken).await;
        assert_eq!(alegra, 202, "{}", example.name);
        assert_eq!(bsale, 200, "{}", example.name);
        assert!((3.0..10.0).contains(&after_3_s), "{after_3_s}");
        assert!((1.5..10.0).contains(&after_1_5_s), "{after_1_5_s}");
        assert!(!example.stdout().concat().contains("finished"));

        example.terminate();
        example.line("stopping").await;
        // With a store it goes on serving: what arrives is a success, once it is stored.
        match example.name {
            "axum" => example.answers(202, &alegra_path, CLIENT).await,
            _ => example.refuses_connections().await,
        }
        example
            .line("alegra new-invoice id=123 total=19600.33613445378151260504 finished after 10.")
            .await;
        example.line("bsale document post id=1811905").await;
        example.line("finished after 10.").await;
        example
            .error("late end: alegra new-invoice handled (204)")
            .await;
        example
            .error("late end: bsale document handled (204)")
            .await;
        example
            .error("webhook handler succeeded after the answer")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_handler_outlives_its_client() {
    each(&[("HANDLER", "slow")], async |example| {
        let rest = format!("content-length: {}\r\n\r\n{DOCUMENT}", DOCUMENT.len());
        let mut socket = example.begin(&bsale(), rest.as_bytes()).await;
        example.line("bsale document post id=1811905").await;
        socket.shutdown().await.expect("still connected");
        drop(socket);
        example
            .line("path=/documents/1811905.json finished after 10.")
            .await;
        example
            .error("late end: bsale document handled (204)")
            .await;
    })
    .await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_process() {
    each(&[], async |example| {
        let rest = format!("content-length: {}\r\n\r\n{CLIENT}", CLIENT.len());
        let mut kept_alive = example.begin(&alegra(), rest.as_bytes()).await;
        assert_eq!(status_line(&mut kept_alive).await, 204);
        let silent = TcpStream::connect(example.addr)
            .await
            .expect("a connection");
        let half = example
            .begin(&alegra(), b"content-length: 100\r\n\r\n{")
            .await;
        example.stops().await;
        drop((kept_alive, silent, half));
    })
    .await;
}

#[tokio::test]
async fn stdout_may_be_closed() {
    bounded(join_all(ALL.map(async |name| {
        let mut example = Example::start(name, &[]).await;
        example.line("/webhooks/bsale/").await;
        example.stdout.close().await;
        example.answers(204, &alegra(), INVOICE).await;
        example.terminate();
        example.ends().await;
    })))
    .await;
}

#[tokio::test]
async fn hyper_bounds_the_time_before_a_request() {
    bounded(async {
        let mut example = Example::start("hyper", &[]).await;
        let beginnings = [
            "",
            // Of HTTP/2's preface, of a head, of the head after another.
            "PRI * HT",
            "POST /webhooks/alegra/x HTTP/1.1\r\nhost:",
            "GET / HTTP/1.1\r\nhost: localhost\r\n\r\nPOST /web",
        ];
        join_all(beginnings.map(|beginning| example.cut_off(beginning))).await;
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn tonic_serves_grpc_on_the_same_port() {
    bounded(async {
        let mut example = Example::start("tonic", &[]).await;
        let stream = TcpStream::connect(example.addr)
            .await
            .expect("a connection");
        let (mut grpc, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        // An empty message: no compression, length 0.
        let call = |method: &str| {
            Request::post(format!(
                "http://{}/grpc.health.v1.Health/{method}",
                example.addr
            ))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(Full::new(Bytes::from_static(&[0; 5])))
            .expect("a request")
        };
        let answer = grpc.send_request(call("Check")).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer = answer.into_body().collect().await.expect("a body");
        assert_eq!(answer.trailers().expect("trailers")["grpc-status"], "0");
        // One message of 2 bytes: field 1 is 1, SERVING.
        assert_eq!(answer.to_bytes(), &[0, 0, 0, 0, 2, 8, 1][..]);

        example.answers(204, &alegra(), INVOICE).await;
        // A stream that never ends by itself does not hold the process.
        let watching = grpc.send_request(call("Watch")).await.expect("an answer");
        example.stops().await;
        drop(watching);
    })
    .await;
}

#[tokio::test]
async fn the_demo_plays_everything() {
    bounded(async {
        // The demo is the same whatever else was asked for.
        let settings = [("HANDLER", "fail"), ("PRINT", "json")];
        let mut example = Example::start_with("axum", &["--demo"], &settings).await;
        example.line("each was answered as expected").await;
        example.line("curl -i 'http").await;
        let table = example.stdout();
        for (name, status, seen) in DEMO {
            let row = table.iter().find(|line| line.starts_with(name));
            let row = row.unwrap_or_else(|| panic!("no row for {name:?} in {table:#?}"));
            assert!(row.chars().count() <= 100, "{row}");
            assert!(row.contains(&format!(" {status} ")), "{row}");
            assert!(row.contains(&format!("  {seen}")), "{row}");
        }
        let rows = |line: &&String| line.starts_with("alegra ") || line.starts_with("bsale ");
        assert_eq!(table.iter().filter(rows).count(), DEMO.len());
        let replayed = table.iter().find(|line| line.starts_with("  replayed "));
        let replayed = replayed.expect("what failed is replayed");
        assert!(replayed.contains(" done "), "{replayed}");
        assert!(
            replayed.ends_with("  edit-item id=866 prices=-"),
            "{replayed}"
        );

        // It left no letter of its own.
        let (_, health) = example.health().await;
        assert_eq!(health["dead_letters"]["waiting"], 0);
        example.answers(202, &alegra(), INVOICE).await;
        example.json("new-invoice").await;
        let (_, health) = example.health().await;
        assert_eq!(health["dead_letters"]["waiting"], 1);
        example.stops().await;
    })
    .await;
}

#[rustfmt::skip]
const DEMO: [(&str, u16, &str); 27] = [
    ("alegra probe", 200, "-"),
    ("alegra new-client", 204, "new-client id=774 name=\"Primer Nombre Segundo"),
    ("alegra edit-client", 204, "edit-client id=774"),
    ("alegra delete-client", 204, "delete-client id=774 name=-"),
    ("alegra new-item", 204, "new-item id=865 prices=1,2"),
    ("alegra edit-item", 204, "edit-item id=865"),
    ("alegra delete-item", 204, "delete-item id=865 prices=-"),
    ("alegra new-invoice", 204, "new-invoice id=123 total=1190"),
    ("alegra edit-invoice", 204, "edit-invoice id=123 total=1190"),
    ("alegra delete-invoice", 204, "delete-invoice id=123"),
    ("alegra new-bill", 204, "new-bill id=411 total=119000.60"),
    ("alegra edit-bill", 204, "edit-bill id=411"),
    ("alegra delete-bill", 204, "delete-bill id=411"),
    ("bsale document", 204, "document post id=1811905 path=/documents/1811905.json"),
    ("bsale product", 204, "product post id=952 path=/v2/products/952.json"),
    ("bsale variant", 204, "variant put id=1234 path=/v2/variants/1234.json"),
    ("bsale price", 204, "price put id=594 path=/v2/price_lists/6/details.json?variant=594"),
    ("bsale stock", 204, "stock put id=8712 path=/v2/stocks.json?variant=8712&office=2"),
    ("bsale payment", 204, "payment post id=3229 path=/v1/payments/3229.json"),
    ("bsale courierOrder", 204, "courierOrder post id=17170 path=/v1/couriers/orders/17170.json"),
    ("alegra unknown event", 204, "unknown subject=new-estimate"),
    ("alegra drifted event", 204, "drifted subject=new-invoice id=124 path=message.invoice.total"),
    ("bsale unknown topic", 204, "unknown topic=webOrder"),
    ("bsale foreign path", 204, "product put id=952 no path"),
    ("alegra wrong secret", 404, "-"),
    ("alegra handler fails", 202, "edit-item id=866 prices=-, failed: stored as a dead letter"),
    ("alegra slow handler", 202, "new-invoice id=123 total=1190 finished after 4."),
];

#[tokio::test]
async fn the_demo_can_be_stopped() {
    bounded(async {
        let mut example = Example::start_with("axum", &["--demo"], &[]).await;
        example.line("playing 27 requests").await;
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn bad_settings_are_told_in_a_sentence() {
    let short = &SECRET[..15];
    let settings = [
        ("ADDR", "nowhere", "ADDR has to be an IP address and a port"),
        ("ADDR", "192.0.2.1:1", "cannot listen on 192.0.2.1:1: "),
        (
            "WEBHOOK_SECRET",
            short,
            "WEBHOOK_SECRET will not do: secret 1 has 15 bytes",
        ),
        (
            "WEBHOOK_SECRET",
            "5f0c6f0b3ee44e6a/9c6c0a1f",
            "WEBHOOK_SECRET will not do: secret 1 ",
        ),
        (
            "HANDLER",
            "\u{1b}lazy",
            r#"HANDLER has to be one of ok, fail, panic and slow; "\u{1b}lazy" is none"#,
        ),
        ("PRINT", "xml", "PRINT has to be one of line and json"),
    ];
    bounded(async {
        for name in ALL {
            for (variable, value, sentence) in settings {
                let stderr = refuses(command(name, &[], &[(variable, value)])).await;
                assert!(stderr.starts_with(sentence), "{name}: {stderr}");
                assert!(!stderr.contains(&short[..9]), "{name}: {stderr}");
            }
            let stderr = refuses(command(name, &["--help"], &[])).await;
            assert!(stderr.starts_with("usage: "), "{name}: {stderr}");
        }
    })
    .await;
}

/// Its one sentence on stderr, and the end with 2.
async fn refuses(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.expect("it ran");
    let stderr = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_eq!(stdout, b"");
    stderr
}

#[tokio::test]
async fn a_fresh_secret_is_32_hex_characters() {
    bounded(async {
        for name in ALL {
            let mut seen = Vec::new();
            for _ in 0..2 {
                let mut child = command(name, &[], &[])
                    .env_remove("WEBHOOK_SECRET")
                    .spawn()
                    .expect("it starts");
                let stdout = Lines::of(child.stdout.take().expect("piped"));
                let curl = stdout.wait_for("curl -i -X POST").await;
                let (_, secret) = curl.rsplit_once('/').expect("a URL");
                let secret = secret.trim_end_matches('\'').to_owned();
                assert_eq!(secret.len(), 32, "{curl}");
                assert!(
                    secret.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{curl}"
                );
                seen.push(secret);
            }
            assert_ne!(seen[0], seen[1], "{name}");
        }
    })
    .await;
}
