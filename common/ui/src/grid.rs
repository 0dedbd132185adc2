//! Tables without lines, as kubectl prints them.

use comfy_table::{ContentArrangement, Row, Table, presets};

use crate::terminal::Terminal;

/// A table that fits the terminal.
pub(crate) fn new<T: Into<Row>>(header: T, terminal: &Terminal) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(terminal.width()).unwrap_or(80))
        .set_header(header);
    table
}

/// Its text, the header strong, no trailing blanks.
pub(crate) fn text(table: &mut Table, terminal: &Terminal) -> String {
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    let mut out = String::new();
    for (at, line) in table.lines().enumerate() {
        let line = line.trim_end();
        out.push_str(&if at == 0 { terminal.strong(line) } else { line.to_owned() });
        out.push('\n');
    }
    out
}
