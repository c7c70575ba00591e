//! Opening: what a process left behind that may have died at any moment.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    JsonLinesError,
    disk::{self, Disk},
    index::Index,
    lock_of,
    log::Log,
    names::Names,
    options::Limits,
    scan::{Scan, Tail},
};

impl Log {
    pub(super) fn open(
        names: Arc<Names>,
        limits: Limits,
        disk: Disk,
    ) -> Result<Self, JsonLinesError> {
        let failed = |error| JsonLinesError::io("open", names.active(), &error);
        let mut index = Index::new();
        let mut scan = Scan::new(&mut index);
        let mut next = 1;
        for number in names.numbers().map_err(failed)? {
            scan.closed(number, &names.closed(number))?;
            next = number + 1;
        }
        let exists = names.active().try_exists().map_err(failed)?;
        let tail = if exists {
            scan.read(next, names.active()).map_err(failed)?
        } else {
            Tail::Whole
        };
        let readable = scan.readable;
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
            haunted: false,
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

fn foreign(path: &Path) -> JsonLinesError {
    JsonLinesError::new(format!(
        "`{}` has no line that this release can read, so it is left alone: it is no file of dead \
         letters, or that of a later release",
        path.display()
    ))
}
