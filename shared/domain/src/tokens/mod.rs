//! Tokens in templates: `[tag:InboundNumber:State]`, `[Call:InboundCallId]`, `{callerId}`, with alternatives `[a|b|'c']`.
//!
//! The first alternative that is not empty counts; the last one may be a word in single quotes. What must stay true: a value
//! is escaped for the place it stands in, so that no value breaks a template's syntax, and is never read for tokens again.
//! What cannot be filled is empty; what is not a token at all (a JSON list, say) stays as it is.

mod catalogue;
mod escape;
mod facts;

pub use catalogue::{is_own_tag, names};
pub use escape::Place;
pub use facts::{
    BidFacts, BuyerFacts, CallFacts, CallerFacts, CampaignFacts, DialledFacts, Facts, GeoFacts,
    PublisherFacts, ShownNumber, StepFacts, TargetFacts, VisitorFacts,
};

use catalogue::Source;

/// Longest name of a token, bytes.
const MAX_NAME: usize = 128;

/// Room that is kept for a token's value, bytes.
const USUAL_VALUE: usize = 16;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Token {
        /// With its brackets.
        written: String,
        /// The first that is not empty counts.
        alternatives: Vec<Alternative>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Alternative {
    /// A token that we can fill.
    Known(Source),
    /// A word in quotes.
    Word(String),
    /// Looks like a token, but is none of ours.
    Unknown(String),
}

/// A token that we cannot fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownToken {
    /// As it is written.
    pub written: String,
    /// What may have been meant.
    pub meant: Option<String>,
}

impl UnknownToken {
    /// What is wrong, for people.
    pub fn text(&self) -> String {
        match &self.meant {
            Some(meant) => {
                format!("'{}' is not a token we can fill: did you mean {meant}?", self.written)
            }
            None => format!("'{}' is not a token we can fill", self.written),
        }
    }
}

impl Template {
    /// Reads a template; every text is one.
    pub fn parse(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find(['[', '{']) {
            let (before, from_open) = rest.split_at(open);
            plain.push_str(before);
            let token = if from_open.starts_with('[') { token_at(from_open) } else { macro_at(from_open) };
            let length = match token {
                Some((alternatives, length)) => {
                    if !plain.is_empty() {
                        segments.push(Segment::Text(std::mem::take(&mut plain)));
                    }
                    let written = from_open.get(..length).unwrap_or_default().to_owned();
                    segments.push(Segment::Token { written, alternatives });
                    length
                }
                None => {
                    plain.push_str(from_open.get(..1).unwrap_or_default());
                    1
                }
            };
            rest = from_open.get(length..).unwrap_or_default();
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            segments.push(Segment::Text(plain));
        }
        Self(segments)
    }

    /// Tokens that are not in the catalogue. A tag of a visit's own (`tag:User:…`) is always known. Text in braces is reported
    /// only when it is nearly one of the macros: JSON is full of braces.
    pub fn unknown(&self) -> Vec<UnknownToken> {
        let mut unknown = Vec::new();
        for segment in &self.0 {
            match segment {
                Segment::Token { alternatives, .. } => {
                    unknown.extend(alternatives.iter().filter_map(|alternative| match alternative {
                        Alternative::Unknown(name) => Some(UnknownToken {
                            written: format!("[{name}]"),
                            meant: catalogue::nearest(name),
                        }),
                        Alternative::Known(_) | Alternative::Word(_) => None,
                    }));
                }
                Segment::Text(text) => unknown.extend(misspelt_macros(text)),
            }
        }
        unknown
    }

    /// The tokens for which these facts have no value, as they are written, each once.
    pub fn unresolved(&self, facts: &Facts) -> Vec<String> {
        let mut empty: Vec<String> = Vec::new();
        for (written, alternatives) in self.tokens() {
            if value_of(alternatives, facts).is_none() && !empty.iter().any(|known| known == written) {
                empty.push(written.to_owned());
            }
        }
        empty
    }

    /// Whether there is any token in it.
    pub fn has_tokens(&self) -> bool {
        self.tokens().next().is_some()
    }

    /// Fills the tokens for a place.
    pub fn render(&self, place: Place, facts: &Facts) -> String {
        self.filled(place, |alternatives| value_of(alternatives, facts).unwrap_or_default())
    }

    /// The same with one and the same value for all tokens: shows whether a template holds whatever they become.
    pub fn probe(&self, place: Place, value: &str) -> String {
        self.filled(place, |_| value.to_owned())
    }

    fn filled(&self, place: Place, value: impl Fn(&[Alternative]) -> String) -> String {
        let room = |segment: &Segment| match segment {
            Segment::Text(text) => text.len(),
            Segment::Token { .. } => USUAL_VALUE,
        };
        let mut out = String::with_capacity(self.0.iter().map(room).sum());
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Token { alternatives, .. } => place.escape(&value(alternatives), &mut out),
            }
        }
        out
    }

    fn tokens(&self) -> impl Iterator<Item = (&str, &[Alternative])> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Token { written, alternatives } => Some((written.as_str(), alternatives.as_slice())),
            Segment::Text(_) => None,
        })
    }
}

fn value_of(alternatives: &[Alternative], facts: &Facts) -> Option<String> {
    alternatives.iter().find_map(|alternative| match alternative {
        Alternative::Known(source) => source.fill(facts),
        Alternative::Word(word) => Some(word.clone()),
        Alternative::Unknown(_) => None,
    })
}

/// The token at the beginning of a text, and its length with both brackets.
fn token_at(text: &str) -> Option<(Vec<Alternative>, usize)> {
    let close = text.find(']')?;
    let inside = text.get(1..close)?;
    let written: Vec<&str> = inside.split('|').map(str::trim).collect();
    let last = written.len().checked_sub(1)?;
    let read = |(at, written): (usize, &&str)| alternative(written, at > 0 && at == last);
    let alternatives: Option<Vec<Alternative>> = written.iter().enumerate().map(read).collect();
    Some((alternatives?, close + 1))
}

fn alternative(written: &str, may_be_word: bool) -> Option<Alternative> {
    if may_be_word && let Some(word) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(Alternative::Word(word.to_owned()));
    }
    let sound = written.len() <= MAX_NAME
        && written.contains(':')
        && written.chars().all(|character| character.is_alphanumeric() || " :_-.".contains(character));
    if !sound {
        return None;
    }
    if let Some(source) = Source::find(written) {
        return Some(Alternative::Known(source));
    }
    let name = written.to_ascii_lowercase();
    let looks_right = name.starts_with("tag:") || name.starts_with("call:");
    looks_right.then(|| Alternative::Unknown(written.to_owned()))
}

/// The macro at the beginning of a text, and its length with both braces.
fn macro_at(text: &str) -> Option<(Vec<Alternative>, usize)> {
    let written = braced(text)?;
    let source = Source::find(written)?;
    Some((vec![Alternative::Known(source)], written.len()))
}

/// `{word}` at the beginning of a text.
fn braced(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('{')?;
    let length = inside.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'))?;
    (length > 0 && length <= MAX_NAME && inside.get(length..)?.starts_with('}'))
        .then(|| text.get(..length + 2))?
}

fn misspelt_macros(text: &str) -> Vec<UnknownToken> {
    let starts = text.match_indices('{').filter_map(|(at, _)| braced(text.get(at..)?));
    let misspelt = |written: &str| {
        Some(UnknownToken { written: written.to_owned(), meant: Some(catalogue::nearest(written)?) })
    };
    starts.filter_map(misspelt).collect()
}
