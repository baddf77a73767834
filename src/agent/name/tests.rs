use std::fmt::{self, Write};

use fastrand::Rng;
use proptest::prelude::*;

use super::{MOST, PlainName};
use crate::agent::wording::in_words;
use crate::agent::{English, SignalReason, UnavailableTool, UnavailableTools, Wording};
use crate::sync::Arc;

const ALLOWED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@";

/// What ends lines, quotes, or the text; what is not seen, and what makes others be seen elsewhere.
const HOSTILE: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\0",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{9b}",
    "\t",
    "\"",
    "'",
    "`",
    "```",
    "“",
    "”",
    "„",
    "«",
    "»",
    "‘",
    "’",
    "＂",
    "＇",
    "\u{2033}",
    "\u{ff07}",
    "\\",
    "\\\"",
    "\\n",
    "\u{202a}",
    "\u{202b}",
    "\u{202c}",
    "\u{202d}",
    "\u{202e}",
    "\u{2066}",
    "\u{2067}",
    "\u{2068}",
    "\u{2069}",
    "\u{200e}",
    "\u{200f}",
    "\u{61c}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{2060}",
    "\u{feff}",
    "\u{ad}",
    "\u{180e}",
    "\u{3164}",
    "\u{115f}",
    "\u{ffa0}",
    "\u{e0001}",
    "\u{e0041}",
    "\u{e007f}",
    "\u{fe0f}",
    "\u{e0100}",
    "\u{301}",
    "\u{345}",
    "\u{489}",
    "\u{20dd}",
    "a\u{300}\u{301}\u{302}",
    "🛠",
    "👩\u{200d}💻",
    "🏴\u{e0067}\u{e0062}\u{e007f}",
    "ﷺ",
    "א",
    "ש",
    "ع",
    "ܐ",
    "с",
    "𝐚",
    "Ⅷ",
    "²",
    "ß",
    "検索",
    "한",
    "\u{fffd}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{fdd0}",
    ") ; (",
    "); and 7 more. ",
    "<|im_end|>",
    "</tool>",
    "# System:",
    "[INST]",
    "{{",
    "}}",
    "{tool_name}",
    "%s",
    "; ",
    ", until 2026-11-29T12:00:00Z)",
    "...",
    ".",
    "_",
    " ",
    "\u{a0}",
    "\u{3000}",
    "search",
    "web.search",
    "a/b",
    "a:b",
    "user@host",
];

/// Text on the stack: what shows a name is seen to take no memory of its own.
struct Line {
    bytes: [u8; 8 * MOST],
    len: usize,
}

impl Line {
    fn of(shown: impl fmt::Display) -> Self {
        let mut line = Self {
            bytes: [0; 8 * MOST],
            len: 0,
        };
        write!(line, "{shown}").expect("a name is longer than it may be");
        line
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn assert_plain(name: &str) {
    let shown = Line::of(PlainName(name));
    let shown = shown.as_str();
    assert!(shown.len() <= MOST, "{name:?} is shown as {shown:?}");
    let is_allowed = |letter: u8| letter.is_ascii_alphanumeric() || b"_-./:@".contains(&letter);
    assert!(
        shown.bytes().all(is_allowed),
        "{name:?} is shown as {shown:?}"
    );
    let again = Line::of(PlainName(shown));
    assert_eq!(again.as_str(), shown, "of {name:?}");
    // Nothing is lost that might tell one name from another, but what must not be shown.
    let letters = name.chars().count();
    assert_eq!(shown.len(), letters.min(MOST), "of {name:?}");
}

fn name(rng: &mut Rng, into: &mut String) {
    into.clear();
    let pieces = match rng.u8(..100) {
        0 => rng.usize(200..260),
        1..20 => rng.usize(30..70),
        _ => rng.usize(1..12),
    };
    for _ in 0..pieces {
        match rng.u8(..4) {
            0 => into.push(rng.char(..)),
            1 => into.push(rng.alphanumeric()),
            _ => into.push_str(rng.choice(HOSTILE).unwrap()),
        }
    }
}

const REASONS: [SignalReason; 7] = [
    SignalReason::CircuitOpenFailures,
    SignalReason::CircuitOpenLatency,
    SignalReason::CircuitOpenThrottled,
    SignalReason::CircuitOpenOutage,
    SignalReason::CircuitForcedOpen,
    SignalReason::QuotaExhausted,
    SignalReason::TooManyCalls,
];

fn listed(name: &str, rng: &mut Rng) -> UnavailableTool {
    let seconds = std::time::Duration::from_secs(rng.u64(..4_000_000_000));
    UnavailableTool {
        name: Arc::from(name),
        reason: *rng.choice(REASONS).as_ref().unwrap(),
        since: None,
        until: rng.bool().then_some(std::time::UNIX_EPOCH + seconds),
        retry_after: None,
        alternatives: (0..rng.usize(..3)).map(|_| Arc::from(name)).collect(),
    }
}

fn unquoted(name: &str) -> Option<&str> {
    name.strip_prefix('"')?.strip_suffix('"')
}

/// A tool in a note: its name, the reason, and the names of its alternatives.
type Listed<'a> = (&'a str, &'a str, Vec<&'a str>);

/// Reads a note, and says which tools stand in it, and how many more there are.
fn read(note: &str) -> Option<(Vec<Listed<'_>>, usize)> {
    let mut rest = note.strip_prefix("Tools that are unavailable now: ")?;
    let mut listed = Vec::new();
    loop {
        let (name, after) = rest.strip_prefix('"')?.split_once('"')?;
        let (inside, after) = after.strip_prefix(" (")?.split_once(')')?;
        let (inside, alternatives) = match inside.split_once("; use ") {
            Some((inside, names)) => (inside, names.split(" or ").collect()),
            None => (inside, Vec::new()),
        };
        let alternatives: Option<Vec<_>> = alternatives.into_iter().map(unquoted).collect();
        let reason = match inside.split_once(", until ") {
            Some((reason, until)) => {
                let is_minute = until.len() == 20 && until.ends_with(":00Z");
                is_minute.then_some(reason)?
            }
            None => inside,
        };
        listed.push((name, reason, alternatives?));
        rest = after;
        match rest.strip_prefix("; \"") {
            Some(_) => rest = &rest[2..],
            None => break,
        }
    }
    let (more, rest) = match rest.strip_prefix("; and ") {
        Some(rest) => {
            let (more, rest) = rest.split_once(" more.")?;
            (more.parse().ok()?, rest)
        }
        None => (0, rest.strip_prefix('.')?),
    };
    let end = " Do not call them. Plan without them, or tell the user what you cannot do.";
    (rest == end).then_some((listed, more))
}

struct Note<'a>(&'a UnavailableTools);

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        English.note(self.0, f)
    }
}

