//! A provider of your own: Tiendanube, which signs the body and names the shop in it.

use axum::{Router, body::Body, http::Request, routing::any};
use tower::ServiceExt;
use tower_webhook::signature::{Key, Keys, Scheme};
use tower_webhook::{Access, Delivery, WebhookLayer};
use tower_webhook::{Event, Incoming, Provider, Received, Rejection, Rules, Verified};

struct Tiendanube(Scheme, Keys);

#[derive(serde::Deserialize)]
struct Notice {
    store_id: u64,
    event: String,
}

impl Event for Notice {
    fn name(&self) -> &str {
        &self.event
    }
}

impl Provider for Tiendanube {
    type Event = Notice;

    fn rules(&self) -> Rules {
        Rules::new("tiendanube").events(["order/created", "order/paid"])
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        self.0.verify(request, &self.1)
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Notice>, Rejection> {
        let notice: Notice = serde_json::from_slice(request.body())
            .map_err(|_| Rejection::malformed("the body is no notice"))?;
        let shop = notice.store_id.to_string();
        Ok(Received::event(notice).tenant(shop))
    }
}

#[tokio::main]
async fn main() {
    let scheme = Scheme::sha256("x-linkedstore-hmac-sha256");
    let key = Key::text("fake_app_secret").unwrap(); // from the environment
    let layer = WebhookLayer::new(Tiendanube(scheme, key.into()), Access::open());
    let handler = async |delivery: Delivery<Notice>| println!("{delivery:?}");
    let app = Router::new().route("/tiendanube", any(handler).layer(layer));
    let signature = "3c04c467fbb6f1829fd60598b5e1eebdc127a634790ca0ab1f2187a7fb06940d";
    let request = Request::post("/tiendanube").header("x-linkedstore-hmac-sha256", signature);
    let body = r#"{"store_id":123,"event":"order/paid","id":456}"#;
    let response = app.oneshot(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(response.unwrap().status(), 200);
}

#[test]
fn a_signed_notice_is_delivered() {
    main();
}
