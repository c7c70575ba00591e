//! `GET /health` of the axum example.

use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::*;

#[tokio::test]
async fn health_of_a_process_that_nobody_spoke_to() {
    bounded(async {
        let mut example = Example::start("axum", &[]).await;
        let (status, health) = example.health().await;
        assert_eq!(status, 200);
        let provider = |limit: Value| {
            json!({
                "strikes": [], "worst": 0, "limit": limit,
                "seconds_since_last_delivery": null, "seconds_since_last_success": null,
                "refused": 0, "seconds_since_last_refused": null, "handlers_in_flight": 0,
            })
        };
        let bytes = health["dead_letters"]["bytes"].clone();
        let expected = json!({
            "status": "ok", "reasons": [], "draining": false,
            "alegra": provider(json!(10)), "bsale": provider(Value::Null),
            "dead_letters": {"waiting": 0, "pending": 0, "bytes": bytes, "unreadable": 0},
        });
        assert_eq!(health, expected);
        example.answers(405, "/health", "").await;
        example.stops().await;

        let mut example = Example::start("axum", &[("DEAD_LETTERS", "off")]).await;
        let (_, health) = example.health().await;
        assert_eq!(health["dead_letters"], Value::Null);
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn health_counts_deliveries_and_strangers() {
    bounded(async {
        let mut example = Example::start("axum", &[("HANDLER", "fail")]).await;
        example.answers(200, &alegra(), "").await;
        let (_, health) = example.health().await;
        assert_eq!(health["alegra"]["seconds_since_last_delivery"], Value::Null);

        example.answers(202, &alegra(), INVOICE).await;
        example.answers(200, &bsale(), DOCUMENT).await;
        example.answers(200, &bsale(), "not JSON").await;
        let wrong = format!("/webhooks/bsale/{WRONG}");
        example.answers(404, &wrong, DOCUMENT).await;
        let (status, health) = example.health().await;
        assert_eq!(status, 200, "letters that wait are safe: {health}");
        assert_eq!(health["status"], "ok");
        let count = json!([{"tenant": null, "event": "new-invoice", "count": 0}]);
        assert_eq!(health["alegra"]["strikes"], count);
        assert_eq!(health["alegra"]["refused"], 0);
        assert_eq!(health["bsale"]["refused"], 1);
        for since in ["delivery", "success", "refused"] {
            let since = &health["bsale"][format!("seconds_since_last_{since}")];
            assert!(since.is_u64(), "{health}");
        }
        assert_eq!(health["dead_letters"]["waiting"], 3);
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn health_is_503_at_seven_strikes_of_ten() {
    bounded(async {
        let settings = [("HANDLER", "fail"), ("DEAD_LETTERS", "off")];
        let mut example = Example::start("axum", &settings).await;
        for strikes in 1..=7 {
            example.answers(500, &alegra(), INVOICE).await;
            // Bsale documents no limit.
            example.answers(500, &bsale(), DOCUMENT).await;
            let (status, health) = example.health().await;
            assert_eq!(status, if strikes < 7 { 200 } else { 503 }, "{health}");
            assert_eq!(health["alegra"]["worst"], strikes);
            assert_eq!(health["bsale"]["worst"], strikes);
        }
        let (_, health) = example.health().await;
        assert_eq!(health["status"], "unhealthy");
        let reasons = json!([
            "alegra new-invoice: 7 failed answers in a row, and the subscription is deleted after 10"
        ]);
        assert_eq!(health["reasons"], reasons);
        example.stops().await;
    })
    .await;
}

#[tokio::test]
async fn health_is_503_while_it_drains_and_stores() {
    bounded(async {
        let folder = Folder::new();
        let (variable, file) = folder.setting();
        let settings = [("HANDLER", "slow"), (variable, &*file)];
        let mut example = Example::start("axum", &settings).await;
        example.answers(200, &bsale(), DOCUMENT).await;
        let (status, health) = example.health().await;
        assert_eq!(status, 200);
        assert_eq!(health["bsale"]["handlers_in_flight"], 1);
        assert_eq!(health["dead_letters"]["pending"], 1);

        example.terminate();
        example.line("stopping").await;
        let (mut status, mut health) = example.health().await;
        while status == 200 {
            // It has said so, and is about to.
            sleep(Duration::from_millis(10)).await;
            (status, health) = example.health().await;
        }
        assert_eq!(status, 503);
        assert_eq!(health["draining"], true);
        assert_eq!(
            health["reasons"],
            json!(["the application is shutting down"])
        );
        example.answers(202, &alegra(), INVOICE).await;
        example.stops().await;

        let mut example = Example::start("axum", &[(variable, &file)]).await;
        example.line("1 dead letter waits in").await;
        example.line(" draining        0 ").await;
        example.stops().await;
    })
    .await;
}
