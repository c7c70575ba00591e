//! Serves one receiver: `loopback RECEIVER EVENT` prints its port and ends with its standard input.

#[path = "../../contenders/mod.rs"]
mod contenders;

use std::{io, process, thread};

use tokio::net::TcpListener;

use self::contenders::{
    by_hand, exact, floor, json, ours,
    plain::{NewClient, NewInvoice, Notice},
};

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let router = match arguments[..] {
        ["floor", _] => floor::router(),
        ["json", "client"] => json::router::<NewClient>(),
        ["json", "invoice"] => json::router::<NewInvoice>(),
        ["json", "bsale"] => json::router::<Notice>(),
        ["by-hand", "client" | "invoice"] => by_hand::router::<exact::Event>(),
        ["by-hand-plain", "client"] => by_hand::router::<NewClient>(),
        ["by-hand-plain", "invoice"] => by_hand::router::<NewInvoice>(),
        ["by-hand" | "by-hand-plain", "bsale"] => by_hand::router::<Notice>(),
        ["layer", "client" | "invoice"] => ours::router(ours::alegra()),
        ["layer", "bsale"] => ours::router(ours::bsale()),
        _ => {
            eprintln!(
                "usage: loopback floor|json|by-hand|by-hand-plain|layer client|invoice|bsale"
            );
            process::exit(2);
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0);
    });
    axum::serve(listener, router).await
}
