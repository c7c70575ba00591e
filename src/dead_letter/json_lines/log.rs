//! The end of the log: lines are appended to the active file, which is closed when it is full.

use std::{
    fs::File,
    sync::{Arc, Mutex},
};

use super::{
    JsonLinesError,
    disk::{self, Disk},
    index::Index,
    lock_of,
    names::Names,
    options::Limits,
};

/// What only one at a time may do. The index follows what is safe on disk, and is locked for the
/// moment only: whoever reads does not wait for the disk.
pub(super) struct Log {
    pub(super) disk: Disk,
    pub(super) names: Arc<Names>,
    pub(super) limits: Limits,
    pub(super) index: Arc<Mutex<Index>>,
    /// None when the next one could not be created.
    pub(super) active: Option<File>,
    /// The active file may be longer than what is known of it: a write failed, or panicked.
    pub(super) torn: bool,
    /// A write failed since the last that did not: a crash may bring back what is not known of.
    pub(super) haunted: bool,
    /// A file was created, renamed or deleted since the directory was last synced.
    pub(super) directory_unsure: bool,
}

impl Log {
    /// Appends whole lines to one file and returns its number and where they begin. With `Ok` they
    /// are safe from a crash, with an error there is nothing of them, or will not be before
    /// anything else is written.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(u64, u64), JsonLinesError> {
        self.repair()?;
        let len = lines.len() as u64;
        let size = lock_of(&self.index).active_size();
        if size > 0 && size + len > self.limits.file {
            self.rotate()?;
        }
        self.create_if_missing()?;
        let result = self.write(lines);
        if let Err(error) = result {
            // Tried again before the next write.
            let _ = self.repair();
            return Err(error);
        }
        self.torn = false;
        self.haunted = false;
        let mut index = lock_of(&self.index);
        let (file, at) = (index.active(), index.active_size());
        index.grow(file, len);
        Ok((file, at))
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), JsonLinesError> {
        self.settle_directory()?;
        let Some(file) = &self.active else {
            return Err(self.changed());
        };
        let path = self.names.active();
        self.torn = true;
        self.haunted = true;
        self.disk
            .append(file, lines)
            .map_err(|error| JsonLinesError::io("write", path, &error))?;
        self.disk
            .sync(file)
            .map_err(|error| JsonLinesError::io("sync", path, &error))
    }

    /// Cuts off what a write left behind that failed. Also refuses to go on when the file is no
    /// longer the one that was opened: what is written into it would be lost.
    pub(super) fn repair(&mut self) -> Result<(), JsonLinesError> {
        let Some(file) = &self.active else {
            return Ok(());
        };
        let path = self.names.active();
        let failed = |error| JsonLinesError::io("look at", path, &error);
        let known = lock_of(&self.index).active_size();
        let size = file.metadata().map_err(failed)?.len();
        if !disk::is_at(file, path).map_err(failed)? || size < known {
            return Err(self.changed());
        }
        if self.torn {
            self.disk.truncate(file, known).map_err(|error| {
                JsonLinesError::io("cut a failed write off the end of", path, &error)
            })?;
            self.torn = false;
        } else if size != known {
            return Err(self.changed());
        }
        Ok(())
    }

    fn changed(&self) -> JsonLinesError {
        JsonLinesError::new(format!(
            "`{}` was changed, moved or removed by something else while it was open: \
             nothing is written to it until it is opened again",
            self.names.active().display()
        ))
    }

    /// Closes the active file and begins the next.
    pub(super) fn rotate(&mut self) -> Result<(), JsonLinesError> {
        self.repair()?;
        self.settle_directory()?;
        // Locked throughout, for readers find the path by the number.
        let mut index = lock_of(&self.index);
        let (from, to) = (self.names.active(), self.names.closed(index.active()));
        if to.exists() {
            return Err(JsonLinesError::new(format!(
                "cannot close `{}`: `{}` exists, put it out of the way",
                from.display(),
                to.display()
            )));
        }
        self.disk
            .rename(from, &to)
            .map_err(|error| JsonLinesError::io("rename", from, &error))?;
        let next = index.active() + 1;
        index.begin(next);
        drop(index);
        self.active = None;
        self.directory_unsure = true;
        self.create_if_missing()
    }

    pub(super) fn create_if_missing(&mut self) -> Result<(), JsonLinesError> {
        if self.active.is_none() {
            // The rename must not be lost while this is kept.
            self.settle_directory()?;
            let path = self.names.active();
            let file = self.disk.create(path);
            let file = file.map_err(|error| JsonLinesError::io("create", path, &error))?;
            self.active = Some(file);
            self.directory_unsure = true;
        }
        Ok(())
    }

    pub(super) fn settle_directory(&mut self) -> Result<(), JsonLinesError> {
        if self.directory_unsure {
            let path = self.names.directory();
            self.disk
                .sync_directory(path)
                .map_err(|error| JsonLinesError::io("sync the directory", path, &error))?;
            self.directory_unsure = false;
        }
        Ok(())
    }
}
