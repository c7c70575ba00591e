//! The child's side: one receiver, as a program with `#[tokio::main]` would run it.

use std::{
    io::{self, Read},
    process, thread,
};

use anyhow::{Context, Result, bail};
use axum::{Router, serve::ListenerExt};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tower_webhook::{Provider, WebhookLayer};

use crate::{
    contenders::{
        by_hand::{self, Receive},
        exact, floor, json, ours,
        plain::{Event, NewClient, NewInvoice, Notice},
    },
    payload::Payload,
    receiver::Receiver,
};

pub(crate) fn serve(receiver: Receiver, payload: Payload) -> Result<()> {
    let router = match payload {
        Payload::Client => router::<NewClient, exact::Event, _>(receiver, &ours::alegra())?,
        Payload::Invoice | Payload::LongInvoice => {
            router::<NewInvoice, exact::Event, _>(receiver, &ours::alegra())?
        }
        Payload::Bsale => router::<Notice, Notice, _>(receiver, &ours::bsale())?,
    };
    // What `#[tokio::main]` makes: a worker for each core that the process may use.
    Runtime::new()
        .context("tokio cannot start")?
        .block_on(listen(router))
}

fn router<E: Event, X: Receive, P: Provider>(
    receiver: Receiver,
    layer: &WebhookLayer<P>,
) -> Result<Router> {
    Ok(match receiver {
        Receiver::Floor => floor::router(),
        Receiver::Json => json::router::<E>(),
        Receiver::ByHand => by_hand::router::<X>(),
        Receiver::ByHandPlain => by_hand::router::<E>(),
        Receiver::Layer => ours::router(layer),
        Receiver::Fastify | Receiver::Fastapi => {
            bail!("{} is a program of its own", receiver.label())
        }
    })
}

async fn listen(router: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("no port is free on 127.0.0.1")?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(end_with_standard_input);
    let listener = listener.tap_io(|stream: &mut TcpStream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
    });
    axum::serve(listener, router).await?;
    Ok(())
}

/// The parent holds the other end, so this also ends a receiver whose parent was killed.
fn end_with_standard_input() {
    // Closed or broken, it is over.
    let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
    process::exit(0);
}
