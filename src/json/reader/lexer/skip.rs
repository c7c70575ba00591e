use super::Lexer;
use crate::json::reader::Bail;

impl<'de> Lexer<'de> {
    /// The text of a value, whatever it is.
    pub(in crate::json::reader) fn raw(&mut self) -> Result<&'de str, Bail> {
        let start = self.at;
        self.skip_value()?;
        self.text.get(start..self.at).ok_or(Bail)
    }

    /// The text of a number, or of `true`, `false` or `null`.
    #[inline]
    pub(in crate::json::reader) fn bare(&mut self) -> Result<&'de str, Bail> {
        let start = self.at;
        self.skip_bare()?;
        self.text.get(start..self.at).ok_or(Bail)
    }

    /// Passes over a value. Deep ones need no stack.
    pub(in crate::json::reader) fn skip_value(&mut self) -> Result<(), Bail> {
        let around = self.depth;
        // The kinds of the containers around, the innermost in the lowest bit: 1 for an object.
        let mut kinds = 0_u128;
        loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    self.enter()?;
                    let is_object = open == b'{';
                    kinds = (kinds << 1) | u128::from(is_object);
                    match self.peek() {
                        Some(b'}') if is_object => {}
                        Some(b']') if !is_object => {}
                        _ if is_object => {
                            self.skip_key()?;
                            continue;
                        }
                        _ => continue,
                    }
                }
                Some(b'"') => self.skip_string()?,
                _ => self.skip_bare()?,
            }
            // A value has ended, or an empty container is about to.
            loop {
                if self.depth == around {
                    return Ok(());
                }
                let is_object = kinds & 1 == 1;
                self.skip_space();
                match self.peek() {
                    Some(b',') => {
                        self.bump();
                        self.skip_space();
                        if is_object {
                            self.skip_key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => self.leave(b'}')?,
                    Some(b']') if !is_object => self.leave(b']')?,
                    _ => return Err(Bail),
                }
                kinds >>= 1;
            }
        }
    }

    /// Passes over a key and its colon, up to the value.
    fn skip_key(&mut self) -> Result<(), Bail> {
        self.skip_string()?;
        self.colon()
    }

    /// Passes over a string. Its escapes need not make text, since nobody reads it: half of a
    /// surrogate pair is in the grammar of JSON.
    fn skip_string(&mut self) -> Result<(), Bail> {
        self.expect(b'"')?;
        loop {
            self.skip_to_special();
            match self.peek() {
                Some(b'"') => {
                    self.bump();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.bump();
                    self.skip_escape()?;
                }
                _ => return Err(Bail),
            }
        }
    }

    #[inline]
    fn skip_bare(&mut self) -> Result<(), Bail> {
        match self.peek() {
            Some(b'n') => self.literal("null"),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            _ => self.skip_number(),
        }
    }

    fn skip_number(&mut self) -> Result<(), Bail> {
        if self.peek() == Some(b'-') {
            self.bump();
        }
        match self.peek() {
            Some(b'0') => self.bump(),
            _ => self.skip_digits()?,
        }
        if self.peek() == Some(b'.') {
            self.bump();
            self.skip_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.bump();
            if let Some(b'+' | b'-') = self.peek() {
                self.bump();
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    /// At least one.
    #[inline]
    fn skip_digits(&mut self) -> Result<(), Bail> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.bump();
        }
        if self.at > start { Ok(()) } else { Err(Bail) }
    }
}
