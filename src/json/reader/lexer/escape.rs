use serde::de::Visitor;

use super::Lexer;
use crate::json::reader::Bail;

/// A longer place for a string without its escapes does not stay while the rest is read: a body may
/// be one long string and one long list, and what becomes of both has a bound.
const MAX_KEPT: usize = 4096;

impl Lexer<'_> {
    /// Gives the last string that had escapes.
    #[cold]
    pub(in crate::json::reader) fn visit_unescaped<'de, V>(
        &mut self,
        visitor: V,
    ) -> Result<V::Value, Bail>
    where
        V: Visitor<'de>,
    {
        let value = visitor.visit_str(&self.unescaped);
        if self.unescaped.capacity() > MAX_KEPT {
            self.unescaped = String::new();
        }
        value
    }

    /// The rest of a string that began there, from its first escape on.
    #[cold]
    #[inline(never)]
    pub(super) fn unescape(&mut self, start: usize) -> Result<(), Bail> {
        self.unescaped.clear();
        let before = self.text.get(start..self.at).ok_or(Bail)?;
        self.unescaped.push_str(before);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.bump();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.bump();
                    let char = self.escape()?;
                    self.unescaped.push(char);
                }
                _ => return Err(Bail),
            }
            let start = self.at;
            self.skip_to_special();
            let plain = self.text.get(start..self.at).ok_or(Bail)?;
            self.unescaped.push_str(plain);
        }
    }

    fn escape(&mut self) -> Result<char, Bail> {
        let escape = self.peek().ok_or(Bail)?;
        self.bump();
        Ok(match escape {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.escaped_unicode(),
            _ => return Err(Bail),
        })
    }

    /// Passes over what follows a backslash, whether it makes text or not.
    pub(super) fn skip_escape(&mut self) -> Result<(), Bail> {
        if self.peek() == Some(b'u') {
            self.bump();
            self.four_hex().map(drop)
        } else {
            self.escape().map(drop)
        }
    }

    fn escaped_unicode(&mut self) -> Result<char, Bail> {
        let first = self.four_hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(Bail);
        }
        self.literal("\\u")?;
        let second = self.four_hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Bail);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Bail)
    }

    fn four_hex(&mut self) -> Result<u32, Bail> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().map(char::from).and_then(|c| c.to_digit(16));
            code = (code << 4) | digit.ok_or(Bail)?;
            self.bump();
        }
        Ok(code)
    }
}
