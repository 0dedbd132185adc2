//! Drawing: boxes with text that fits, and lines between them.

use std::fmt::Write as _;

use super::mark::{Mark, Tone};
use crate::markup::escape;

/// The width of every drawing, in its own units.
pub(super) const WIDTH: i32 = 1120;

/// The kinds of text: their classes in the style sheet and about how wide a character is, in tenths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// The name of a box.
    Name,
    /// More about it.
    More,
    /// Ids and addresses.
    Code,
    /// A caption above boxes.
    Caption,
}

impl Type {
    fn class(self) -> &'static str {
        match self {
            Self::Name => "tn",
            Self::More => "tm",
            Self::Code => "tc",
            Self::Caption => "tk",
        }
    }

    fn tenths(self) -> i32 {
        match self {
            Self::Name => 80,
            Self::More => 68,
            Self::Code => 72,
            Self::Caption => 82,
        }
    }
}

/// A box: where it stands, what it says, and what the report says of it.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) lines: Vec<(Type, String)>,
    pub(super) mark: &'a Mark,
}

/// The height of a line of text in a box.
const LINE: i32 = 18;

impl Node<'_> {
    /// Its height: its lines, and one for what the report says.
    pub(super) fn height(&self) -> i32 {
        height(self.lines.len())
    }
}

/// The height of a box with so many lines.
pub(super) fn height(lines: usize) -> i32 {
    LINE * (i32::try_from(lines).unwrap_or(0) + 1) + 16
}

/// A drawing that grows.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    out: String,
}

impl Drawing {
    /// The whole, with its title for those who do not see it.
    pub(super) fn finish(self, id: &str, height: i32, title: &str) -> String {
        format!(
            "<div class=\"drawing\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}\">\
             <title id=\"{id}\">{}</title>\n{}</svg></div>\n",
            escape(title),
            self.out
        )
    }

    /// Adds what another drawing holds, above what is here.
    pub(super) fn append(&mut self, other: Self) {
        self.out.push_str(&other.out);
    }

    /// Text from `x` on, in at most `width`.
    pub(super) fn text(&mut self, x: i32, y: i32, width: i32, kind: Type, value: &str) {
        let class = kind.class();
        let _ = writeln!(self.out, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", fitted(value, width, kind));
    }

    /// Text around `x`.
    pub(super) fn centred(&mut self, x: i32, y: i32, width: i32, kind: Type, value: &str) {
        let class = kind.class();
        let text = fitted(value, width, kind);
        let _ = writeln!(self.out, "<text x=\"{x}\" y=\"{y}\" class=\"{class} mid\">{text}</text>");
    }

    /// A shape around a point.
    pub(super) fn shape(&mut self, x: i32, y: i32, tone: Tone) {
        let name = tone.name();
        let (x, y) = (x - 9, y - 9);
        let _ = writeln!(
            self.out,
            "<use href=\"#m-{name}\" x=\"{x}\" y=\"{y}\" width=\"18\" height=\"18\" class=\"shape {name}\"/>"
        );
    }

    /// A frame around boxes.
    pub(super) fn frame(&mut self, x: i32, y: i32, width: i32, height: i32) {
        let _ = writeln!(
            self.out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"10\" class=\"frame\"/>"
        );
    }

    /// A box.
    pub(super) fn node(&mut self, node: &Node<'_>) {
        let Node { x, y, width, lines, mark } = node;
        let tone = mark.tone.name();
        let _ = writeln!(
            self.out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" rx=\"8\" class=\"box {tone}\"/>",
            node.height()
        );
        let mut base = y + 22;
        for (at, (kind, text)) in lines.iter().enumerate() {
            // The shape stands at the end of the first line.
            let room = width - 24 - if at == 0 { 22 } else { 0 };
            self.text(x + 12, base, room, *kind, text);
            base += LINE;
        }
        self.shape(x + width - 18, y + 17, mark.tone);
        let words = fitted(&mark.words, width - 24, Type::Name);
        let _ = writeln!(self.out, "<text x=\"{}\" y=\"{base}\" class=\"tw {tone}\">{words}</text>", x + 12);
    }

    /// An arrow through points; one that is blocked is broken and carries the shape of a failure.
    pub(super) fn arrow(&mut self, from: (i32, i32), to: (i32, i32), tone: Tone) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let bend = (x2 - x1) / 2;
        let class = tone.name();
        let _ = writeln!(
            self.out,
            "<path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\" class=\"arrow {class}\" marker-end=\"url(#head)\"/>",
            x1 + bend,
            x2 - bend
        );
        if matches!(tone, Tone::Fail | Tone::Warn | Tone::Unknown | Tone::Accepted) {
            self.shape(x1.midpoint(x2), y1.midpoint(y2), tone);
        }
    }

    /// An arrow straight down.
    pub(super) fn down(&mut self, x: i32, from: i32, to: i32, tone: Tone) {
        let class = tone.name();
        let _ = writeln!(self.out, "<path d=\"M{x} {from}V{to}\" class=\"arrow {class}\" marker-end=\"url(#head)\"/>");
    }
}

/// The head of arrows, once per page.
pub(super) const HEAD: &str = "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs><marker id=\"head\" \
     viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\">\
     <path d=\"M0 0l8 4-8 4z\" class=\"head\"/></marker></defs></svg>\n";

/// Text that fits, and all of it for those who point at it.
fn fitted(value: &str, width: i32, kind: Type) -> String {
    let value = value.replace('\n', " ");
    let room = usize::try_from(width * 10 / kind.tenths()).unwrap_or(0).max(1);
    if value.chars().count() <= room {
        return escape(&value);
    }
    // The end of a name tells two apart as often as its beginning.
    let tail = room / 3;
    let head: String = value.chars().take(room - tail - 1).collect();
    let skip = value.chars().count() - tail;
    let end: String = value.chars().skip(skip).collect();
    format!("{}…{}<title>{}</title>", escape(&head), escape(&end), escape(&value))
}
