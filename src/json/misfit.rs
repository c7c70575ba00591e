use serde::de::DeserializeSeed;

/// Reads a text that is known to misfit, and says where: `items[3].price`, empty for the whole.
///
/// `Ok` when it fits after all.
pub(crate) fn locate<'de, T>(text: &'de str, seed: T) -> Result<T::Value, String>
where
    T: DeserializeSeed<'de>,
{
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    seed.deserialize(tracked).map_err(|error| {
        let holder = track.path().to_string();
        let holder = if holder == "." { "" } else { &holder };
        match absent_or_doubled(&error.to_string()) {
            Some(field) if holder.is_empty() => field.to_owned(),
            Some(field) => format!("{holder}.{field}"),
            None => holder.to_owned(),
        }
    })
}

/// The field that serde names in its two sentences about an object as a whole. The names are those
/// of our types, so nothing of the body is in them.
fn absent_or_doubled(error: &str) -> Option<&str> {
    let rest = error
        .strip_prefix("missing field `")
        .or_else(|| error.strip_prefix("duplicate field `"))?;
    rest.split_once('`').map(|(field, _)| field)
}
