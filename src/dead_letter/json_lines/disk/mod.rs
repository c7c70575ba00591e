//! What is done to files, step by step, so that a test can fail each step.

#[cfg(test)]
pub(super) mod faults;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

#[derive(Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: std::sync::Arc<faults::Faults>,
}

impl Disk {
    pub(super) fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.append(file, bytes)?;
        file.write_all(bytes)
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync()?;
        // A unit test could not tell, but for how long it takes.
        if cfg!(test) { Ok(()) } else { file.sync_data() }
    }

    pub(super) fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.step()?;
        file.set_len(len)
    }

    /// Never over a file that is there.
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        #[cfg(test)]
        self.faults.create()?;
        options().create_new(true).open(path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.change()?;
        fs::rename(from, to)
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.change()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Elsewhere than on Unix a directory cannot be synced, nor does it have to be.
    pub(super) fn sync_directory(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync_directory()?;
        if cfg!(all(unix, not(test))) {
            File::open(path)?.sync_all()?;
        }
        Ok(())
    }
}

/// Opens or creates a file that only its owner may read, whatever it was before.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let file = options().create(true).open(path)?;
    make_private(&file)?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if file.metadata()?.permissions().mode() & 0o7777 == 0o600 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Whether the file is still the one at that path.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let there = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata?,
    };
    let here = file.metadata()?;
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
