/// `serde_json` reads no deeper into a `Value`, so a handler could not either.
pub(crate) const MAX_DEPTH: usize = 127;

/// More objects and arrays than this are not decoded. A body of empty ones, three bytes each, grows
/// by two orders of magnitude; this holds what becomes of it to 16 MiB. An invoice of 10,000 lines,
/// each with a tax and a remission, has 40,000.
pub(crate) const MAX_CONTAINERS: usize = 46_000;

/// Counts the objects and arrays of a JSON text; `None` when they are nested too deep.
///
/// Values that are skipped or kept raw have no limit of depth of their own, so it is checked here,
/// once, for whoever reads the body later.
pub(crate) fn containers(text: &str) -> Option<usize> {
    let brackets = text
        .bytes()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if brackets <= MAX_DEPTH {
        // An upper bound, brackets in strings included; and too few to nest too deep.
        return Some(brackets);
    }
    precisely(text.as_bytes())
}

fn precisely(text: &[u8]) -> Option<usize> {
    let (mut count, mut depth) = (0, 0_usize);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                count += 1;
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    Some(count)
}

fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}
