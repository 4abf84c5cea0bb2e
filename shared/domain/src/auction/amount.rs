//! Amounts as bidders write them: numbers, texts, texts with a currency's sign or code.

use script::Value;
use script::decimal::without_thousands;

use crate::money::{Currency, Money};

/// What an amount says of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Nothing,
    Code(String),
    Dollar,
    Euro,
    Pound,
}

/// An amount with what it says of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub amount: Money,
    mark: Mark,
}

impl Written {
    /// Reads an amount: `12.5`, `"12.50"`, `"$1,250.75"`, `"USD 12.50"`, `"12.50 usd"`. `None` for everything else, a decimal
    /// comma and words around it among it.
    pub fn read(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Number(number) => {
                Some(Self { amount: Money::from_micros(number.micros()?), mark: Mark::Nothing })
            }
            Value::Text(text) => Self::of_text(text),
            _ => None,
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let (minus, text) = sign(text);
        let letters = |character: char| character.is_alphabetic() || "$€£".contains(character);
        let first_digit = text.find(|character: char| !letters(character) && !character.is_whitespace())?;
        let (before, rest) = text.split_at(first_digit);
        let (after_sign_minus, rest) = sign(rest);
        let end = rest.rfind(|character: char| character.is_ascii_digit())? + 1;
        let (digits, after) = rest.split_at(end);
        let marks = [before.trim(), after.trim()];
        let mut mark = Mark::Nothing;
        for written in marks.into_iter().filter(|mark| !mark.is_empty()) {
            let read = mark_of(written)?;
            // `$12.50 USD` says it twice; the code is the more exact word.
            mark = if matches!(mark, Mark::Nothing) || matches!(read, Mark::Code(_)) { read } else { mark };
        }
        let amount = Money::parse(&without_thousands(digits)?).ok()?;
        let negative = minus != after_sign_minus;
        let amount = if negative { Money::ZERO.checked_sub(amount)? } else { amount };
        Some(Self { amount, mark })
    }

    /// Whether it may be in this currency: it says nothing else.
    pub fn fits(&self, currency: Currency) -> bool {
        match &self.mark {
            Mark::Nothing => true,
            Mark::Code(code) => code.eq_ignore_ascii_case(currency.code()),
            Mark::Dollar => matches!(currency, Currency::USD | Currency::CAD | Currency::AUD),
            Mark::Euro => currency == Currency::EUR,
            Mark::Pound => currency == Currency::GBP,
        }
    }
}

/// A sign before an amount, and the rest.
fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text).trim_start()),
    }
}

fn mark_of(text: &str) -> Option<Mark> {
    match text.to_ascii_uppercase().as_str() {
        "$" => Some(Mark::Dollar),
        "€" => Some(Mark::Euro),
        "£" => Some(Mark::Pound),
        "US$" => Some(Mark::Code("USD".to_owned())),
        "CA$" | "C$" => Some(Mark::Code("CAD".to_owned())),
        "AU$" | "A$" => Some(Mark::Code("AUD".to_owned())),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Some(Mark::Code(code.to_owned()))
        }
        _ => None,
    }
}
