//! A small language of expressions over an answer: `json.status == "success" && number(json.bid) >= 5`.
//!
//! ```text
//! expression  or [ "?" expression ":" expression ]
//! or          and { "||" and }
//! and         comparison { "&&" comparison }
//! comparison  sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum         product { ("+" | "-") product }
//! product     unary { ("*" | "/" | "%") unary }
//! unary       { "!" | "-" } postfix
//! postfix     primary { "." name | "[" expression "]" }
//! primary     number | "text" | 'text' | true | false | null | input | function "(" … ")" | "(" expression ")"
//! ```
//!
//! Inputs: `answer` (the body's tree, whatever it is written in), `json`, `xml` and `form` (the same when the body is written in
//! that, else `null`), `body` (its text), `status` and `headers`. Functions: see [`Function`].
//!
//! Numbers are exact decimals with nine places. `null` stands for whatever is not there: a field of it is `null`, it counts as
//! false, every order with it is false, and reckoning with it gives `null`. Nothing else is converted by itself: `"5" == 5` is
//! false, and `"5" + 1` is an error; `number("5")` is the number.
//!
//! What must stay true: an expression is bounded in length and depth, has no loops and reaches nothing but the answer; each part
//! is evaluated at most once and makes at most [`MAX_TEXT`] bytes of text, so evaluating one is bounded, too. It never panics,
//! and the same answer gives the same value.

mod evaluate;
mod parse;

use std::fmt;

use crate::answer::Answer;
use crate::value::Value;

/// Longest expression, bytes.
pub const MAX_LENGTH: usize = 1_000;
/// Most parts inside each other.
pub const MAX_DEPTH: usize = 32;
/// Most bytes of text that evaluating one expression may make.
pub const MAX_TEXT: usize = 256 * 1024;

/// A checked expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Node,
}

/// Why an expression was refused when it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The character at which it goes wrong, from 1.
    pub at: usize,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at character {}: {}", self.at, self.message)
    }
}
impl std::error::Error for SyntaxError {}

/// Why an expression has no value for this answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// An operation or function was given what it does not take.
    #[error("{what} takes {wanted}, and was given {given}")]
    Kind {
        /// The operation or function.
        what: &'static str,
        /// What it takes.
        wanted: &'static str,
        /// What it was given.
        given: &'static str,
    },
    /// A result is too large, or something was divided by nothing.
    #[error("{0} has no result: a number is too large, or divided by 0")]
    Arithmetic(&'static str),
    /// The texts it makes are too long.
    #[error("the texts become longer than {MAX_TEXT} bytes")]
    TooLong,
}

impl Expression {
    /// Checks an expression.
    ///
    /// # Errors
    /// Where it goes wrong, and why.
    pub fn parse(source: &str) -> Result<Self, SyntaxError> {
        parse::parse(source).map(|root| Self { root })
    }

    /// Its value for an answer.
    ///
    /// # Errors
    /// It has none.
    pub fn evaluate<'a>(&'a self, answer: &'a Answer<'_>) -> Result<Value<'a>, EvaluationError> {
        evaluate::evaluate(&self.root, answer)
    }
}

/// A part of an expression.
#[derive(Debug, Clone)]
enum Node {
    Null,
    Bool(bool),
    Number(crate::decimal::Decimal),
    Text(String),
    Input(Input),
    /// A field by its name.
    Field(Box<Node>, String),
    /// A field or a place in a list, by an expression.
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Minus(Box<Node>),
    /// `&&` and `||`: the second is looked at only when the first does not decide.
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Choice(Box<Node>, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

/// What an expression can look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Answer,
    Json,
    Xml,
    Form,
    Body,
    Status,
    Headers,
}

const INPUTS: [(&str, Input); 7] = [
    ("answer", Input::Answer),
    ("json", Input::Json),
    ("xml", Input::Xml),
    ("form", Input::Form),
    ("body", Input::Body),
    ("status", Input::Status),
    ("headers", Input::Headers),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    const fn written(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// The functions. Given `null` where they take text or a number, all but `coalesce`, `length`, `min` and `max` give `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    /// The first that is neither `null` nor an empty text.
    Coalesce,
    /// The number that a text holds, blanks around it and commas between thousands aside; `null` when it holds none.
    Number,
    /// The text of a number, of true or false.
    Text,
    /// In small letters.
    Lower,
    /// In capitals.
    Upper,
    /// Without blanks around it.
    Trim,
    /// `contains(text, part)`; of a list, whether it holds that.
    Contains,
    StartsWith,
    EndsWith,
    /// `replace(text, part, by)`.
    Replace,
    /// `split(text, by)`: at most 1,000 parts, the last with what is left.
    Split,
    /// `slice(text, from, characters)`: characters count from 0.
    Slice,
    /// Characters of a text, entries of a list or an object; of `null`, 0.
    Length,
    /// The smallest of several numbers; `null` counts for nothing.
    Min,
    /// The largest.
    Max,
    /// Without its sign.
    Abs,
    /// `round(number, places)`, halves away from zero; without places to a whole number.
    Round,
    /// The whole number below.
    Floor,
}

/// Each function with its name and how many values it takes.
const FUNCTIONS: [(&str, Function, std::ops::RangeInclusive<usize>); 18] = [
    ("coalesce", Function::Coalesce, 1..=16),
    ("number", Function::Number, 1..=1),
    ("text", Function::Text, 1..=1),
    ("lower", Function::Lower, 1..=1),
    ("upper", Function::Upper, 1..=1),
    ("trim", Function::Trim, 1..=1),
    ("contains", Function::Contains, 2..=2),
    ("starts_with", Function::StartsWith, 2..=2),
    ("ends_with", Function::EndsWith, 2..=2),
    ("replace", Function::Replace, 3..=3),
    ("split", Function::Split, 2..=2),
    ("slice", Function::Slice, 2..=3),
    ("length", Function::Length, 1..=1),
    ("min", Function::Min, 1..=16),
    ("max", Function::Max, 1..=16),
    ("abs", Function::Abs, 1..=1),
    ("round", Function::Round, 1..=2),
    ("floor", Function::Floor, 1..=1),
];

impl Function {
    fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, _)| *function == self).map_or("", |(name, _, _)| name)
    }
}
