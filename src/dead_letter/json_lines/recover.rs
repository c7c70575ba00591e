//! Opening: what a process left behind that may have died at any moment.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    JsonLinesError,
    disk::{self, Disk},
    index::{Entry, Index, Span},
    line::{self, Line, START},
    lock_of,
    log::Log,
    names::Names,
    options::Limits,
};

/// How a file ends.
enum Tail {
    Whole,
    /// The last line lacks nothing but its line feed.
    Unended,
    /// What begins there was never written to its end.
    Torn {
        ours: bool,
    },
}

struct Reader<'a> {
    index: &'a mut Index,
    readable: bool,
}

impl Log {
    pub(super) fn open(
        names: Arc<Names>,
        limits: Limits,
        disk: Disk,
    ) -> Result<Self, JsonLinesError> {
        let failed = |error| JsonLinesError::io("open", names.active(), &error);
        let mut index = Index::new();
        let mut reader = Reader {
            index: &mut index,
            readable: false,
        };
        let mut next = 1;
        for number in names.numbers().map_err(failed)? {
            reader.closed(number, &names.closed(number))?;
            next = number + 1;
        }
        let exists = names.active().try_exists().map_err(failed)?;
        let tail = if exists {
            reader.read(next, names.active()).map_err(failed)?
        } else {
            Tail::Whole
        };
        let readable = reader.readable;
        if !readable && (index.unreadable() > 0 || matches!(tail, Tail::Torn { ours: false })) {
            return Err(foreign(names.active()));
        }
        index.begin(next);
        let active = exists.then(|| disk::open_private(names.active()));
        let mut log = Self {
            disk,
            limits,
            active: active.transpose().map_err(failed)?,
            index: Arc::new(Mutex::new(index)),
            // Cuts the tail off before the first write.
            torn: matches!(tail, Tail::Torn { .. }),
            directory_unsure: true,
            names,
        };
        log.begin(matches!(tail, Tail::Unended))?;
        Ok(log)
    }

    fn begin(&mut self, unended: bool) -> Result<(), JsonLinesError> {
        self.create_if_missing()?;
        self.settle_directory()?;
        if self.torn {
            self.repair()?;
        }
        if unended {
            self.end_line()?;
        } else if let Some(file) = &self.active {
            // The process that wrote the last lines may have died before it synced them, and
            // cleaning builds on them.
            let path = self.names.active();
            let synced = self.disk.sync(file);
            synced.map_err(|error| JsonLinesError::io("sync", path, &error))?;
        }
        // A disk without room is no reason not to open: it is cleaned again when need be.
        let _ = self.clean_while(Index::is_mostly_garbage);
        let _ = self.make_room(0);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), JsonLinesError> {
        let Some(file) = &self.active else {
            return Ok(());
        };
        let path = self.names.active();
        let ended = self.disk.append(file, b"\n");
        let ended = ended.and_then(|()| self.disk.sync(file));
        ended.map_err(|error| JsonLinesError::io("end the last line of", path, &error))?;
        let mut index = lock_of(&self.index);
        let number = index.active();
        index.grow(number, 1);
        Ok(())
    }
}

impl Reader<'_> {
    fn closed(&mut self, number: u64, path: &Path) -> Result<(), JsonLinesError> {
        let failed = |error| JsonLinesError::io("open", path, &error);
        disk::open_private(path).map_err(failed)?;
        // Only the active file can have been torn by us; the end of a closed one is kept.
        let size = fs::metadata(path).map_err(failed)?.len();
        if let Tail::Torn { .. } = self.read(number, path).map_err(failed)? {
            let at = self.index.size_of(number);
            let len = size - at;
            self.index.keep_unreadable(number, Span { at, len });
            self.index.grow(number, len);
        }
        Ok(())
    }

    /// Reads a file to its end, a torn tail not counted.
    fn read(&mut self, file: u64, path: &Path) -> std::io::Result<Tail> {
        let mut source = BufReader::with_capacity(1 << 16, File::open(path)?);
        self.index.begin(file);
        let (mut at, mut bytes) = (0, Vec::new());
        loop {
            bytes.clear();
            let len = source.read_until(b'\n', &mut bytes)? as u64;
            if len == 0 {
                return Ok(Tail::Whole);
            }
            let ended = bytes.ends_with(b"\n");
            let line = line::read(&bytes);
            if !ended && matches!(line, Line::Unreadable | Line::Blank) {
                return Ok(Tail::Torn {
                    ours: is_ours(&bytes),
                });
            }
            self.enter(line, file, Span { at, len });
            self.index.grow(file, len);
            at += len;
            if !ended {
                return Ok(Tail::Unended);
            }
        }
    }

    fn enter(&mut self, line: Line, file: u64, span: Span) {
        match line {
            Line::Letter(letter) => {
                self.readable = true;
                let entry = Entry {
                    file,
                    span,
                    received: letter.record().received_at(),
                    // Its handler died with the process that it was in.
                    live: false,
                };
                self.index.store(letter.id().into(), entry);
            }
            Line::Done(id) => {
                self.readable = true;
                self.index.done(&id);
            }
            Line::Blank => {}
            Line::Unreadable => self.index.keep_unreadable(file, span),
        }
    }
}

/// Whether it may be what is left of a first write. Some file systems leave zeros where bytes were
/// to be.
fn is_ours(torn: &[u8]) -> bool {
    torn.starts_with(START) || START.starts_with(torn) || torn.iter().all(|byte| *byte == 0)
}

fn foreign(path: &Path) -> JsonLinesError {
    JsonLinesError::new(format!(
        "`{}` has no line that this release can read, so it is left alone: it is no file of dead \
         letters, or that of a later release",
        path.display()
    ))
}
