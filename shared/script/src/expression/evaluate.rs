//! The value of an expression. Each part is visited at most once.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{EvaluationError, Function, Input, MAX_TEXT, Node, Operator};
use crate::answer::{Answer, Format};
use crate::decimal::Decimal;
use crate::value::Value;

/// Most parts of a text that is split.
const MAX_PARTS: usize = 1_000;

type Result<T> = std::result::Result<T, EvaluationError>;

pub(super) fn evaluate<'a>(root: &'a Node, answer: &'a Answer<'_>) -> Result<Value<'a>> {
    Evaluation { answer, text_left: MAX_TEXT }.value(root)
}

struct Evaluation<'a> {
    answer: &'a Answer<'a>,
    /// Bytes of text that may still be made.
    text_left: usize,
}

impl<'a> Evaluation<'a> {
    fn value(&mut self, node: &'a Node) -> Result<Value<'a>> {
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(yes) => Value::Bool(*yes),
            Node::Number(number) => Value::Number(*number),
            Node::Text(text) => Value::Text(Cow::Borrowed(text)),
            Node::Input(input) => self.input(*input),
            Node::Field(of, name) => field(self.value(of)?, name),
            Node::Index(of, index) => {
                let of = self.value(of)?;
                let index = self.value(index)?;
                indexed(of, &index)
            }
            Node::Not(of) => Value::Bool(!truth("!", &self.value(of)?)?),
            Node::Minus(of) => match number("-", &self.value(of)?)? {
                Some(number) => Value::Number(number.neg().ok_or(EvaluationError::Arithmetic("-"))?),
                None => Value::Null,
            },
            Node::And(left, right) => {
                Value::Bool(truth("&&", &self.value(left)?)? && truth("&&", &self.value(right)?)?)
            }
            Node::Or(left, right) => {
                Value::Bool(truth("||", &self.value(left)?)? || truth("||", &self.value(right)?)?)
            }
            Node::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.binary(*operator, &left, &right)?
            }
            Node::Choice(condition, yes, no) => {
                let chosen = if truth("?", &self.value(condition)?)? { yes } else { no };
                self.value(chosen)?
            }
            Node::Call(function, nodes) => {
                let mut values = Vec::with_capacity(nodes.len());
                for node in nodes {
                    values.push(self.value(node)?);
                }
                self.call(*function, values)?
            }
        })
    }

    fn input(&self, input: Input) -> Value<'a> {
        let answer = self.answer;
        match input {
            Input::Answer => Value::from(&answer.tree),
            Input::Json => Value::from(answer.tree_in(Format::Json)),
            Input::Xml => Value::from(answer.tree_in(Format::Xml)),
            Input::Form => Value::from(answer.tree_in(Format::Form)),
            Input::Body => Value::Text(Cow::Borrowed(&answer.text)),
            Input::Status => Value::Number(Decimal::whole(i64::from(answer.status))),
            Input::Headers => Value::Object(answer.headers()),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>> {
        let sign = operator.written();
        let order = |wanted: fn(Ordering) -> bool| -> Result<Value<'a>> {
            Ok(Value::Bool(compared(sign, left, right)?.is_some_and(wanted)))
        };
        match operator {
            Operator::Equal => Ok(Value::Bool(left == right)),
            Operator::NotEqual => Ok(Value::Bool(left != right)),
            Operator::Less => order(Ordering::is_lt),
            Operator::LessOrEqual => order(Ordering::is_le),
            Operator::Greater => order(Ordering::is_gt),
            Operator::GreaterOrEqual => order(Ordering::is_ge),
            Operator::Add if matches!((left, right), (Value::Text(_), Value::Text(_))) => {
                let (left, right) = (left.text().unwrap_or_default(), right.text().unwrap_or_default());
                self.made(format!("{left}{right}"))
            }
            Operator::Add => reckoned(sign, left, right, Decimal::add),
            Operator::Subtract => reckoned(sign, left, right, Decimal::sub),
            Operator::Multiply => reckoned(sign, left, right, Decimal::mul),
            Operator::Divide => reckoned(sign, left, right, Decimal::div),
            Operator::Remainder => reckoned(sign, left, right, Decimal::rem),
        }
    }

    fn call(&mut self, function: Function, values: Vec<Value<'a>>) -> Result<Value<'a>> {
        let what = function.name();
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or(Value::Null);
        match function {
            Function::Coalesce => {
                let there = |value: &Value<'_>| !value.is_null() && *value != Value::Text(Cow::Borrowed(""));
                let first = next();
                Ok(std::iter::once(first).chain(values).find(there).unwrap_or(Value::Null))
            }
            Function::Number => Ok(match next() {
                number @ Value::Number(_) => number,
                Value::Text(text) => number_in(&text).map_or(Value::Null, Value::Number),
                _ => Value::Null,
            }),
            Function::Text => match next() {
                Value::Null => Ok(Value::Null),
                text @ Value::Text(_) => Ok(text),
                other @ (Value::Number(_) | Value::Bool(_)) => self.made(other.shown()),
                other => Err(wrong(what, "text, a number, true or false", &other)),
            },
            Function::Length => {
                let length = match next() {
                    Value::Null => 0,
                    Value::Text(text) => text.chars().count(),
                    Value::List(list) => list.len(),
                    Value::Object(object) => object.len(),
                    Value::Parts(parts) => parts.len(),
                    other => return Err(wrong(what, "text, a list or an object", &other)),
                };
                Ok(Value::Number(Decimal::whole(i64::try_from(length).unwrap_or(i64::MAX))))
            }
            Function::Min | Function::Max => {
                let first = next();
                let mut best: Option<Decimal> = None;
                for value in std::iter::once(first).chain(values) {
                    let Some(number) = number(what, &value)? else { continue };
                    best = Some(match best {
                        None => number,
                        Some(best) if function == Function::Min => best.min(number),
                        Some(best) => best.max(number),
                    });
                }
                Ok(best.map_or(Value::Null, Value::Number))
            }
            Function::Abs | Function::Floor | Function::Round => {
                let (of, places) = (next(), next());
                let Some(of) = number(what, &of)? else { return Ok(Value::Null) };
                let result = match function {
                    Function::Abs if of.is_positive() => Some(of),
                    Function::Abs => of.neg(),
                    Function::Floor => of.floor(),
                    _ => {
                        let places = number(what, &places)?.unwrap_or(Decimal::whole(0)).as_whole();
                        places
                            .and_then(|places| u32::try_from(places).ok())
                            .and_then(|places| of.round(places))
                    }
                };
                result.map(Value::Number).ok_or(EvaluationError::Arithmetic(what))
            }
            Function::Contains => match next() {
                Value::List(list) => {
                    let wanted = next();
                    Ok(Value::Bool(list.iter().any(|entry| Value::from(entry) == wanted)))
                }
                Value::Parts(parts) => {
                    let wanted = next();
                    Ok(Value::Bool(parts.into_iter().any(|part| Value::Text(part) == wanted)))
                }
                text => test(what, &text, &next(), |text, part| text.contains(part)),
            },
            Function::StartsWith => {
                let text = next();
                test(what, &text, &next(), |text, part| text.starts_with(part))
            }
            Function::EndsWith => {
                let text = next();
                test(what, &text, &next(), |text, part| text.ends_with(part))
            }
            Function::Lower | Function::Upper | Function::Trim => {
                let Some(text) = text(what, next())? else { return Ok(Value::Null) };
                match function {
                    Function::Lower => self.made(text.to_lowercase()),
                    Function::Upper => self.made(text.to_uppercase()),
                    _ => self.made(text.trim().to_owned()),
                }
            }
            Function::Replace => {
                let (of, part, by) = (text(what, next())?, text(what, next())?, text(what, next())?);
                let (Some(of), Some(part), Some(by)) = (of, part, by) else { return Ok(Value::Null) };
                if part.is_empty() {
                    return Ok(Value::Text(of));
                }
                let times = of.matches(part.as_ref()).count();
                if times.saturating_mul(by.len()).saturating_add(of.len()) > self.text_left {
                    return Err(EvaluationError::TooLong);
                }
                self.made(of.replace(part.as_ref(), &by))
            }
            Function::Split => {
                let (of, by) = (text(what, next())?, text(what, next())?);
                let (Some(of), Some(by)) = (of, by) else { return Ok(Value::Null) };
                if by.is_empty() {
                    return Ok(Value::Parts(vec![of]));
                }
                self.spend(of.len())?;
                let parts = match of {
                    Cow::Borrowed(of) => of.splitn(MAX_PARTS, by.as_ref()).map(Cow::Borrowed).collect(),
                    Cow::Owned(of) => {
                        of.splitn(MAX_PARTS, by.as_ref()).map(|part| Cow::Owned(part.to_owned())).collect()
                    }
                };
                Ok(Value::Parts(parts))
            }
            Function::Slice => {
                let of = text(what, next())?;
                let (from, length) = (number(what, &next())?, number(what, &next())?);
                let Some(of) = of else { return Ok(Value::Null) };
                let size = |number: Option<Decimal>, usual: usize| match number {
                    None => Ok(usual),
                    Some(number) => number
                        .as_whole()
                        .and_then(|number| usize::try_from(number).ok())
                        .ok_or(EvaluationError::Arithmetic(what)),
                };
                let (from, length) = (size(from, 0)?, size(length, usize::MAX)?);
                self.made(of.chars().skip(from).take(length).collect())
            }
        }
    }

    /// A text that was made, if there may be so much.
    fn made(&mut self, text: String) -> Result<Value<'a>> {
        self.spend(text.len())?;
        Ok(Value::Text(Cow::Owned(text)))
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.text_left = self.text_left.checked_sub(bytes).ok_or(EvaluationError::TooLong)?;
        Ok(())
    }
}

