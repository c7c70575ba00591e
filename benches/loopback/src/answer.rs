//! Reads as much of an HTTP/1.1 answer as is needed to know its status and its end.

use std::str;

use anyhow::{Context, Result, bail, ensure};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How many bytes it has, head and body.
    pub(crate) len: usize,
}

/// The answer at the beginning of the bytes, once it is all there.
pub(crate) fn answer(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..end];
    let status = status(head).with_context(|| {
        let line = head.split(|&byte| byte == b'\r').next().unwrap_or(head);
        format!(
            "no status line of HTTP/1.1: {:?}",
            String::from_utf8_lossy(line)
        )
    })?;
    let body = match status {
        204 | 304 => 0,
        _ => content_length(head)?,
    };
    let len = end + 4 + body;
    Ok((bytes.len() >= len).then_some(Answer { status, len }))
}

fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = str::from_utf8(head).context("a head that is not text")?;
    let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let Some((_, length)) = length else {
        bail!("an answer without content-length, which this client does not read:\n{head}");
    };
    let length = length.trim();
    ensure!(!length.starts_with('+'), "content-length: {length}");
    length
        .parse()
        .with_context(|| format!("content-length: {length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n";
    const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nno id";

    #[test]
    fn an_answer_without_a_body() {
        assert_eq!(answer(NO_CONTENT).unwrap(), whole(204, NO_CONTENT));
    }

    #[test]
    fn an_unexpected_status_is_told_with_its_body() {
        assert_eq!(answer(REFUSED).unwrap(), whole(400, REFUSED));
    }

    #[test]
    fn a_split_answer_is_waited_for() {
        for bytes in [NO_CONTENT, REFUSED] {
            for part in 0..bytes.len() {
                assert_eq!(answer(&bytes[..part]).unwrap(), None, "{part} bytes");
            }
        }
    }

    #[test]
    fn what_follows_an_answer_is_not_part_of_it() {
        for bytes in [NO_CONTENT, REFUSED] {
            let two = [bytes, NO_CONTENT].concat();
            assert_eq!(answer(&two).unwrap().unwrap().len, bytes.len());
        }
    }

    #[test]
    fn another_protocol_is_an_error() {
        let error = answer(b"SSH-2.0-OpenSSH\r\n\r\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no status line of HTTP/1.1: \"SSH-2.0-OpenSSH\""
        );
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        let error = answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("without content-length"));
        answer(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").unwrap_err();
    }

    fn whole(status: u16, bytes: &[u8]) -> Option<Answer> {
        let len = bytes.len();
        Some(Answer { status, len })
    }
}
