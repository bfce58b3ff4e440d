//! Where the nodes of a text are, and what is refused before anything looks at them.

use super::*;
use crate::manifest::UnreadableReason;
use crate::manifest::position::Position;

fn only(text: &str) -> Document<'_> {
    let mut documents: Vec<_> = Documents::of(text).map(Result::unwrap).collect();
    assert_eq!(documents.len(), 1, "{text:?}");
    documents.remove(0)
}

fn reason(text: &str) -> UnreadableReason {
    Documents::of(text).find_map(Result::err).unwrap().reason
}

#[test]
fn spans_are_the_bytes_of_a_value_with_its_quotes_and_nothing_else() {
    for (text, value) in [
        ("k: v1.0.0", "v1.0.0"),
        ("k: v1.0.0   # comment", "v1.0.0"),
        ("k: 'v1.0.0' # comment", "'v1.0.0'"),
        ("k: \"v1.0.0\"\t# comment", "\"v1.0.0\""),
        ("k: &anchor v1.0.0\r\n", "v1.0.0"),
        ("k: !!str &anchor 'v1.0.0'\n", "'v1.0.0'"),
        ("k: &anchor !!str v1.0.0\n", "v1.0.0"),
        ("k:\n  v1.0.0\n", "v1.0.0"),
        ("{k: v1.0.0}", "v1.0.0"),
        ("{\"k\":v1.0.0 , a: b}", "v1.0.0"),
        ("\u{feff}k: v1.0.0", "v1.0.0"),
        ("clé 🌊: v1.0.0", "v1.0.0"),
        ("k: ", ""),
        ("k: &anchor\n", ""),
    ] {
        let document = only(text);
        let (_, id) = document.entries(NodeId::ROOT).next().unwrap();
        assert_eq!(&text[document.node(id).span.clone()], value, "{text:?}");
    }
}

#[test]
fn positions_count_characters_from_one() {
    for (text, line, column) in
        [("k: v", 1, 4), ("# ñ\nñ🌊: v", 2, 5), ("a: b\r\nk: v", 1, 4), ("\n\n  k:\n    v", 4, 5)]
    {
        let document = only(text);
        let (_, id) = document.entries(NodeId::ROOT).next().unwrap();
        assert_eq!(document.node(id).position, Position { line, column }, "{text:?}");
    }
}

#[test]
fn nothing_written_is_empty_text_and_a_tilde_is_a_tilde() {
    for (text, value) in [("k:", ""), ("k: ~", "~"), ("k: &a", ""), ("k: !!str", ""), ("k: ''", "")] {
        let document = only(text);
        let value_node = document.get(NodeId::ROOT, "k").unwrap();
        assert_eq!(document.text(value_node), Some(value), "{text:?}");
    }
}

#[test]
fn aliases_are_followed_and_children_skip_what_is_inside() {
    let document = only("a: &a {x: {y: 1}}\nb: *a\nc: [1, [2, 3], 4]");
    let deep = document.get_path(NodeId::ROOT, &["b", "x", "y"]).unwrap();
    assert_eq!(document.text(deep), Some("1"));
    let sequence = document.get(NodeId::ROOT, "c").unwrap();
    assert_eq!(document.children(sequence).count(), 3);
    assert_eq!(document.children(deep).count(), 0);
    assert_eq!(document.entries(sequence).count(), 0);
}

#[test]
fn effort_is_bounded() {
    assert_eq!(reason(&"[".repeat(101)), UnreadableReason::TooDeep);
    assert_eq!(reason(&format!("{}x", "- ".repeat(101))), UnreadableReason::TooDeep);
    assert_eq!(reason("&a [*a]"), UnreadableReason::AliasInItself);
    let level = |last, next| format!("{next}: &{next} [{}]\n", vec![format!("*{last}"); 10].join(", "));
    let levels = ('a'..'h').zip('b'..='h').map(|(last, next)| level(last, next));
    let bomb = format!("a: &a [x, x, x, x, x, x, x, x, x, x]\n{}", levels.collect::<String>());
    assert_eq!(reason(&bomb), UnreadableReason::TooManyAliases);
}

#[test]
fn many_valid_aliases_are_accepted() {
    let text = format!("a: &a [x, x]\nb: [{}]", vec!["*a"; 2_000].join(", "));
    assert_eq!(only(&text).nodes().len(), 2_000 + 7);
}