fn wrong(what: &'static str, wanted: &'static str, given: &Value<'_>) -> EvaluationError {
    EvaluationError::Kind { what, wanted, given: given.kind() }
}

fn truth(what: &'static str, value: &Value<'_>) -> Result<bool> {
    match value {
        Value::Bool(yes) => Ok(*yes),
        Value::Null => Ok(false),
        other => Err(wrong(what, "true or false", other)),
    }
}

fn number(what: &'static str, value: &Value<'_>) -> Result<Option<Decimal>> {
    match value {
        Value::Number(number) => Ok(Some(*number)),
        Value::Null => Ok(None),
        other => Err(wrong(what, "a number", other)),
    }
}

fn text<'a>(what: &'static str, value: Value<'a>) -> Result<Option<Cow<'a, str>>> {
    match value {
        Value::Text(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        other => Err(wrong(what, "text", &other)),
    }
}

fn test<'a>(
    what: &'static str,
    of: &Value<'_>,
    part: &Value<'_>,
    passes: fn(&str, &str) -> bool,
) -> Result<Value<'a>> {
    match (of, part) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Bool(false)),
        (Value::Text(of), Value::Text(part)) => Ok(Value::Bool(passes(of, part))),
        (Value::Text(_), other) | (other, _) => Err(wrong(what, "text", other)),
    }
}

