//! How far a run is: a bar on a terminal, a line a comparison elsewhere.

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    left: Duration,
}

impl Progress {
    /// So many turns are ahead, which take that long together.
    pub(crate) fn new(turns: u64, time: Duration) -> Self {
        let style = "{bar:32} {pos}/{len}, {eta} left, {wide_msg}";
        let bar = ProgressBar::new(turns);
        // The template is ours; a bar without it is a bar as well.
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar, left: time }
    }

    /// A comparison that takes that long begins.
    pub(crate) fn comparison(&mut self, what: &str, time: Duration) {
        if self.bar.is_hidden() {
            eprintln!("{what}; about {} left", HumanDuration(self.left));
        }
        self.left = self.left.saturating_sub(time);
    }

    /// One turn begins. The bar is drawn between turns only, so it costs no turn anything.
    pub(crate) fn turn(&self, what: String) {
        self.bar.set_message(what);
    }

    pub(crate) fn turn_is_over(&self) {
        self.bar.inc(1);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
