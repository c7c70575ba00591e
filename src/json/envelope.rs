//! The body as a whole: what is refused, and what is read of a body that does not fit.

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::reader::Reader;
use crate::rejection::Rejection;

/// A body without its byte order mark, which RFC 8259 lets readers pass over.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// A body as text.
pub(crate) fn text(body: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(without_bom(body))
        .map_err(|_| Rejection::malformed("the body is not UTF-8"))
}

/// Refuses a body that is not JSON or is nested too deep. Returns the number of objects and arrays.
pub(crate) fn check(text: &str) -> Result<usize, Rejection> {
    if text.trim_ascii().is_empty() {
        return Err(Rejection::malformed("the body is empty"));
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        // The error's own text quotes the body; its place does not.
        Rejection::malformed("the body is not JSON").at(error.line(), error.column())
    })?;
    let mut reader = Reader::new(text, usize::MAX);
    let too_deep = |_| Rejection::malformed("the body is nested deeper than 127");
    reader.raw().map_err(too_deep)?;
    Ok(reader.containers)
}

/// The value of a field that occurs once.
pub(crate) fn only<'a>(values: &[&'a str]) -> Option<&'a str> {
    let [raw] = values else { return None };
    Some(raw)
}

/// The text of the field that says what kind of event the body is, which must be exact: without it no
/// handler could use the body. Takes the reasons for a missing field, one that occurs twice, and one
/// that is not text.
pub(crate) fn routing(
    values: &[&str],
    [missing, doubled, not_text]: [&'static str; 3],
) -> Result<String, Rejection> {
    match values {
        [] => Err(Rejection::malformed(missing)),
        [raw] => serde_json::from_str(raw).map_err(|_| Rejection::malformed(not_text)),
        _ => Err(Rejection::malformed(doubled)),
    }
}

/// The values of an object's fields, unread, each field by any of its names; or why the text is no
/// object. A field that occurs twice has two values.
pub(crate) fn fields<'a, const N: usize>(
    text: &'a str,
    names: [&[&str]; N],
) -> Result<[Vec<&'a str>; N], Rejection> {
    let no_object = |_| Rejection::malformed("the body is not a JSON object");
    let mut reader = Reader::new(text, usize::MAX);
    let mut entries = reader.enter(b'{').map_err(no_object)?;
    let mut fields = names.map(|_| Vec::new());
    while let Some((key, value)) = entries
        .next_entry::<&RawValue, &RawValue>()
        .map_err(no_object)?
    {
        // A key whose escapes make no text is just one of the others.
        let key: String = serde_json::from_str(key.get()).unwrap_or_default();
        if let Some(index) = names.iter().position(|names| names.contains(&&*key)) {
            fields[index].push(value.get());
        }
    }
    Ok(fields)
}

/// Where a text does not fit: `items[3].price`, empty for the whole.
pub(crate) fn misfit<'de, T>(text: &'de str, seed: T) -> String
where
    T: DeserializeSeed<'de>,
{
    let mut reader = Reader::new(text, usize::MAX);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let field = seed.deserialize(tracked).err().and_then(|bail| bail.field);
    let holder = track.path();
    let field = field.map_or("", |field| *field);
    match (holder.iter().len(), field) {
        (0, field) => field.to_owned(),
        (_, "") => holder.to_string(),
        (_, field) => format!("{holder}.{field}"),
    }
}
