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
    let field = field.map_or("", |field| *field);
    match (holder.iter().len(), field) {
        (0, field) => field.to_owned(),
        (_, "") => holder.to_string(),
        (_, field) => format!("{holder}.{field}"),
    }
}
