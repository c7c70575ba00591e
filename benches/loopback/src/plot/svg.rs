//! As much SVG as the plots need. The background is the page's, light or dark, so no colour is near
//! either end, and text follows the page.

use std::fmt::Write;

pub(crate) const WIDTH: f64 = 760.0;

const STYLE: &str = "\
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; fill: #57606a }
.title { font-size: 16px; font-weight: 600 }
.panel { font-weight: 600 }
.small { font-size: 11px }
.grid { stroke: #8b949e; stroke-opacity: 0.35 }
.mark { stroke: #57606a; stroke-width: 1.5; fill: none }
.other { fill: #6e87a8 }
.ours { fill: #c9762b }
@media (prefers-color-scheme: dark) { text { fill: #9ea7b3 } .mark { stroke: #c5ccd4 } }
";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Default)]
pub(crate) struct Svg {
    elements: String,
}

impl Svg {
    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.element(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
            escaped(text)
        ));
    }

    pub(crate) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        self.element(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             class=\"{class}\"/>"
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.element(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        ));
    }

    pub(crate) fn circle(&mut self, x: f64, y: f64, radius: f64, class: &str) {
        self.element(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" class=\"{class}\"/>"
        ));
    }

    /// Small lines of at most so many characters, broken between facts; tells how high they are.
    pub(crate) fn footer(&mut self, y: f64, text: &str) -> f64 {
        const CHARACTERS: usize = 120;
        const LINE: f64 = 15.0;
        let mut lines = vec![String::new()];
        for fact in text.split_inclusive(", ") {
            let is_full = lines
                .last()
                .is_some_and(|line| line.len() + fact.len() > CHARACTERS);
            if is_full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(fact);
            }
        }
        for (place, line) in lines.iter().enumerate() {
            let y = y + LINE * place as f64;
            self.text(16.0, y, Anchor::Start, "small", line.trim_end());
        }
        LINE * lines.len() as f64
    }

    pub(crate) fn finish(self, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" \
             width=\"{WIDTH:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{0}\">\n\
             <title>{0}</title>\n<style>\n{STYLE}</style>\n{1}</svg>\n",
            escaped(title),
            self.elements
        )
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = writeln!(self.elements, "{element}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
