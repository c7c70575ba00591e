use std::str::FromStr;

use serde::Serialize;

use super::text::{Text, text_type};
use crate::json::{lenient::Scalar, token::Token};

/// An amount of money or a quantity, with the exact digits that arrived.
///
/// Arrives as a JSON number or as a string of one; never goes through a float, which would keep
/// some sixteen digits of `19600.33613445378151260504`. To calculate, parse its text into the
/// decimal type of your choice, which may want a bound on exponents: `1e999` is a number too.
///
/// Amounts compare as text, so `1` and `1.0` differ, and they have no order. They serialize as a
/// string of their digits, and read from JSON text only, see [there](crate::alegra#as-json).
///
/// ```
/// use tower_webhook::Amount;
///
/// let amount: Amount = serde_json::from_str("19600.33613445378151260504")?;
/// assert_eq!(amount.as_str(), "19600.33613445378151260504");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[doc(alias("monto", "decimal"))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amount(Text);

text_type!(Amount);

impl Scalar for Amount {
    const EXPECTED: &'static str = "an amount: a number or a string of one";

    fn read(token: Token<'_>) -> Option<Self> {
        match token {
            Token::Number(digits) => Some(Self(digits.into())),
            Token::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        let amount = is_decimal(text).then(|| Self(text.into()));
        amount.ok_or(ParseAmountError(()))
    }
}

/// The text is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseAmountError(());

impl std::fmt::Display for ParseAmountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an amount is written with digits, like 1190 or -0.5 or 1e3")
    }
}

impl std::error::Error for ParseAmountError {}

/// JSON's grammar of numbers, leading zeros allowed: that is how strings of digits look.
fn is_decimal(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    is_digits(whole) && is_digits(fraction) && is_digits(exponent)
}
