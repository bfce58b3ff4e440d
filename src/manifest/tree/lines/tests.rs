//! The invariant: what the line reader reads, it reads as the parser does.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::manifest::tree::documents::check_readers;

/// How many documents were read, and whether it was the whole text.
fn read(text: &str) -> (usize, bool) {
    let (documents, gave_up) = check_readers(text);
    (documents, !gave_up)
}

#[test]
fn plain_texts_are_read_and_as_the_parser_reads_them() {
    for (text, documents) in [
        ("", 0),
        ("# only a comment", 0),
        ("\n  \n\n", 0),
        ("a: b", 1),
        ("a: b\n", 1),
        ("a: b  \n\n", 1),
        ("a:\n", 1),
        ("a:  # nothing\nb: c # something\n", 1),
        ("---\na: b\n", 1),
        ("--- # first\na: b\n---\nc: d\n---   \n# and\n- e\n", 3),
        ("# before\n\na: b\n---\nc: d", 2),
        ("a:\n  b:\n    c: 1\n  d: 2\ne: 3\n", 1),
        ("a:\n  b:\n    c:\n", 1),
        ("a:\n  b:\n    c:\nd:\n", 1),
        ("a:\n      b: 1\n      c: 2\n", 1),
        ("- a\n- b: 1\n  c: 2\n- {d: e}\n- [f, g]\n- 'h'\n", 1),
        ("a:\n- b\n- c\nd: e\n", 1),
        ("a:\n  - b\n  - c\nd: e\n", 1),
        ("a:\n-   b: 1\n    c: 2\n-  d\n", 1),
        ("- a:\n  - b\n  - c: d\n    e:\n    - f\n- g:\n", 1),
        ("- a:\n    b: c\n- d:\n", 1),
        ("a:\n# comment\n  # comment\n      # comment\n  b: c\n   # comment\n", 1),
        ("a: 'b'\nc: \"d\"\n'e': f\n\"g\": h\n'i':\n  j: k\n", 1),
        ("- 'a': b\n- \"c\":\n    d: e\n", 1),
        ("a: {}\nb: []\nc: { }\nd: [ ]  # none\n", 1),
        ("a: {b: c, d: 'e', \"f\": [g, \"h\", -1, --i, http://j/k:l]}\n", 1),
        ("a: [[[]], {b: {c: d}}, e f  , g]\n", 1),
        ("a: b:c\nd: http://e/f:g\nh: --i\nj: -1\nk: ~\nl: a#b\nm: it's \"so\", [no] {flow}\n", 1),
        ("a b: c d\n./e: f\n$g: h\n<<: i\n=: j\n", 1),
        ("a: ñ 🌊 # ñ\n", 1),
        ("ñ: é # {ü}\nb: {c: d}\n", 1),
        ("a: -b\n", 1),
        ("a: ---\nb: ...\n", 1),
        ("- ---\n- ...\n", 1),
        ("a: <none>\nb: (c)\nd: a\\b\n", 1),
    ] {
        assert_eq!(read(text), (documents, true), "{text:?}");
    }
}

