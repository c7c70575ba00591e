//! Time on the processor. The clocks of the kernel count it in nanoseconds, `/proc/<pid>/stat` in
//! hundredths of a second, which is 2 % of a slice.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use nix::{
    time::{ClockId, clock_getcpuclockid},
    unistd::Pid,
};

/// User and system time of all threads of a process, of those that ended too.
pub(crate) fn of_process(pid: Pid) -> Result<Duration> {
    Ok(clock_getcpuclockid(pid)?.now()?.into())
}

/// User and system time of the calling thread.
pub(crate) fn of_this_thread() -> Result<Duration> {
    Ok(ClockId::CLOCK_THREAD_CPUTIME_ID.now()?.into())
}

/// How long all cores of the machine were busy since it started, stolen time included.
pub(crate) fn of_machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    busy(&stat).context("/proc/stat has another form than was expected")
}

fn busy(stat: &str) -> Option<Duration> {
    const HUNDREDTH: Duration = Duration::from_millis(10);
    let mut fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let mut next = || fields.next()?.parse::<u32>().ok();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _waiting) = (next()?, next()?);
    let (interrupts, soft_interrupts, stolen) = (next()?, next()?, next()?);
    Some(HUNDREDTH * (user + nice + system + interrupts + soft_interrupts + stolen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_all_but_idle_and_waiting() {
        let stat = "cpu  100 20 30 9999 8888 5 6 7 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(1680)));
    }

    #[test]
    fn another_form_is_no_figure() {
        assert_eq!(busy("cpu  100 20"), None);
        assert_eq!(busy(""), None);
    }
}
