//! How an answer was read, for somebody who sets a bidder up: what each path, pattern and expression finds in it.

use script::answer::{Answer as Read, Format};
use serde_json::Value;

use super::Answer;
use crate::rtb_target::RtbTarget;

/// What one reading of a chain finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The chain: `amount`.
    pub field: &'static str,
    /// The path, pattern or expression.
    pub source: String,
    /// What it finds, as text; `None` is nothing.
    pub value: Option<String>,
    /// Why an expression has no value.
    pub error: Option<String>,
}

/// An answer as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// `json`, `xml`, `form` or `text`.
    pub format: &'static str,
    /// The tree in which paths and expressions look.
    pub tree: Value,
    /// Every reading, in order.
    pub found: Vec<Found>,
}

/// How an answer was read; `None` when it cannot be read at all.
pub fn explain(bidder: &RtbTarget, answer: Answer<'_>) -> Option<Explanation> {
    let read = Read::read(answer.status, answer.headers, answer.body).ok()?;
    let each = bidder.answer.chains().into_iter().flat_map(|(field, chain)| {
        let read = &read;
        chain.iter().map(move |reading| {
            let (value, error) = match reading.find(read) {
                Ok(value) => (value.map(|value| value.shown()), None),
                Err(error) => (None, Some(error)),
            };
            Found { field, source: reading.source().to_owned(), value, error }
        })
    });
    let found = each.collect();
    let format = match read.format {
        Format::Json => "json",
        Format::Xml => "xml",
        Format::Form => "form",
        Format::Text => "text",
    };
    Some(Explanation { format, tree: read.tree, found })
}
