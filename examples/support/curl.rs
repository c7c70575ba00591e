//! Lines to paste into a shell: the only output that shows the secret.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::say;

const INVOICE: &str = r#"{"subject":"new-invoice","message":{"invoice":{"id":"123","date":"2024-06-18","status":"open","client":{"id":"123"},"total":1190,"totalPaid":0,"balance":1190}}}"#;
const DOCUMENT: &str = r#"{"cpnId":11420,"resource":"/documents/1811905.json","resourceId":"1811905","topic":"document","action":"post","officeId":"11","send":1737740416}"#;

/// The probe, one delivery of Alegra's, one of Bsale's.
pub(crate) fn print_lines(bound: SocketAddr, secret: &str) {
    let addr = reachable(bound);
    let alegra = quoted(&format!("http://{addr}/webhooks/alegra/{secret}"));
    let bsale = quoted(&format!("http://{addr}/webhooks/bsale/{secret}"));
    let json = quoted("content-type: application/json");
    say("try it: Alegra's probe, an invoice, a document of Bsale's");
    say(format_args!("curl -i -X POST {alegra}"));
    say(format_args!(
        "curl -i {alegra} -H {json} -d {}",
        quoted(INVOICE)
    ));
    say(format_args!(
        "curl -i {bsale} -H {json} -d {}",
        quoted(DOCUMENT)
    ));
}

/// Who listens on every address is reached at the local one.
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(addr) if addr.ip().is_unspecified() => {
            bound.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(addr) if addr.ip().is_unspecified() => {
            bound.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => {}
    }
    bound
}

/// One word for a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
