//! JSONPath (RFC 9535) over a parsed answer, with limits.
//!
//! Recursive descent (`..`) is refused: on a 64 KB document a handful of nested descents costs seconds, and no bidder's
//! answer needs one.

use serde_json::Value;

/// Longest expression accepted, in bytes.
pub const MAX_LENGTH: usize = 256;

/// A checked JSONPath expression.
#[derive(Debug, Clone)]
pub struct JsonPath {
    source: String,
    path: serde_json_path::JsonPath,
}

/// Why an expression was refused when it was saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The expression is empty or longer than [`MAX_LENGTH`].
    #[error("a JSONPath has 1 to {MAX_LENGTH} characters, this one has {0}")]
    Length(usize),
    /// `..` was used.
    #[error("'..' (search at any depth) is not supported: name the path, for example $.bid.amount")]
    Descent,
    /// The grammar does not accept it.
    #[error("not a JSONPath: {0}")]
    Syntax(String),
}

impl JsonPath {
    /// Checks an expression such as `$.bid.amount`.
    pub fn parse(source: &str) -> Result<Self, PathError> {
        if source.is_empty() || source.len() > MAX_LENGTH {
            return Err(PathError::Length(source.len()));
        }
        if outside_quotes_contains_descent(source) {
            return Err(PathError::Descent);
        }
        let path =
            serde_json_path::JsonPath::parse(source).map_err(|error| PathError::Syntax(error.to_string()))?;
        Ok(Self { source: source.to_owned(), path })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first value the expression finds.
    pub fn first<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.path.query(document).first()
    }
}

fn outside_quotes_contains_descent(source: &str) -> bool {
    let mut quote = None;
    let mut previous = ' ';
    for character in source.chars() {
        match quote {
            Some(open) if character == open && previous != '\\' => quote = None,
            Some(_) => {}
            None if character == '\'' || character == '"' => quote = Some(character),
            None if character == '.' && previous == '.' => return true,
            None => {}
        }
        previous = character;
    }
    false
}
