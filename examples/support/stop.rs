//! The way out: stop accepting, let the handlers finish, exit.

use std::{io, time::Duration};

use tokio::time::timeout;
use tower_webhook::Background;

use super::say;

/// Less than the 30 s that orchestrators commonly leave between SIGTERM and SIGKILL.
const DRAIN: Duration = Duration::from_secs(25);

/// For connections, once no handler runs: idle ones and gRPC streams would hold us for ever.
const CONNECTIONS: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM, from the moment of [`listen`](Stop::listen) on.
#[cfg(unix)]
pub(crate) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    pub(crate) fn listen() -> Result<Self, String> {
        use tokio::signal::unix::{SignalKind, signal};

        let sentence = |error: io::Error| format!("cannot listen for signals: {error}");
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(sentence)?,
            terminate: signal(SignalKind::terminate()).map_err(sentence)?,
        })
    }

    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct Stop;

#[cfg(not(unix))]
impl Stop {
    pub(crate) fn listen() -> Result<Self, String> {
        Ok(Self)
    }

    pub(crate) async fn asked(&mut self) {
        let _: io::Result<()> = tokio::signal::ctrl_c().await;
    }
}

impl Stop {
    /// Waits for the handlers of both layers, then for the connections, neither for ever. Whoever
    /// asks a second time is not made to wait.
    ///
    /// The server has stopped accepting before; `connections` ends when the last is closed.
    pub(crate) async fn finish<F>(self, handlers: [Background; 2], connections: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        say("stopping");
        let connections = tokio::spawn(connections);
        self.drain_and_close(handlers, connections).await;
    }

    /// The same for a server that goes on serving while the handlers are waited for: `close` stops
    /// it, and ends when the last connection is closed.
    ///
    /// Worth it where there is a store of dead letters: what arrives meanwhile is stored and is a
    /// success, where a closed port would be a strike.
    pub(crate) async fn finish_serving(
        self,
        handlers: [Background; 2],
        close: impl Future<Output: Send> + Send,
    ) {
        say("stopping");
        self.drain_and_close(handlers, close).await;
    }

    async fn drain_and_close(mut self, handlers: [Background; 2], close: impl Future) {
        tokio::select! {
            () = drain(&handlers) => {
                let _ = timeout(CONNECTIONS, close).await;
            }
            () = self.asked() => {}
        }
        let left: usize = handlers.iter().map(Background::in_flight).sum();
        say(format_args!("stopped, handlers left: {left}"));
    }
}

/// Waits for the handlers of both layers, and stores what is left over.
pub(crate) async fn drain([alegra, bsale]: &[Background; 2]) {
    tokio::join!(alegra.drain(DRAIN), bsale.drain(DRAIN));
}
