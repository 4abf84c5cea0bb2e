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
    /// The same, when it only goes down by names and indices: nearly every bidder's, and many times quicker to follow.
    steps: Option<Vec<Step>>,
}

/// One step down from a value.
#[derive(Debug, Clone)]
enum Step {
    Name(String),
    Index(usize),
}

impl Step {
    fn down<'a>(&self, from: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Name(name) => from.as_object()?.get(name),
            Self::Index(index) => from.as_array()?.get(*index),
        }
    }
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
        Ok(Self { source: source.to_owned(), path, steps: plain_steps(source) })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first value the expression finds.
    pub fn first<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        match &self.steps {
            Some(steps) => steps.iter().try_fold(document, |value, step| step.down(value)),
            None => self.path.query(document).first(),
        }
    }
}

/// The steps of a path such as `$.bids[0].amount`; `None` for one that says more than that.
fn plain_steps(source: &str) -> Option<Vec<Step>> {
    let mut rest = source.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => {
                let (index, after) = inside.split_once(']')?;
                let digits = index.bytes().all(|byte| byte.is_ascii_digit());
                (Step::Index(index.parse().ok().filter(|_| digits)?), after)
            }
            None => {
                let name = rest.strip_prefix('.')?;
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                (Step::Name(Some(name).filter(|name| plain && !name.is_empty())?.to_owned()), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
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
