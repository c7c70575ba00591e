//! Cleaning. The oldest file goes first, always: a line that ends or replaces an older one can only
//! concern files that are gone already, or its own. So nothing comes back that was done.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};

use super::{
    JsonLinesError,
    index::{Entry, Index, Span},
    line::MARK,
    lock_of,
    log::Log,
};

/// How much is copied at once, in bytes.
const CHUNK: u64 = 1 << 20;

impl Log {
    /// Makes room for so many bytes, if there is enough to win: with less than a sixteenth of it
    /// all, a full log would be copied over and over for a line's room.
    pub(super) fn make_room(&mut self, need: u64) -> Result<(), JsonLinesError> {
        let total = self.limits.total;
        self.clean_while(|index| {
            let garbage = index.garbage();
            index.size() + need > total && garbage > 0 && garbage >= total / 16
        })
    }

    /// Cleans whatever can be.
    pub(super) fn compact(&mut self) -> Result<(), JsonLinesError> {
        self.clean_while(|index| index.garbage() > 0)
    }

    /// Goes over each file once at most, the active one last.
    pub(super) fn clean_while(
        &mut self,
        wanted: impl Fn(&Index) -> bool,
    ) -> Result<(), JsonLinesError> {
        self.drop_dead()?;
        let last = lock_of(&self.index).active();
        loop {
            let index = lock_of(&self.index);
            if !wanted(&index) {
                return Ok(());
            }
            let oldest = index.oldest_closed();
            let rest = index.active() == last && index.active_size() > 0;
            drop(index);
            match oldest {
                Some(number) if number <= last => self.clean(number)?,
                None if rest => self.rotate()?,
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Copies what is alive in the oldest file to the end, and then deletes it.
    fn clean(&mut self, number: u64) -> Result<(), JsonLinesError> {
        let kept = lock_of(&self.index).kept_in(number);
        let path = self.names.closed(number);
        let failed = |error| JsonLinesError::io("read", &path, &error);
        let mut source = File::open(&path).map_err(failed)?;
        let mut batch = Batch::from(number);
        for (span, id) in kept {
            if batch.lines.len() as u64 + span.len > CHUNK.min(self.limits.file) {
                self.append_batch(std::mem::replace(&mut batch, Batch::from(number)))?;
            }
            let mut line = Vec::new();
            source.seek(SeekFrom::Start(span.at)).map_err(failed)?;
            let read = Read::by_ref(&mut source)
                .take(span.len)
                .read_to_end(&mut line);
            if read.map_err(failed)? as u64 != span.len {
                let error = std::io::ErrorKind::UnexpectedEof.into();
                return Err(failed(error));
            }
            batch.push(span, id, &line);
        }
        self.append_batch(batch)?;
        self.drop_dead()
    }

    fn append_batch(&mut self, batch: Batch) -> Result<(), JsonLinesError> {
        if batch.moved.is_empty() {
            return Ok(());
        }
        let (file, start) = self.append(&batch.lines)?;
        let mut index = lock_of(&self.index);
        let unreadable = batch.moved.iter().rfind(|moved| moved.id.is_none());
        if let Some(last) = unreadable {
            index.drop_unreadable(batch.number, last.from);
        }
        for moved in batch.moved {
            let span = Span {
                at: start + moved.to.at,
                len: moved.to.len,
            };
            let Some(id) = moved.id else {
                index.keep_unreadable(file, span);
                continue;
            };
            if let Some(entry) = index.get(&id).copied() {
                index.store(
                    id,
                    Entry {
                        file,
                        span,
                        ..entry
                    },
                );
            }
        }
        Ok(())
    }

    /// Deletes the oldest files as long as nothing in them is alive. Each deletion is safe on disk
    /// before the next: a file that came back without a later one could bring back what was done.
    pub(super) fn drop_dead(&mut self) -> Result<(), JsonLinesError> {
        loop {
            let Some(number) = lock_of(&self.index).dead() else {
                return Ok(());
            };
            self.settle_directory()?;
            let path = self.names.closed(number);
            self.disk
                .remove(&path)
                .map_err(|error| JsonLinesError::io("delete", &path, &error))?;
            self.directory_unsure = true;
            lock_of(&self.index).forget(number);
            self.settle_directory()?;
        }
    }
}

/// What is copied at once.
struct Batch {
    number: u64,
    lines: Vec<u8>,
    moved: Vec<Moved>,
    marked: bool,
}

/// A line on its way, to a place among those that are copied with it.
struct Moved {
    from: Span,
    to: Span,
    id: Option<Arc<str>>,
}

impl Batch {
    fn from(number: u64) -> Self {
        Self {
            number,
            lines: Vec::new(),
            moved: Vec::new(),
            marked: false,
        }
    }

    fn push(&mut self, from: Span, id: Option<Arc<str>>, line: &[u8]) {
        // Or what remains may be a file without a readable line, which could not be opened again.
        if id.is_none() && !self.marked {
            self.marked = true;
            self.lines.extend_from_slice(MARK);
        }
        let at = self.lines.len() as u64;
        self.lines.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            self.lines.push(b'\n');
        }
        let len = self.lines.len() as u64 - at;
        let to = Span { at, len };
        self.moved.push(Moved { from, to, id });
    }
}
