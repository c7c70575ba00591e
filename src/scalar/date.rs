use serde::Serialize;

use super::text::{Text, text_type};
use crate::json::{lenient::Scalar, token::Token};

/// A date, or a date and a time of day, as the provider wrote it: `2024-06-18`,
/// `2026-05-04 16:02:28`.
///
/// No time zone is stated anywhere, so none is assumed: the text is kept, and the parts of the date
/// are read from it where they make sense. Reads from JSON text only, see
/// [there](crate::alegra#as-json).
#[doc(alias = "fecha")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Date(Text);

text_type!(Date);

impl Date {
    /// The year, if the text begins with a date that exists.
    #[must_use]
    pub fn year(&self) -> Option<u16> {
        self.ymd().map(|(year, _, _)| year)
    }

    /// The month, 1 to 12, if the text begins with a date that exists.
    #[must_use]
    pub fn month(&self) -> Option<u8> {
        self.ymd().map(|(_, month, _)| month)
    }

    /// The day of the month, from 1, if the text begins with a date that exists.
    #[must_use]
    pub fn day(&self) -> Option<u8> {
        self.ymd().map(|(_, _, day)| day)
    }

    /// `YYYY-MM-DD`, alone or before a space or a `T`.
    fn ymd(&self) -> Option<(u16, u8, u8)> {
        let (date, rest) = self.as_str().split_at_checked(10)?;
        let is_alone = rest.is_empty() || rest.starts_with([' ', 'T']);
        let has_shape = date.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if !is_alone || !has_shape {
            return None;
        }
        let year: u16 = date[..4].parse().ok()?;
        let month = date[5..7].parse().ok()?;
        let day = date[8..].parse().ok()?;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then_some((year, month, day))
    }
}

impl Scalar for Date {
    const EXPECTED: &'static str = "a date: a string";

    fn read(token: Token<'_>) -> Option<Self> {
        token.string().map(|text| (*text).into())
    }
}

impl From<&str> for Date {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
