//! As much of Markdown as the pages use: headings, links, fenced blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A page, by its path in the checkout.
pub(super) struct Page {
    pub name: String,
    pub text: String,
}

/// A fenced block of commands: `sh`, and what is said of it.
pub(super) struct Block {
    /// The number of its first line.
    pub line: usize,
    pub text: String,
    /// Why it is not run: `<!-- no-run: REASON -->` before a block that begins with `sh no-run`.
    pub no_run: Option<String>,
}

impl Page {
    pub fn read(root: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        Self { name, text: fs::read_to_string(path).unwrap() }
    }

    /// The lines outside of fenced blocks, with their numbers.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let mut lines = Vec::new();
        for (at, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                lines.push((at + 1, line));
            }
        }
        assert!(!fenced, "{}: a block without end", self.name);
        lines
    }

    /// The targets of its links, with their lines.
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            let line = without_code(line);
            let mut rest = line.as_str();
            while let Some((_, after)) = rest.split_once("](") {
                let Some((target, after)) = after.split_once(')') else { break };
                links.push((number, target.split_whitespace().next().unwrap_or_default().to_owned()));
                rest = after;
            }
        }
        links
    }

    /// The texts between backticks, with their lines.
    pub fn code_spans(&self) -> Vec<(usize, String)> {
        let spans = |(number, line): (usize, &str)| {
            let parts: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
            parts.into_iter().map(move |part| (number, part.replace("\\|", "|"))).collect::<Vec<_>>()
        };
        self.prose().into_iter().flat_map(spans).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        for (_, line) in self.prose() {
            let text = line.trim_start_matches('#');
            if text.len() == line.len() || !text.starts_with(' ') {
                continue;
            }
            let anchor = slug(&link_text(text));
            let count = seen.entry(anchor.clone()).or_default();
            anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
        anchors
    }

    /// The blocks that show what a command of ours prints, shortened or whole: the command, which stands before the block as
    /// `<!-- prints: ARGUMENTS -->`, and the block.
    pub fn prints(&self) -> Vec<(&str, &str)> {
        let blocks = self.text.split("<!-- prints: ").skip(1);
        blocks
            .map(|rest| {
                let (command, rest) = rest.split_once(" -->\n```text\n").unwrap();
                (command, rest.split_once("\n```").unwrap().0)
            })
            .collect()
    }

    /// Its blocks of commands.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut said = "";
        let mut lines = self.text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let text: Vec<&str> =
                    lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect();
                let words: Vec<&str> = info.split_whitespace().collect();
                if words.first() == Some(&"sh") {
                    let place = format!("{}:{}", self.name, at + 1);
                    let reason = said
                        .strip_prefix("<!-- no-run: ")
                        .and_then(|said| said.strip_suffix(" -->"))
                        .map(str::to_owned);
                    match words.get(1) {
                        None => assert!(reason.is_none(), "{place}: a reason not to run a block that is run"),
                        Some(&"no-run") => {
                            assert!(reason.is_some(), "{place}: no-run without `<!-- no-run: REASON -->`")
                        }
                        Some(other) => panic!("{place}: `sh {other}` says nothing"),
                    }
                    blocks.push(Block { line: at + 2, text: text.join("\n"), no_run: reason });
                }
                said = "";
            } else if !line.trim().is_empty() {
                said = line.trim();
            }
        }
        blocks
    }
}

impl Block {
    /// Its commands, each in one line, with the line where it begins. Comments are left out.
    pub fn commands(&self) -> Vec<(usize, String)> {
        let mut commands: Vec<(usize, String)> = Vec::new();
        let mut goes_on = false;
        for (at, line) in self.text.lines().enumerate() {
            let code = without_comment(line);
            let (part, more) = match code.strip_suffix('\\') {
                Some(part) => (part.trim(), true),
                None => (code.trim(), false),
            };
            match commands.last_mut() {
                Some((_, command)) if goes_on => *command = format!("{command} {part}"),
                _ if part.is_empty() => {}
                _ => commands.push((self.line + at, part.to_owned())),
            }
            goes_on = more;
        }
        commands
    }

    /// The exit code that a comment behind the command promises: `# exit code 1: …`; else 0.
    pub fn expected(&self, line: usize) -> i32 {
        let text = self.text.lines().skip(line - self.line);
        let mut command = String::new();
        for part in text {
            command.push_str(part);
            if !without_comment(part).ends_with('\\') {
                break;
            }
        }
        let promised = command.split_once("# exit code ").and_then(|(_, rest)| rest.chars().next()?.to_digit(10));
        promised.and_then(|code| code.try_into().ok()).unwrap_or(0)
    }

    /// Whether all that it does is to call Cargo.
    pub fn is_cargo(&self) -> bool {
        let commands = self.commands();
        !commands.is_empty() && commands.iter().all(|(_, command)| command.starts_with("cargo "))
    }
}

/// A line of shell without its comment and the blanks before it.
pub(super) fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, char) in line.char_indices() {
        match quote {
            Some(open) if char == open => quote = None,
            Some(_) => {}
            None if char == '\'' || char == '"' => quote = Some(char),
            None if char == '#' && before == ' ' => return line[..at].trim_end(),
            None => {}
        }
        before = char;
    }
    line.trim_end()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// A heading with its links as their text.
fn link_text(heading: &str) -> String {
    let mut text = heading.trim().to_owned();
    while let (Some(open), Some(middle)) = (text.find('['), text.find("](")) {
        let Some(end) = text[middle..].find(')') else { break };
        text = format!("{}{}{}", &text[..open], &text[open + 1..middle], &text[middle + end + 1..]);
    }
    text
}

fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|char| match char {
            ' ' => Some('-'),
            '-' | '_' => Some(char),
            _ if char.is_alphanumeric() => Some(char),
            _ => None,
        })
        .collect()
}

#[test]
fn what_is_read_of_markdown() {
    let page = Page {
        name: "x.md".into(),
        text: "# A `b`: [c](d.md)\n## Same\n## Same\n[one](a.md) `[two](b.md)` [three](c.md#x \"title\")\n\n\
               ```sh\nfirst \\\n  --flag # not this\n\n# nor this\necho '# this' # exit code 1: so\n```\n\
               <!-- no-run: because -->\n\n```sh no-run\nlast\n```\n```console\n$ shown\n```\n"
            .into(),
    };
    assert_eq!(page.anchors(), ["a-b-c", "same", "same-1"].map(str::to_owned).into());
    let links: Vec<String> = page.links().into_iter().map(|(_, link)| link).collect();
    assert_eq!(links, ["d.md", "a.md", "c.md#x"]);
    let blocks = page.blocks();
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0].commands(), [(7, "first --flag".to_owned()), (11, "echo '# this'".to_owned())]);
    assert_eq!((blocks[0].expected(7), blocks[0].expected(11)), (0, 1));
    assert_eq!((blocks[0].no_run.as_deref(), blocks[1].no_run.as_deref()), (None, Some("because")));
}
