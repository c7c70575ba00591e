use std::{
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    iter::FusedIterator,
    sync::Arc,
    vec,
};

use super::{
    JsonLinesError, Shared,
    index::Entry,
    line::{self, Line},
    lock_of,
};
use crate::dead_letter::DeadLetter;

/// The letters that waited when [`JsonLines::letters`](crate::JsonLines::letters) was called,
/// without those that no longer do.
///
/// Each [`next`](Iterator::next) reads one letter from its file, which blocks.
pub struct Letters {
    shared: Arc<Shared>,
    ids: vec::IntoIter<Arc<str>>,
    /// A file keeps its content under its number, whatever becomes of its name.
    last: Option<(u64, File)>,
}

impl Letters {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let ids = lock_of(&shared.index).snapshot().into_iter();
        Self {
            shared: Arc::clone(shared),
            ids,
            last: None,
        }
    }

    fn read(&mut self, id: &str) -> Result<Option<DeadLetter>, JsonLinesError> {
        // Locked until the file is open: it may be renamed or deleted then.
        let index = lock_of(&self.shared.index);
        let Some(&Entry {
            file,
            span,
            live: false,
            ..
        }) = index.get(id)
        else {
            return Ok(None);
        };
        let names = &self.shared.names;
        let path = if file == index.active() {
            names.active().to_owned()
        } else {
            names.closed(file)
        };
        let failed = |error| JsonLinesError::io("read a letter from", &path, &error);
        let mut source = match self.last.take() {
            Some((number, source)) if number == file => source,
            _ => File::open(&path).map_err(failed)?,
        };
        drop(index);
        source.seek(SeekFrom::Start(span.at)).map_err(failed)?;
        let mut bytes = Vec::new();
        let mut reader = source.take(span.len);
        reader.read_to_end(&mut bytes).map_err(failed)?;
        self.last = Some((file, reader.into_inner()));
        match line::read(&bytes) {
            Line::Letter(letter) if letter.id() == id => Ok(Some(*letter)),
            _ => Err(JsonLinesError::new(format!(
                "`{}` was changed while it was open: the letter at byte {} is not there; open it \
                 again",
                path.display(),
                span.at
            ))),
        }
    }
}

impl Iterator for Letters {
    type Item = Result<DeadLetter, JsonLinesError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let id = self.ids.next()?;
            if let Some(item) = self.read(&id).transpose() {
                return Some(item);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.ids.len()))
    }
}

impl FusedIterator for Letters {}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters")
            .field("path", &self.shared.names.active())
            .field("left", &self.ids.len())
            .finish_non_exhaustive()
    }
}
