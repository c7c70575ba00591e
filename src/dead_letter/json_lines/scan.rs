//! Reading a file from its beginning.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::Path,
};

use super::{
    JsonLinesError, disk,
    index::{Entry, Index, Span},
    line::{self, Line, START},
};

/// How a file ends.
pub(super) enum Tail {
    Whole,
    /// The last line lacks nothing but its line feed.
    Unended,
    /// What begins there was never written to its end.
    Torn {
        ours: bool,
    },
}

pub(super) struct Scan<'a> {
    index: &'a mut Index,
    /// Whether any line was.
    pub(super) readable: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(index: &'a mut Index) -> Self {
        Self {
            index,
            readable: false,
        }
    }

    pub(super) fn closed(&mut self, number: u64, path: &Path) -> Result<(), JsonLinesError> {
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
    pub(super) fn read(&mut self, file: u64, path: &Path) -> io::Result<Tail> {
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
