//! What is stored and done together.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use super::{
    JsonLinesError,
    index::{Entry, Span},
    line, lock_of,
    log::Log,
};

pub(super) struct Change {
    pub(super) id: Arc<str>,
    pub(super) line: Vec<u8>,
    /// None when it is done.
    pub(super) stored: Option<Stored>,
}

pub(super) struct Stored {
    pub(super) received: SystemTime,
    pub(super) live: bool,
}

enum Verdict {
    Write,
    /// It is not known, so it needs no end.
    Nothing,
    Full,
}

impl Log {
    /// One write and one sync for all of them, and for the ends that were not written. The results are
    /// in their order.
    pub(super) fn commit(&mut self, changes: &[Change]) -> Vec<Result<(), JsonLinesError>> {
        let unwritten = lock_of(&self.index).take_unwritten_ends();
        let end = |id: Arc<str>| {
            let (line, stored) = (line::done(&id).ok()?, None);
            Some(Change { id, line, stored })
        };
        let unwritten: Vec<_> = unwritten.into_iter().filter_map(end).collect();
        let all: Vec<_> = unwritten.iter().chain(changes).collect();
        let mut results = self.write_all(&all);
        let asked_for = results.split_off(unwritten.len());
        for (end, result) in unwritten.into_iter().zip(results) {
            if result.is_err() {
                lock_of(&self.index).keep_end(end.id);
            }
        }
        asked_for
    }

    fn write_all(&mut self, changes: &[&Change]) -> Vec<Result<(), JsonLinesError>> {
        let need = changes.iter().map(|change| change.line.len() as u64).sum();
        let cleaned = self.make_room(need);
        let verdicts = self.judge(changes);
        let mut lines = Vec::new();
        for (change, verdict) in changes.iter().zip(&verdicts) {
            if matches!(verdict, Verdict::Write) {
                lines.extend_from_slice(&change.line);
            }
        }
        let place = match lines.len() {
            0 => Ok((0, 0)),
            _ => self.append(&lines),
        };
        let results = self.enter(changes, &verdicts, &place, &cleaned);
        // What could not be deleted now can be later.
        let _ = self.drop_dead();
        results
    }

    fn judge(&self, changes: &[&Change]) -> Vec<Verdict> {
        let total = self.limits.total;
        let index = lock_of(&self.index);
        let (mut size, mut alive) = (index.size(), index.alive());
        let mut lens = HashMap::new();
        let mut verdicts = Vec::with_capacity(changes.len());
        for change in changes {
            let id = &*change.id;
            let known = || index.get(id).map_or(0, |entry| entry.span.len);
            let before = lens.get(id).copied().unwrap_or_else(known);
            let len = change.line.len() as u64;
            let after = if change.stored.is_some() { len } else { 0 };
            let fits = match (after, before) {
                (0, 0) if self.haunted => true,
                (0, 0) => {
                    verdicts.push(Verdict::Nothing);
                    continue;
                }
                (0, _) => true,
                (_, 0) => size + len <= total,
                // What it replaces becomes garbage, so a full log is no reason to refuse it.
                (_, _) => alive - before + after <= total,
            };
            if fits {
                size += len;
                alive = alive - before + after;
                lens.insert(id, after);
            }
            verdicts.push(if fits { Verdict::Write } else { Verdict::Full });
        }
        verdicts
    }

    fn enter(
        &self,
        changes: &[&Change],
        verdicts: &[Verdict],
        place: &Result<(u64, u64), JsonLinesError>,
        cleaned: &Result<(), JsonLinesError>,
    ) -> Vec<Result<(), JsonLinesError>> {
        let mut index = lock_of(&self.index);
        let size = index.size();
        let mut written = 0;
        let each = changes.iter().zip(verdicts).map(|(change, verdict)| {
            let error = match (verdict, place) {
                (Verdict::Nothing, _) => return Ok(()),
                (Verdict::Full, _) => self.full(size, cleaned),
                (Verdict::Write, Err(error)) => error.clone(),
                (Verdict::Write, Ok((file, start))) => {
                    let (at, len) = (start + written, change.line.len() as u64);
                    written += len;
                    let (file, span) = (*file, Span { at, len });
                    match &change.stored {
                        None => index.done(&change.id),
                        Some(Stored { received, live }) => {
                            let (received, live) = (*received, *live);
                            let entry = Entry {
                                file,
                                span,
                                received,
                                live,
                            };
                            index.store(Arc::clone(&change.id), entry);
                        }
                    }
                    return Ok(());
                }
            };
            Err(error)
        });
        each.collect()
    }

    fn full(&self, size: u64, cleaned: &Result<(), JsonLinesError>) -> JsonLinesError {
        let mut sentence = format!(
            "no room for another letter in `{}`: {size} bytes of its `total_limit` of {} bytes are \
             used; replay letters, or raise the `total_limit`",
            self.names.active().display(),
            self.limits.total
        );
        if let Err(error) = cleaned {
            sentence = format!("{sentence}; cleaning failed: {error}");
        }
        JsonLinesError::new(sentence)
    }
}
