//! Many bytes at a time.

use super::Lexer;

/// One in each byte of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// The high bit of each byte of a word.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// The high bits of the bytes that mean something in a string: a quote, a backslash, a control
/// character. Above the lowest one in the word others may be set that do not.
#[inline]
fn special(word: u64) -> u64 {
    let below = |word: u64, bound: u8| word.wrapping_sub(repeated(bound)) & !word;
    let quotes = below(word ^ repeated(b'"'), 1);
    let backslashes = below(word ^ repeated(b'\\'), 1);
    let controls = below(word, 0x20);
    (quotes | backslashes | controls) & HIGH
}

#[inline]
fn repeated(byte: u8) -> u64 {
    ONES * u64::from(byte)
}

impl Lexer<'_> {
    /// Up to the next quote, backslash or control character: what ends or breaks a string.
    #[inline(always)]
    pub(super) fn skip_to_special(&mut self) {
        while let Some(word) = self.word() {
            let special = special(word);
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while let Some(byte) = self.peek() {
            if matches!(byte, b'"' | b'\\' | 0..0x20) {
                return;
            }
            self.bump();
        }
    }

    /// Over the spaces among the next sixteen bytes, up to the first that is none. Fewer than
    /// sixteen are left to others.
    #[inline]
    pub(super) fn skip_indentation(&mut self) {
        const SPACES: u128 = u128::from_ne_bytes([b' '; 16]);
        let rest = self.text.as_bytes().get(self.at..);
        if let Some(bytes) = rest.and_then(|rest| rest.first_chunk()) {
            let others = u128::from_le_bytes(*bytes) ^ SPACES;
            self.at += others.trailing_zeros() as usize / 8;
        }
    }

    /// The next eight bytes, the first of them lowest.
    #[inline]
    fn word(&self) -> Option<u64> {
        let bytes = self.text.as_bytes().get(self.at..)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }
}
