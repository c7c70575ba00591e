//! Points in time as an operator writes them.

use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;

/// An age before `now`, like `90s`, `15m`, `2h` and `3d`, or a time in UTC, like `2026-11-21` and
/// `2026-11-21T10:30:00Z`.
pub(crate) fn parse(text: &str, now: SystemTime) -> Option<SystemTime> {
    match age(text) {
        Some(age) => now.checked_sub(age),
        None => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(utc(text)?)),
    }
}

fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        _ => return None,
    };
    Some(Duration::from_secs(digits(number)?.checked_mul(seconds)?))
}

/// Seconds since 1970.
fn utc(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let days = days_before_year(year)? + day_of_year(year, month, day)?;
    let seconds = match time {
        None => 0,
        Some(time) => {
            let [hour, minute, second] = fields(time.strip_suffix('Z')?, ':', [2, 2, 2])?;
            if hour > 23 || minute > 59 || second > 59 {
                return None;
            }
            hour * 3600 + minute * 60 + second
        }
    };
    Some(days * DAY + seconds)
}

/// Three numbers of so many digits.
fn fields(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == length)?;
        *number = digits(part)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// `parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Days from 1970 to the first of that year.
fn days_before_year(year: u64) -> Option<u64> {
    let leap_days = |years: u64| years / 4 - years / 100 + years / 400;
    let since = year.checked_sub(1970)?;
    Some(since * 365 + leap_days(year - 1) - leap_days(1969))
}

/// From 0, for a day that exists.
fn day_of_year(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = *lengths.get(index)?;
    let before: u64 = lengths[..index].iter().sum();
    (1..=length).contains(&day).then(|| before + day - 1)
}
