mod escape;
mod skip;
mod words;

use super::Bail;
use crate::json::scan::{MAX_CONTAINERS, MAX_DEPTH};

/// A place in a text, and what was met before it.
pub(super) struct Lexer<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
    containers: usize,
    /// The last string that had escapes, without them.
    unescaped: String,
}

/// A string between its quotes.
pub(super) enum Str<'de> {
    Plain(&'de str),
    /// It had escapes; what it says is in the lexer.
    Unescaped,
}

impl<'de> Lexer<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            containers: 0,
            unescaped: String::new(),
        }
    }

    /// Nothing may follow but white space.
    pub(super) fn end(&mut self) -> Result<(), Bail> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Bail),
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes the byte that was peeked at.
    #[inline]
    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Bail> {
        if self.peek() == Some(byte) {
            self.bump();
            Ok(())
        } else {
            Err(Bail)
        }
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        // Mostly there is none, or a line's end and an indentation.
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.bump();
            self.skip_indentation();
        }
    }

    /// Enters an array or an object. Limits as in [`scan`](crate::json::scan).
    #[inline(never)]
    pub(super) fn enter(&mut self) -> Result<(), Bail> {
        self.bump();
        self.depth += 1;
        self.containers += 1;
        if self.depth > MAX_DEPTH || self.containers > MAX_CONTAINERS {
            return Err(Bail);
        }
        self.skip_space();
        Ok(())
    }

    #[inline(never)]
    pub(super) fn leave(&mut self, bracket: u8) -> Result<(), Bail> {
        self.skip_space();
        self.depth -= 1;
        self.expect(bracket)
    }

    /// A string, from its first quote on.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Str<'de>, Bail> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_to_special();
        let end = self.at;
        match self.peek() {
            Some(b'"') => {
                self.bump();
                let plain = self.text.get(start..end).ok_or(Bail)?;
                Ok(Str::Plain(plain))
            }
            Some(b'\\') => {
                self.unescape(start)?;
                Ok(Str::Unescaped)
            }
            _ => Err(Bail),
        }
    }

    #[inline]
    pub(super) fn literal(&mut self, literal: &'static str) -> Result<(), Bail> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(Bail)?;
        if rest.starts_with(literal.as_bytes()) {
            self.at += literal.len();
            Ok(())
        } else {
            Err(Bail)
        }
    }

    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Bail> {
        self.skip_space();
        self.expect(b':')?;
        // Mostly there is none, or one.
        if self.peek() == Some(b' ') {
            self.bump();
        }
        self.skip_space();
        Ok(())
    }
}