const NOT_PLAIN: &[&str] = &[
    "a",
    "- ",
    "-\n  a: b",
    "- - a",
    "a: b\n c",
    "a: b\n  c: d",
    "a:\n  b\n",
    "a:\n b: c\n  d: e\n",
    "a:\n  b: c\n d: e\n",
    " a: b",
    "a: b: c",
    "a: b:",
    "a: - b",
    "a:b",
    "a : b",
    "a: \"b\\n\"",
    "a: 'b''c'",
    "a: 'b",
    "a: 'b' c",
    "a: 'b'#c",
    "a: \"b\nc\"",
    "'a' : b",
    "'a':b",
    "a: {b: c",
    "a: {b}",
    "a: {b: }",
    "a: {b: c,}",
    "a: {b: c} d",
    "a: [b: c]",
    "ñ: [b]",
    "a: [ñ]",
    "a: [b] # ñ",
    "a: [b c: d]",
    "a: [b,\nc]",
    "a: ]",
    "a: [}",
    "{a: b}",
    "[a]",
    "a: &b c",
    "a: *b",
    "a: !b c",
    "a: |\n  b",
    "a: >-\n  b",
    "? a\n: b",
    "a: ? b",
    "a: @b",
    "a: `b`",
    "a: %b",
    "%YAML 1.2\n---\na: b",
    "a: b\n...\n",
    "...",
    "--- a: b",
    "---a: b",
    "---",
    "---\n---\na: b",
    "a: b\n---\n",
    "a:\tb",
    "\ta: b",
    "a: b\t# c",
    "a: b\r\nc: d\r\n",
    "\u{feff}a: b",
    "a: \u{0}",
    "a: \u{85}",
    "a: \u{2028}",
    "a: b # \u{feff}",
    "- a\nb: c",
    "a: b\n- c",
    "a:\n  - b\n  c: d",
    "-a: b",
    "a # b: c",
    "#: a\n- b\n#\n-",
];

#[test]
fn everything_else_is_left_to_the_parser() {
    for text in NOT_PLAIN {
        assert!(!read(text).1, "{text:?}");
    }
    let too_deep = format!("a: {}{}", "[".repeat(80), "]".repeat(80));
    assert!(!read(&too_deep).1);
    let stairs = (0..80).flat_map(|depth| [" ".repeat(depth), "a:\n".to_owned()]);
    let staircase: String = stairs.collect();
    assert!(!read(&staircase).1);
    assert!(!read(&format!("{}: b", "a".repeat(600))).1);
}

#[test]
fn documents_before_the_first_hard_one_are_read() {
    assert_eq!(read("a: b\n---\nc: d\n---\ne: |\n  f\n"), (2, false));
}

#[test]
fn the_golden_documents_are_read_by_both() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifest");
    let mut whole = 0;
    for case in std::fs::read_dir(golden).unwrap() {
        let input = case.unwrap().path().join("input.yaml");
        let Ok(text) = std::fs::read(input) else { continue };
        let Ok(text) = std::str::from_utf8(&text) else { continue };
        whole += usize::from(read(text).1);
    }
    assert!(whole > 40, "{whole}");
}

/// Pieces that texts are made of, and some that have no place in plain ones.
const PIECES: [&str; 42] = [
    "a", "bc", "key", "1.0", "a: b", "a:", "b:", ": ", ":", "- ", "-", "  ", " ", "    ", "\n", "\n  ",
    "\n- ", "\n  - ", "\n    ", "#", " # c", "---\n", "\n---\n", "'", "\"", "'x'", "\"y\"", "{", "}", "[",
    "]", ", ", ",", "{a: b}", "[a, b]", "ñ", "🌊", "~", "\\", "''", "&a ", "|",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order_are_read_by_both_alike(pieces in vec(select(&PIECES[..]), 0..24)) {
        check_readers(&pieces.concat());
    }

    #[test]
    fn entries_at_any_indentation_are_read_by_both_alike(
        lines in vec((0..5_usize, select(&ENTRIES[..])), 0..12),
        damage in vec((any::<Index>(), select(&PIECES[..])), 0..2),
    ) {
        let mut text: String = lines.iter().flat_map(|(depth, line)| [" ".repeat(*depth), format!("{line}\n")]).collect();
        for (at, piece) in damage {
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            text.insert_str(boundaries[at.index(boundaries.len())], piece);
        }
        check_readers(&text);
    }
}

const ENTRIES: [&str; 24] = [
    "a: b",
    "a:",
    "b: c # d",
    "b:  # d",
    "- a",
    "- a: b",
    "- a:",
    "-   a: b",
    "- 'a': b",
    "- {a: b}",
    "- [a, 'b'] # c",
    "\"a\": 'b'",
    "'a':",
    "a: {b: c, d: [e]}",
    "a: []",
    "# a",
    "",
    "---",
    "a: b c",
    "a: -1",
    "ñ: [é]",
    "- - a",
    "a: |",
    "word",
];
