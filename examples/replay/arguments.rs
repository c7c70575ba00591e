//! The command line.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, de::IntoDeserializer, de::value::Error};
use tower_webhook::{DeadLetter, JsonLines, LetterReason};

use super::when;

pub(crate) const HELP: &str = "\
Sends dead letters to the handlers again, one at a time, the oldest delivery first.

usage: cargo run --example replay -- [OPTION]… [FILE]

FILE is the file of dead letters. No other process may have it open. Default: ./dead-letters.jsonl.

  --dry-run        list what would be replayed, and replay nothing
  --provider NAME  alegra or bsale
  --event NAME     this event, like new-invoice or document; may be given more than once
  --tenant NAME    this tenant
  --since WHEN     received then or later
  --until WHEN     received earlier than that
  --reason NAME    pending, status, error, panicked, interrupted, busy, draining, malformed,
                   shutdown or other
  --help           this

WHEN is an age, like 90s, 15m, 2h or 3d, or a time in UTC, like 2026-11-21 or 2026-11-21T10:30:00Z.

It exits with 0 when everything that matched is done, with 1 when something is not, and with 2 when
it could not begin. What fails stays in the file, with one attempt more. To discard a letter, append
{\"version\":1,\"done\":\"ID\"} as a line of its own while no process has the file open.";

pub(crate) struct Arguments {
    pub(crate) dry_run: bool,
    pub(crate) filter: Filter,
    file: PathBuf,
}

#[derive(Default)]
pub(crate) struct Filter {
    provider: Option<String>,
    events: Vec<String>,
    tenant: Option<String>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
    reason: Option<LetterReason>,
}

impl Filter {
    pub(crate) fn lets_through(&self, letter: &DeadLetter) -> bool {
        let record = letter.record();
        let received = record.received_at();
        let is = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == is)
        };
        is(&self.provider, Some(record.provider()))
            && is(&self.tenant, record.tenant())
            && (self.events.is_empty() || self.events.iter().any(|event| event == record.event()))
            && self.since.is_none_or(|since| received >= since)
            && self.until.is_none_or(|until| received < until)
            && self.reason.is_none_or(|reason| reason == letter.reason())
    }
}

impl Arguments {
    /// `None` when the user asks for help.
    pub(crate) fn parse() -> Result<Option<Self>, String> {
        let now = SystemTime::now();
        let mut given = Given(env::args_os().skip(1).collect());
        let (mut dry_run, mut filter, mut file) = (false, Filter::default(), None);
        while let Some(argument) = given.next()? {
            match argument {
                Argument::File(path) => once("FILE", &mut file, path)?,
                Argument::Option(name) => match name.as_str() {
                    "--help" | "-h" => return Ok(None),
                    "--dry-run" => dry_run = true,
                    "--provider" => {
                        let provider = given.value(&name)?;
                        if !["alegra", "bsale"].contains(&provider.as_str()) {
                            return Err(format!(
                                "--provider has to be alegra or bsale; {provider:?} is neither"
                            ));
                        }
                        once(&name, &mut filter.provider, provider)?;
                    }
                    "--event" => filter.events.push(given.value(&name)?),
                    "--tenant" => {
                        let tenant = given.value(&name)?;
                        once(&name, &mut filter.tenant, tenant)?;
                    }
                    "--since" => {
                        let since = time(&name, &given.value(&name)?, now)?;
                        once(&name, &mut filter.since, since)?;
                    }
                    "--until" => {
                        let until = time(&name, &given.value(&name)?, now)?;
                        once(&name, &mut filter.until, until)?;
                    }
                    "--reason" => {
                        let reason = reason(&given.value(&name)?)?;
                        once(&name, &mut filter.reason, reason)?;
                    }
                    _ => {
                        return Err(format!("there is no option {name:?}: see --help"));
                    }
                },
            }
        }
        if let (Some(since), Some(until)) = (filter.since, filter.until) {
            if since >= until {
                return Err("--since is not before --until, so no letter would match".to_owned());
            }
        }
        Ok(Some(Self {
            dry_run,
            filter,
            file: file.unwrap_or_else(|| "dead-letters.jsonl".into()),
        }))
    }

