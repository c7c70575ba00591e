//! One connection, with one request under way at most.

use std::{
    io::{ErrorKind, Read, Write},
    net::{self, SocketAddr},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;

use crate::answer::answer;

/// What every receiver answers to an event it has handled.
const NO_CONTENT: u16 = 204;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) sent_at: Instant,
    /// How much of the request is written.
    written: usize,
    /// How much of the buffer is read.
    read: usize,
    buffer: [u8; 2048],
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            sent_at: Instant::now(),
            written: 0,
            read: 0,
            buffer: [0; 2048],
        })
    }

    /// Starts the next request.
    pub(crate) fn send(&mut self, request: &[u8], now: Instant) -> Result<()> {
        self.sent_at = now;
        self.written = 0;
        self.read = 0;
        self.write(request)
    }

    /// Writes and reads what it can; the time of the answer, once it is there.
    pub(crate) fn advance(&mut self, request: &[u8]) -> Result<Option<Instant>> {
        self.write(request)?;
        while self.read()? {
            let bytes = &self.buffer[..self.read];
            let Some(answer) = answer(bytes)? else {
                continue;
            };
            ensure!(
                answer.status == NO_CONTENT,
                "{} was answered, and {NO_CONTENT} was expected:\n{}",
                answer.status,
                String::from_utf8_lossy(bytes)
            );
            ensure!(
                answer.len == self.read && self.written == request.len(),
                "more was answered than was asked:\n{}",
                String::from_utf8_lossy(bytes)
            );
            // No other read to see that there is no more: what comes next is a new event.
            return Ok(Some(Instant::now()));
        }
        Ok(None)
    }

    fn write(&mut self, request: &[u8]) -> Result<()> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot send the request"),
            }
        }
        Ok(())
    }

    /// Whether there was something to read.
    fn read(&mut self) -> Result<bool> {
        let free = &mut self.buffer[self.read..];
        ensure!(!free.is_empty(), "an answer that is longer than is read");
        loop {
            match self.stream.read(free) {
                Ok(0) => bail!("the receiver closed a connection without an answer"),
                Ok(bytes) => {
                    self.read += bytes;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read the answer"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    const EXPECTED: &str = "HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n";

    #[test]
    fn what_is_expected_is_an_answer() {
        answered(&[EXPECTED]).unwrap();
    }

    #[test]
    fn an_answer_may_come_in_parts() {
        let (first, second) = EXPECTED.split_at(30);
        answered(&[first, second]).unwrap();
    }

    #[test]
    fn another_status_ends_the_run() {
        let refusal = "HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\nno id";
        let expected = format!("400 was answered, and 204 was expected:\n{refusal}");
        assert_error(&[refusal], &expected);
    }

    #[test]
    fn success_of_another_kind_ends_the_run() {
        let accepted = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        let expected = format!("202 was answered, and 204 was expected:\n{accepted}");
        assert_error(&[accepted], &expected);
    }

    #[test]
    fn a_second_answer_ends_the_run() {
        let two = EXPECTED.repeat(2);
        let expected = format!("more was answered than was asked:\n{two}");
        assert_error(&[&two], &expected);
    }

    #[test]
    fn half_an_answer_ends_the_run() {
        let expected = "the receiver closed a connection without an answer";
        assert_error(&[&EXPECTED[..20]], expected);
    }

    #[track_caller]
    fn assert_error(parts: &[&str], expected: &str) {
        assert_eq!(answered(parts).unwrap_err().to_string(), expected);
    }

    /// Sends a request to a receiver that writes these parts, one after the other, and closes.
    fn answered(parts: &[&str]) -> Result<()> {
        let listener = net::TcpListener::bind("127.0.0.1:0")?;
        let mut connection = Connection::open(listener.local_addr()?)?;
        let (mut peer, _) = listener.accept()?;
        peer.set_nodelay(true)?;
        connection.send(b"?", Instant::now())?;
        peer.read_exact(&mut [0])?;
        let (last, first) = parts.split_last().context("no parts")?;
        for part in first {
            peer.write_all(part.as_bytes())?;
            for _ in 0..10 {
                ensure!(connection.advance(b"?")?.is_none(), "answered too early");
                thread::sleep(Duration::from_millis(1));
            }
        }
        peer.write_all(last.as_bytes())?;
        drop(peer);
        while connection.advance(b"?")?.is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}