/// The order of two values of one kind; with nothing there is none.
fn compared(sign: &'static str, left: &Value<'_>, right: &Value<'_>) -> Result<Option<Ordering>> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(None),
        (Value::Number(left), Value::Number(right)) => Ok(Some(left.cmp(right))),
        (Value::Text(left), Value::Text(right)) => Ok(Some(left.cmp(right))),
        (Value::Number(_) | Value::Text(_), other) => Err(wrong(sign, "two numbers or two texts", other)),
        (other, _) => Err(wrong(sign, "two numbers or two texts", other)),
    }
}

fn reckoned<'a>(
    sign: &'static str,
    left: &Value<'_>,
    right: &Value<'_>,
    with: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Value<'a>> {
    let (Some(left), Some(right)) = (number(sign, left)?, number(sign, right)?) else {
        return Ok(Value::Null);
    };
    with(left, right).map(Value::Number).ok_or(EvaluationError::Arithmetic(sign))
}

/// `1,250.75` and ` 12 `; nothing else around the digits.
fn number_in(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    if !text.contains(',') {
        return Decimal::parse(text);
    }
    crate::decimal::without_thousands(text).and_then(|text| Decimal::parse(&text))
}

fn field<'a>(of: Value<'a>, name: &str) -> Value<'a> {
    match of {
        Value::Object(object) => object.get(name).map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

fn indexed<'a>(of: Value<'a>, index: &Value<'_>) -> Value<'a> {
    let place = match index {
        Value::Text(name) => return field(of, name),
        Value::Number(number) => number.as_whole().and_then(|place| usize::try_from(place).ok()),
        _ => None,
    };
    let Some(place) = place else { return Value::Null };
    match of {
        Value::List(list) => list.get(place).map_or(Value::Null, Value::from),
        Value::Parts(parts) => parts.into_iter().nth(place).map_or(Value::Null, Value::Text),
        _ => Value::Null,
    }
}
