//! The documents of a text, from the fast reader where it understands the text and from the parser elsewhere.

use super::inline::NotPlain;
use super::lines::LineReader;
use super::node::Document;
use super::parsed::ParsedDocuments;
use crate::manifest::unreadable::Unreadable;

/// Iterates over the documents of a text.
pub(in crate::manifest) struct Documents<'t> {
    text: &'t str,
    reader: Reader<'t>,
    /// Documents returned so far.
    returned: usize,
}

enum Reader<'t> {
    Lines(LineReader<'t>),
    Parser(Box<ParsedDocuments<'t>>),
}

impl<'t> Documents<'t> {
    pub(in crate::manifest) fn of(text: &'t str) -> Self {
        let reader = match LineReader::of(text) {
            Ok(lines) => Reader::Lines(lines),
            Err(NotPlain) => Reader::Parser(Box::new(ParsedDocuments::of(text))),
        };
        Self { text, reader, returned: 0 }
    }

    fn next_document(&mut self) -> Result<Option<Document<'t>>, Unreadable> {
        if let Reader::Lines(lines) = &mut self.reader {
            match lines.next_document() {
                Ok(document) => return Ok(document),
                Err(NotPlain) => self.reader = Reader::Parser(Box::new(self.parser_from_here()?)),
            }
        }
        match &mut self.reader {
            Reader::Parser(parser) => parser.next_document(),
            Reader::Lines(_) => Ok(None),
        }
    }

    /// A parser that has skipped the documents already returned.
    fn parser_from_here(&self) -> Result<ParsedDocuments<'t>, Unreadable> {
        let mut parser = ParsedDocuments::of(self.text);
        for _ in 0..self.returned {
            parser.next_document()?;
        }
        Ok(parser)
    }
}

impl<'t> Iterator for Documents<'t> {
    type Item = Result<Document<'t>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.next_document().transpose();
        self.returned += 1;
        document
    }
}

/// Compares the line reader with the parser. Returns how many documents the line reader read, and whether it gave up.
///
/// # Panics
/// When the two read a document differently.
pub(in crate::manifest) fn check_readers(text: &str) -> (usize, bool) {
    let Ok(mut lines) = LineReader::of(text) else { return (0, true) };
    let mut parser = ParsedDocuments::of(text);
    let mut read = 0;
    loop {
        match lines.next_document() {
            Err(NotPlain) => return (read, true),
            Ok(document) => {
                let nodes = |document: Document<'_>| format!("{:#?}", document.nodes);
                let parsed = parser.next_document();
                let is_same = matches!((&document, &parsed), (Some(ours), Ok(Some(parsed))) if ours.nodes == parsed.nodes)
                    || matches!((&document, &parsed), (None, Ok(None)));
                assert!(
                    is_same,
                    "{text:?}\nlines: {:?}\nparser: {:?}",
                    document.map(nodes),
                    parsed.map(|parsed| parsed.map(nodes))
                );
                let Some(_) = parsed.unwrap_or_default() else { return (read, false) };
                read += 1;
            }
        }
    }
}
