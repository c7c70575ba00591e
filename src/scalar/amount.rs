use std::str::FromStr;

use super::text::{Text, text_type};
use crate::json::{
    lenient::{Misfit, Scalar},
    token::Token,
};

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
#[doc(alias = "monto")]
#[doc(alias = "decimal")]
#[derive(Clone)]
pub struct Amount(Text);

text_type!(Amount);

impl Scalar for Amount {
    const EXPECTED: &'static str = "an amount: a number or a string of one";

    fn read(token: Token<'_>) -> Result<Self, Misfit> {
        match token {
            Token::Number(digits) => Ok(Self(Text::from(digits))),
            Token::String(text) => Self::from_str(text).map_err(|_| Misfit),
            _ => Err(Misfit),
        }
    }
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        if is_decimal(text.as_bytes()) {
            Ok(Self(Text::from(text)))
        } else {
            Err(ParseAmountError(()))
        }
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
fn is_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let Some(text) = after_digits(text) else {
        return false;
    };
    let text = match text.strip_prefix(b".") {
        Some(fraction) => match after_digits(fraction) {
            Some(rest) => rest,
            None => return false,
        },
        None => text,
    };
    match text {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent = match exponent {
                [b'+' | b'-', digits @ ..] => digits,
                digits => digits,
            };
            after_digits(exponent).is_some_and(<[u8]>::is_empty)
        }
        _ => false,
    }
}

/// What follows a run of at least one digit.
fn after_digits(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &text[digits..])
}