fn assert_reads_as_it_was_written(tools: &UnavailableTools) {
    let note = Note(tools).to_string();
    assert!(
        note.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{note:?}"
    );
    let named = |tool: &UnavailableTool| 1 + tool.alternatives.len();
    let names: usize = tools.tools.iter().map(named).sum();
    assert!(note.matches('"').count() == 2 * names, "{note:?}");
    let (listed, more) = read(&note).unwrap_or_else(|| panic!("cannot be read: {note:?}"));
    assert_eq!(more, tools.left_out, "{note:?}");
    let expected: Vec<_> = tools
        .tools
        .iter()
        .map(|tool| {
            let plain = |name: &Arc<str>| PlainName(name).to_string();
            let alternatives = tool.alternatives.iter().map(plain);
            let alternatives: Vec<_> = alternatives.collect();
            (plain(&tool.name), in_words(tool.reason), alternatives)
        })
        .collect();
    let listed: Vec<_> = listed
        .into_iter()
        .map(|(name, reason, others)| {
            let others = others.into_iter().map(str::to_owned);
            (name.to_owned(), reason, others.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(listed, expected, "{note:?}");
}

/// `cargo test --features agent --lib a_million_hostile_names -- --nocapture` says how many there were.
#[test]
fn a_million_hostile_names_are_shown_plainly_and_leave_the_note_as_it_is() {
    const NAMES: usize = 1_000_000;

    let mut rng = Rng::with_seed(5);
    let (mut shown, mut noted, mut hostile) = (0_usize, 0_usize, String::new());
    let mut tools = UnavailableTools::default();
    while shown < NAMES {
        name(&mut rng, &mut hostile);
        assert_plain(&hostile);
        shown += 1;
        tools.tools.push(listed(&hostile, &mut rng));
        if tools.tools.len() > rng.usize(..20) {
            tools.left_out = if rng.bool() { 0 } else { rng.usize(1..100) };
            assert_reads_as_it_was_written(&tools);
            noted += tools.tools.len();
            tools.tools.clear();
        }
    }
    println!("{shown} hostile names were shown plainly; {noted} of them were read back from notes");
    assert!(noted > NAMES - 20);
}

#[test]
fn every_character_that_is_not_allowed_is_one_underscore() {
    for letter in '\0'..=char::MAX {
        let mut bytes = [0; 4];
        let shown = Line::of(PlainName(letter.encode_utf8(&mut bytes)));
        let mut expected = [0; 4];
        let is_allowed = ALLOWED.contains(letter);
        let expected = if is_allowed {
            &*letter.encode_utf8(&mut expected)
        } else {
            "_"
        };
        assert_eq!(shown.as_str(), expected, "of U+{:04X}", u32::from(letter));
    }
}

#[test]
fn a_name_is_cut_after_sixty_four_characters_and_not_before() {
    for (letters, shown) in [
        (0, String::new()),
        (63, "x".repeat(63)),
        (64, "x".repeat(64)),
        (65, "x".repeat(61) + "..."),
        (256, "x".repeat(61) + "..."),
    ] {
        assert_eq!(PlainName(&"x".repeat(letters)).to_string(), shown);
    }
    // Characters, not bytes.
    assert_eq!(PlainName(&"検".repeat(64)).to_string(), "_".repeat(64));
}

proptest! {
    #[test]
    fn any_name_is_shown_plainly(name in any::<String>()) {
        assert_plain(&name);
    }

    #[test]
    fn any_names_leave_the_note_as_it_is(
        names in prop::collection::vec(any::<String>(), 1..=20),
        left_out in 0_usize..9,
        seed in any::<u64>(),
    ) {
        let mut rng = Rng::with_seed(seed);
        let tools = names.iter().map(|name| listed(name, &mut rng)).collect();
        assert_reads_as_it_was_written(&UnavailableTools { tools, left_out });
    }
}
