//! Which files there are: the active one, the closed ones beside it, the lock.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::JsonLinesError;

const LOCK: &str = ".lock";

pub(super) struct Names {
    active: PathBuf,
    directory: PathBuf,
    name: OsString,
}

impl Names {
    /// Absolute and through links, so that neither a change of the working directory nor a rename
    /// of the link tears the files apart, and one file has one lock.
    pub(super) fn of(path: &Path) -> Result<Self, JsonLinesError> {
        let no_file = || JsonLinesError::new(format!("`{}` names no file", path.display()));
        let real = if path.is_symlink() {
            fs::canonicalize(path).map_err(|error| JsonLinesError::io("follow", path, &error))?
        } else {
            path.to_owned()
        };
        let name = real.file_name().ok_or_else(no_file)?.to_owned();
        let parent = match real.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let directory = fs::canonicalize(parent).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let (path, parent) = (path.display(), parent.display());
                return JsonLinesError::new(format!(
                    "cannot open `{path}`: there is no directory `{parent}`, create it first"
                ));
            }
            JsonLinesError::io("open the directory", parent, &error)
        })?;
        let active = directory.join(&name);
        if active.exists() && !active.is_file() {
            return Err(no_file());
        }
        let names = Self {
            active,
            directory,
            name,
        };
        match names.is_beside() {
            Some(of) => Err(JsonLinesError::new(format!(
                "`{}` belongs to the dead letters in `{}`: open that",
                names.active.display(),
                of.display()
            ))),
            None => Ok(names),
        }
    }

    /// The file that this one is closed, or the lock, of.
    fn is_beside(&self) -> Option<PathBuf> {
        let of = self.active.with_extension("");
        let suffix = self.active.extension()?.to_str()?;
        let is_number = suffix.len() >= 6 && suffix.bytes().all(|byte| byte.is_ascii_digit());
        let mut lock = of.clone().into_os_string();
        lock.push(LOCK);
        match suffix {
            "lock" => Some(of),
            _ if is_number && Path::new(&lock).exists() => Some(of),
            _ => None,
        }
    }

    pub(super) fn active(&self) -> &Path {
        &self.active
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.beside(LOCK)
    }

    pub(super) fn closed(&self, number: u64) -> PathBuf {
        self.beside(&suffix(number))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.name.clone();
        name.push(suffix);
        self.directory.join(name)
    }

    /// The numbers of the closed files, in order. A name that is not written just so, like that of
    /// a copy, is somebody else's.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let number = name
                .as_encoded_bytes()
                .strip_prefix(self.name.as_encoded_bytes())
                .and_then(|rest| std::str::from_utf8(rest).ok())
                .and_then(|rest| rest.strip_prefix('.')?.parse().ok().zip(Some(rest)));
            if let Some((number, rest)) = number {
                // There has to be a next one.
                if number < u64::MAX / 2 && rest == suffix(number) {
                    numbers.push(number);
                }
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn suffix(number: u64) -> String {
    format!(".{number:06}")
}
