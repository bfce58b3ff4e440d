//! Marks in the text of a pull request: HTML comments that say how far Tidegate came with it.

/// Stands in the text until everything was given that is given once.
pub(in crate::engine) const OPENING: &str = "tidegate:opening";

/// Stands in the text of one that Tidegate closed, so that it is not taken for a refusal.
pub(in crate::engine) const CLOSED: &str = "tidegate:closed";

pub(in crate::engine) fn mark(name: &str) -> String {
    format!("<!-- {name} -->\n")
}

/// Whether a text has one of the marks.
pub(in crate::engine) fn has_mark(body: &str, name: &str) -> bool {
    body.contains(mark(name).trim_end())
}

/// The text with a mark.
pub(in crate::engine) fn marked(body: &str, name: &str) -> String {
    format!("{}{body}", mark(name))
}

/// The text without a mark.
pub(in crate::engine) fn unmarked(body: &str, name: &str) -> String {
    body.replace(&mark(name), "").replace(mark(name).trim_end(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_and_go() {
        let marked_body = marked("text\n", OPENING);
        assert!(has_mark(&marked_body, OPENING) && !has_mark(&marked_body, CLOSED));
        assert_eq!(unmarked(&marked_body, OPENING), "text\n");
        // As a forge's page sends it back.
        let windows = marked_body.replace('\n', "\r\n");
        assert!(has_mark(&windows, OPENING));
        assert!(!has_mark(&unmarked(&windows, OPENING), OPENING));
    }
}
