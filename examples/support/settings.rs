//! What the environment and the command line ask for. Errors are sentences for whoever set them.

use std::{
    env::{self, VarError},
    fmt::Write as _,
    net::SocketAddr,
    time::Duration,
};

use tokio::net::TcpListener;
use tower_webhook::Access;

use super::desk::{Behaviour, Print};

const SLOW: Duration = Duration::from_secs(10);

/// Not `Debug`: it holds the secret.
pub(crate) struct Settings {
    pub(crate) addr: SocketAddr,
    pub(crate) secret: String,
    pub(crate) access: Access,
    pub(crate) behaviour: Behaviour,
    pub(crate) print: Print,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        let secret = match var("WEBHOOK_SECRET")? {
            Some(secret) => secret,
            None => fresh_secret()?,
        };
        Ok(Self {
            addr: addr()?,
            access: Access::try_path([&secret])
                .map_err(|error| format!("WEBHOOK_SECRET will not do: {error}"))?,
            secret,
            behaviour: behaviour()?,
            print: print()?,
        })
    }

    /// The listener, and where it really listens: port 0 becomes a free one.
    pub(crate) async fn listen(&self) -> Result<(TcpListener, SocketAddr), String> {
        let sentence = |error| format!("cannot listen on {}: {error}", self.addr);
        let listener = TcpListener::bind(self.addr).await.map_err(sentence)?;
        let bound = listener.local_addr().map_err(sentence)?;
        Ok((listener, bound))
    }
}

/// Which of the flags that the example knows were given. `settings` are those that it reads beside
/// what all of them do.
pub(crate) fn flags<const N: usize>(
    example: &str,
    settings: &str,
    known: [&str; N],
) -> Result<[bool; N], String> {
    let mut given = [false; N];
    for argument in env::args_os().skip(1) {
        let Some(index) = known.iter().position(|known| argument == *known) else {
            let flags: String = known.iter().map(|known| format!(" [{known}]")).collect();
            let flags = if N == 0 {
                flags
            } else {
                format!(" [--{flags}]")
            };
            return Err(format!(
                "usage: [ADDR=…] [WEBHOOK_SECRET=…] [HANDLER=ok|fail|panic|slow] \
                 [PRINT=line|json] {settings}cargo run --example {example}{flags}"
            ));
        };
        given[index] = true;
    }
    Ok(given)
}

fn addr() -> Result<SocketAddr, String> {
    let text = var("ADDR")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    text.parse().map_err(|_| {
        format!("ADDR has to be an IP address and a port, like 127.0.0.1:3000; {text:?} is not")
    })
}

pub(crate) fn behaviour() -> Result<Behaviour, String> {
    match var("HANDLER")?.as_deref() {
        None | Some("ok") => Ok(Behaviour::Answer),
        Some("fail") => Ok(Behaviour::Fail),
        Some("panic") => Ok(Behaviour::Panic),
        Some("slow") => Ok(Behaviour::Slow(SLOW)),
        Some(other) => Err(format!(
            "HANDLER has to be one of ok, fail, panic and slow; {other:?} is none"
        )),
    }
}

pub(crate) fn print() -> Result<Print, String> {
    match var("PRINT")?.as_deref() {
        None | Some("line") => Ok(Print::Line),
        Some("json") => Ok(Print::Json),
        Some(other) => Err(format!(
            "PRINT has to be one of line and json; {other:?} is neither"
        )),
    }
}

/// 16 random bytes in hex: Alegra was seen to refuse URLs with other characters in the secret.
pub(crate) fn fresh_secret() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        format!("cannot make a secret: {error}; set WEBHOOK_SECRET to one of your own")
    })?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn var(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}