    /// Opens the file, and fails when there is none: a wrong name must not look like an empty store.
    pub(crate) fn open(&self) -> Result<JsonLines, String> {
        let path = self.file.display();
        if !exists(&self.file) {
            return Err(format!("there is no file {path}"));
        }
        if let Some(of) = beside(&self.file) {
            let of = of.display();
            return Err(format!("{path} is a part of {of}: name that instead"));
        }
        JsonLines::open(&self.file).map_err(|error| error.to_string())
    }
}

/// The store's main file, when this is the name of one of its closed files or of its lock.
fn beside(file: &Path) -> Option<PathBuf> {
    let extension = file.extension()?.to_str()?;
    let of = file.with_extension("");
    ((is_number(extension.as_bytes()) || extension == "lock") && exists(&of)).then_some(of)
}

/// Whether this is the number at the end of a closed file's name.
fn is_number(text: &[u8]) -> bool {
    text.len() >= 6 && text.iter().all(u8::is_ascii_digit)
}

/// Whether there is a store of that name. It may consist of closed files alone after a process died,
/// or of the lock alone after a cleaning.
fn exists(file: &Path) -> bool {
    let Some(name) = file.file_name() else {
        return file.exists();
    };
    let is_beside = |of: OsString| {
        let rest = of.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        rest.and_then(|rest| rest.strip_prefix(b"."))
            .is_some_and(|rest| is_number(rest) || rest == b"lock")
    };
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    file.exists()
        || folder
            .read_dir()
            .is_ok_and(|entries| entries.flatten().any(|entry| is_beside(entry.file_name())))
}

/// The arguments that are not read yet. `--name=value` is split in two.
struct Given(std::collections::VecDeque<OsString>);

enum Argument {
    Option(String),
    File(PathBuf),
}

impl Given {
    fn next(&mut self) -> Result<Option<Argument>, String> {
        let Some(argument) = self.0.pop_front() else {
            return Ok(None);
        };
        if !argument.as_encoded_bytes().starts_with(b"-") {
            return Ok(Some(Argument::File(argument.into())));
        }
        let option = text(argument)?;
        let name = match option.split_once('=') {
            Some((name, value)) if TAKE_VALUES.contains(&name) => {
                self.0.push_front(value.into());
                name.to_owned()
            }
            _ => option,
        };
        Ok(Some(Argument::Option(name)))
    }

    fn value(&mut self, name: &str) -> Result<String, String> {
        match self.0.pop_front().map(text).transpose()? {
            Some(value) if !value.is_empty() && !value.starts_with("--") => Ok(value),
            _ => Err(format!("{name} needs a value: see --help")),
        }
    }
}

const TAKE_VALUES: [&str; 6] = [
    "--provider",
    "--event",
    "--tenant",
    "--since",
    "--until",
    "--reason",
];

fn text(argument: OsString) -> Result<String, String> {
    argument
        .into_string()
        .map_err(|argument| format!("{argument:?} is not UTF-8"))
}

fn once<T>(name: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} is given twice")),
    }
}

fn time(name: &str, text: &str, now: SystemTime) -> Result<SystemTime, String> {
    when::parse(text, now).ok_or_else(|| {
        format!(
            "{name} has to be an age, like 90s, 15m, 2h or 3d, or a time in UTC, like 2026-11-21 or \
             2026-11-21T10:30:00Z; {text:?} is neither"
        )
    })
}

fn reason(name: &str) -> Result<LetterReason, String> {
    let parsed = LetterReason::deserialize(name.into_deserializer());
    parsed
        .map_err(|error: Error| error.to_string())
        .ok()
        .filter(|reason| reason.as_str() == name)
        .ok_or_else(|| {
            format!(
                "--reason has to be one of pending, status, error, panicked, interrupted, busy, \
                 draining, malformed, shutdown and other; {name:?} is none"
            )
        })
}
