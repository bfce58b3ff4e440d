//! Each parser must detect every difference that is not the edit, on texts that no edit would produce.

use super::*;

const OLD: &str = "tag: v1\nratio: 1.10\nlist: [a, b]\nmap: {x: y}\n";

type Check = fn(&[Document<'_>], &str, &Replacements) -> Result<(), EditRefused>;

fn first(old: &[Document<'_>], new_text: &str, replacements: &Replacements) -> Result<(), EditRefused> {
    by_first_parser(old, new_text, replacements).map(drop)
}

/// Runs `check` on `old` and `new`, where the first `v1` may become `v2`.
fn check(check: Check, old: &str, new: &str) -> Result<(), EditRefused> {
    let documents: Vec<_> = Documents::of(old).map(Result::unwrap).collect();
    let start = old.find("v1").unwrap();
    check(&documents, new, &Replacements::of_one(start..start + 2, "v2"))
}

#[test]
fn the_edit_itself_is_accepted() {
    for (old, new) in [
        (OLD, OLD.replace("v1", "v2")),
        ("tag: &t v1\nb: *t\n", "tag: &t v2\nb: *t\n".to_owned()),
        ("a: &m {tag: v1}\nb: *m\nc: [*m, *m]\n", "a: &m {tag: v2}\nb: *m\nc: [*m, *m]\n".to_owned()),
        ("a: 1\n---\ntag: v1\n---\n", "a: 1\n---\ntag: v2\n---\n".to_owned()),
        ("a: .nan\na: 2\n<<: {b: c}\ntag: v1\n", "a: .nan\na: 2\n<<: {b: c}\ntag: v2\n".to_owned()),
        ("!x {tag: v1, a: !y [!z b]}", "!x {tag: v2, a: !y [!z b]}".to_owned()),
        ("tag: v1\n? [a, {b: c}]\n: d\n", "tag: v2\n? [a, {b: c}]\n: d\n".to_owned()),
        ("\u{feff}a:\n  tag: v1\n", "\u{feff}a:\n  tag: v2\n".to_owned()),
    ] {
        assert_eq!(check(first, old, &new), Ok(()), "{old}");
        assert_eq!(check(by_second_parser, old, &new), Ok(()), "{old}");
    }
}

#[test]
fn both_parsers_refuse_any_other_difference() {
    let edited = OLD.replace("v1", "v2");
    for (new, what) in [
        (OLD.to_owned(), "the edit is missing"),
        (OLD.replace("v1", "v3"), "another tag"),
        (OLD.replace("v1", "2"), "a number in the place of the tag"),
        (OLD.replace("v1", "[v2]"), "a sequence in the place of the tag"),
        (edited.replace("1.10", "1.1"), "the same number in other letters"),
        (edited.replace("b]", "b, c]"), "a sequence is longer"),
        (edited.replace(", b]", "]"), "a sequence is shorter"),
        (edited.replace("[a, b]", "[b, a]"), "another order"),
        (edited.replace("x: y", "z: y"), "another key"),
        (edited.replace("x: y", "x: z"), "another value"),
        (edited.replace("{x: y}", "{}"), "an entry is missing"),
        (edited.replace("{x: y}", "[x, y]"), "a sequence instead of a mapping"),
        (edited.replace("{x: y}", ""), "nothing instead of a mapping"),
        (edited.replace("ratio: 1.10\n", ""), "a key is missing"),
        (format!("{edited}more: 1\n"), "an additional key"),
        (format!("{edited}---\n"), "an additional document"),
        (format!("---\n---\n{edited}"), "a document in front"),
        (String::new(), "no document"),
        (format!("{edited}: ]"), "not YAML"),
        ("ratio: 1.10\ntag: v2\nlist: [a, b]\nmap: {x: y}\n".to_owned(), "keys in another order"),
    ] {
        assert!(check(first, OLD, &new).is_err(), "first: {what}");
        assert!(check(by_second_parser, OLD, &new).is_err(), "second: {what}");
    }
}

#[test]
fn the_first_parser_compares_styles_tags_and_anchors() {
    for (old, new) in [
        ("tag: v1\na: 1.10\n", "tag: v2\na: \"1.10\"\n"),
        ("tag: v1\na: b\n", "tag: v2\na: !x b\n"),
        ("tag: v1\na: &a b\nc: *a\n", "tag: v2\na: &a b\nc: b\n"),
        ("tag: v1\na: b\n", "tag: v2\na: &a b\n"),
    ] {
        assert!(check(first, old, new).is_err(), "{new}");
    }
}

#[test]
fn a_key_that_would_move_is_refused() {
    let refused = check(by_second_parser, "tag: &t v1\n*t : x\n", "tag: &t v2\n*t : x\n");
    assert!(matches!(refused, Err(EditRefused::SecondParser(_))));
}

#[test]
fn a_tag_must_be_text_to_both() {
    let old = "tag: v1\n";
    let documents: Vec<_> = Documents::of(old).map(Result::unwrap).collect();
    let replacements = Replacements::of_one(5..7, "1.10");
    for (new, is_good) in [("tag: 1.10\n", false), ("tag: \"1.10\"\n", true), ("tag: !!str 1.10\n", false)] {
        let verified = verify(&documents, new, &replacements);
        assert_eq!(verified.is_ok(), is_good, "{new}");
    }
    assert!(by_second_parser(&documents, "tag: 1.10\n", &replacements).is_err());
}
