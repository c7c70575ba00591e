use serde::de::DeserializeSeed;

use super::reader::Reader;

/// Where a text does not fit: `items[3].price`, empty for the whole.
pub(crate) fn locate<'de, T>(text: &'de str, seed: T) -> String
where
    T: DeserializeSeed<'de>,
{
    let mut reader = Reader::new(text, usize::MAX);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let field = seed.deserialize(tracked).err().and_then(|bail| bail.field);
    let holder = track.path();
    let is_whole = holder.iter().len() == 0;
    match field {
        Some(field) if is_whole => (*field).to_owned(),
        Some(field) => format!("{holder}.{field}"),
        None if is_whole => String::new(),
        None => holder.to_string(),
    }
}
