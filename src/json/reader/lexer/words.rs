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
    // With this bit flipped the quote stands right above the control characters, and nothing else
    // comes below 0x21.
    let controls_or_quotes = below(word ^ repeated(0x02), 0x20 + 1);
    let backslashes = below(word ^ repeated(b'\\'), 1);
    (controls_or_quotes | backslashes) & HIGH
}

#[inline]
fn repeated(byte: u8) -> u64 {
    ONES * u64::from(byte)
}

impl<'de> Lexer<'de> {
    /// Up to the next quote, backslash or control character: what ends or breaks a string.
    #[inline(always)]
    pub(super) fn skip_to_special(&mut self) {
        let mut rest = self.rest();
        while let Some((word, after)) = rest.split_first_chunk() {
            let special = special(u64::from_le_bytes(*word));
            if special != 0 {
                let plain = special.trailing_zeros() as usize / 8;
                self.at = self.text.len() - rest.len() + plain;
                return;
            }
            rest = after;
        }
        let plain = rest
            .iter()
            .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
            .count();
        self.at = self.text.len() - rest.len() + plain;
    }

    /// Over the spaces among the next sixteen bytes, up to the first that is none. Fewer than
    /// sixteen are left to others.
    #[inline]
    pub(super) fn skip_indentation(&mut self) {
        const SPACES: u128 = u128::from_ne_bytes([b' '; 16]);
        if let Some(bytes) = self.rest().first_chunk() {
            let others = u128::from_le_bytes(*bytes) ^ SPACES;
            self.at += others.trailing_zeros() as usize / 8;
        }
    }

    #[inline]
    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_byte_found_is_the_first_that_means_something() {
        let means = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let before = [0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff];
        let after = [0x00, 0x21, 0x23, 0x5d, 0xff];
        for (byte, before, after) in (0..=255).flat_map(|byte| {
            before
                .into_iter()
                .flat_map(move |before| after.map(|after| (byte, before, after)))
        }) {
            for at in 0..8 {
                let mut bytes = [before; 8];
                bytes[at] = byte;
                bytes[at + 1..].fill(after);
                let found = special(u64::from_le_bytes(bytes)).trailing_zeros() as usize / 8;
                let first = bytes.iter().position(means).unwrap_or(8);
                assert_eq!(found, first, "{bytes:x?}");
            }
        }
    }
}
