//! Where the latest line of each letter is, and how much of each file that makes. No bodies.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

/// A line, with its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) len: u64,
}

/// A file has its number while it is active, too: the one that it will be closed under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) file: u64,
    pub(super) span: Span,
    pub(super) received: SystemTime,
    /// Pending with a handler that is alive in this process.
    pub(super) live: bool,
}

#[derive(Default)]
struct Content {
    size: u64,
    /// How many of the bytes may not be lost: the latest lines of letters, and what is unreadable.
    alive: u64,
    unreadable: Vec<Span>,
}

/// The file with the highest number is the active one.
pub(super) struct Index {
    letters: HashMap<Arc<str>, Entry>,
    live: usize,
    /// The letters whose end could not be written.
    unwritten_ends: HashSet<Arc<str>>,
    files: BTreeMap<u64, Content>,
    active: u64,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            letters: HashMap::new(),
            live: 0,
            unwritten_ends: HashSet::new(),
            files: BTreeMap::new(),
            active: 0,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.letters.get(id)
    }

    pub(super) fn waiting(&self) -> usize {
        self.letters.len() - self.live
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn unreadable(&self) -> usize {
        self.files.values().map(|file| file.unreadable.len()).sum()
    }

    /// Those that wait, the oldest delivery first.
    pub(super) fn snapshot(&self) -> Vec<Arc<str>> {
        let mut letters: Vec<_> = self
            .letters
            .iter()
            .filter(|(_, entry)| !entry.live)
            .collect();
        letters.sort_unstable_by_key(|(_, entry)| (entry.received, entry.file, entry.span));
        letters.into_iter().map(|(id, _)| Arc::clone(id)).collect()
    }

    pub(super) fn store(&mut self, id: Arc<str>, entry: Entry) {
        self.done(&id);
        self.live += usize::from(entry.live);
        self.content(entry.file).alive += entry.span.len;
        self.letters.insert(id, entry);
    }

    pub(super) fn done(&mut self, id: &str) {
        if let Some(entry) = self.letters.remove(id) {
            self.live -= usize::from(entry.live);
            self.content(entry.file).alive -= entry.span.len;
        }
    }

    /// Its handler has ended, whatever could be written about that.
    pub(super) fn not_live(&mut self, id: &str) {
        if let Some(entry) = self.letters.get_mut(id) {
            self.live -= usize::from(std::mem::take(&mut entry.live));
        }
    }

    /// Its end could not be written: it goes with whatever is written next.
    pub(super) fn keep_end(&mut self, id: Arc<str>) {
        if self.letters.contains_key(&id) {
            self.unwritten_ends.insert(id);
        }
    }

    pub(super) fn take_unwritten_ends(&mut self) -> HashSet<Arc<str>> {
        std::mem::take(&mut self.unwritten_ends)
    }

    pub(super) fn keep_unreadable(&mut self, file: u64, span: Span) {
        let content = self.content(file);
        content.alive += span.len;
        content.unreadable.push(span);
    }

    /// Forgets those up to that one: they are elsewhere now.
    pub(super) fn drop_unreadable(&mut self, file: u64, last: Span) {
        let content = self.content(file);
        let moved = content.unreadable.partition_point(|span| *span <= last);
        for span in content.unreadable.drain(..moved) {
            content.alive -= span.len;
        }
    }

    /// What of a file may not be lost, in its order; without an id what is unreadable.
    pub(super) fn kept_in(&self, file: u64) -> Vec<(Span, Option<Arc<str>>)> {
        let letters = self.letters.iter().filter(|(_, entry)| entry.file == file);
        let mut kept: Vec<_> = letters
            .map(|(id, entry)| (entry.span, Some(Arc::clone(id))))
            .collect();
        if let Some(content) = self.files.get(&file) {
            kept.extend(content.unreadable.iter().map(|span| (*span, None)));
        }
        kept.sort_unstable();
        kept
    }

    fn content(&mut self, file: u64) -> &mut Content {
        self.files.entry(file).or_default()
    }

    pub(super) fn active(&self) -> u64 {
        self.active
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, file: u64) {
        self.active = file;
        self.content(file);
    }

    pub(super) fn forget(&mut self, file: u64) {
        self.files.remove(&file);
    }

    pub(super) fn grow(&mut self, file: u64, bytes: u64) {
        self.content(file).size += bytes;
    }

    pub(super) fn active_size(&self) -> u64 {
        self.size_of(self.active)
    }

    pub(super) fn size_of(&self, file: u64) -> u64 {
        self.files.get(&file).map_or(0, |file| file.size)
    }

    pub(super) fn size(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    pub(super) fn alive(&self) -> u64 {
        self.files.values().map(|file| file.alive).sum()
    }

    pub(super) fn garbage(&self) -> u64 {
        self.size() - self.alive()
    }

    pub(super) fn oldest_closed(&self) -> Option<u64> {
        let (number, _) = self.files.first_key_value()?;
        (*number != self.active).then_some(*number)
    }

    /// The oldest closed file, when nothing in it is alive.
    pub(super) fn dead(&self) -> Option<u64> {
        let number = self.oldest_closed()?;
        let content = self.files.get(&number)?;
        (content.alive == 0).then_some(number)
    }

    /// Whether more than half of what is closed can go.
    pub(super) fn is_mostly_garbage(&self) -> bool {
        let closed = self.files.range(..self.active);
        let (size, alive) = closed.fold((0, 0), |(size, alive), (_, file)| {
            (size + file.size, alive + file.alive)
        });
        size > alive * 2
    }
}
