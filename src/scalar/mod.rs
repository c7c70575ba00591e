//! Values that every provider writes in more than one way.

mod amount;
mod date;
mod id;
mod raw_json;
mod text;

pub use self::{
    amount::{Amount, ParseAmountError},
    date::Date,
    id::Id,
    raw_json::RawJson,
};
