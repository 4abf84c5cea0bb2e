//! Exact money: integer micro-units of a currency, never floats.
//!
//! One unit is a millionth of the currency's main unit, so 56.06 USD is 56 060 000. Additions that would overflow are
//! refused; divisions name their rounding.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Micro-units in one main unit.
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// Largest power of ten accepted in an amount: enough for every float, and it bounds the work.
const MAX_EXPONENT: i32 = 400;

/// An amount in micro-units. The currency stands beside it, on the campaign or the bidder.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with an optional sign and fraction.
    #[error("not an amount: expected digits such as 12.50")]
    Syntax,
    /// Beyond what 64 bits of micro-units hold (about 9.2 trillion), or an exponent beyond ±400.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many micro-units.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// So many main units.
    pub const fn from_units(units: i32) -> Self {
        Self(units as i64 * MICROS_PER_UNIT)
    }

    /// The amount in micro-units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a decimal such as `12.5`, `-0.000001` or `1.5e1` (JSON's number forms). Digits beyond the sixth place are
    /// cut off toward zero, so that nobody is charged more than was written.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (mantissa, exponent) = split_exponent(text)?;
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return Err(MoneyError::Syntax);
        }
        let mut micros: i64 = 0;
        let wanted = i32::try_from(whole.len()).map_err(|_| MoneyError::TooLarge)? + exponent + 6;
        let mut written = whole.bytes().chain(fraction.bytes());
        for _ in 0..wanted.max(0) {
            let digit = written.next().map_or(0, |byte| i64::from(byte - b'0'));
            micros = micros
                .checked_mul(10)
                .and_then(|value| value.checked_add(digit))
                .ok_or(MoneyError::TooLarge)?;
        }
        Ok(Self(if negative { -micros } else { micros }))
    }

    /// The sum, if it fits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, if it fits.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// A share in basis points (1/100 of a percent), rounded down to the micro-unit: the payer keeps the remainder.
    pub fn share(self, basis_points: u32) -> Self {
        let exact = i128::from(self.0) * i128::from(basis_points);
        Self(saturate(exact.div_euclid(10_000)))
    }

    /// The price of `seconds` at this amount per minute, rounded down to the micro-unit.
    pub fn per_minute(self, seconds: u32) -> Self {
        Self(saturate((i128::from(self.0) * i128::from(seconds)).div_euclid(60)))
    }
}

fn saturate(exact: i128) -> i64 {
    i64::try_from(exact).unwrap_or(if exact.is_negative() { i64::MIN } else { i64::MAX })
}

fn split_exponent(text: &str) -> Result<(&str, i32), MoneyError> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Ok((text, 0)) };
    let exponent: i32 = exponent.trim_start_matches('+').parse().map_err(|_| MoneyError::Syntax)?;
    if exponent.abs() > MAX_EXPONENT {
        return Err(MoneyError::TooLarge);
    }
    Ok((mantissa, exponent))
}

impl fmt::Display for Money {
    /// Two places at least, six at most: `12.50`, `0.000001`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (units, micros) = (magnitude / MICROS_PER_UNIT as u64, magnitude % MICROS_PER_UNIT as u64);
        let fraction = format!("{micros:06}");
        let trimmed = fraction.trim_end_matches('0');
        let shown = if trimmed.len() < 2 { &fraction[..2] } else { trimmed };
        write!(formatter, "{sign}{units}.{shown}")
    }
}

/// An ISO 4217 currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Currency {
    /// US dollar.
    #[default]
    USD,
    /// Canadian dollar.
    CAD,
    /// Euro.
    EUR,
    /// Pound sterling.
    GBP,
    /// Australian dollar.
    AUD,
}

impl Currency {
    /// The code, three capitals.
    pub const fn code(self) -> &'static str {
        match self {
            Self::USD => "USD",
            Self::CAD => "CAD",
            Self::EUR => "EUR",
            Self::GBP => "GBP",
            Self::AUD => "AUD",
        }
    }
}
