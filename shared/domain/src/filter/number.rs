//! Numbers in tags, compared exactly.

/// Digits after the point that count.
const FRACTION: usize = 18;
/// Most digits before it.
const WHOLE: usize = 18;

/// A decimal number, exact to 18 digits on both sides of its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(i128);

impl Number {
    /// Reads digits with an optional sign and an optional fraction, for example `-12.50`. Anything else, thousands
    /// separators and exponents among it, is no number.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let negative = text.starts_with('-');
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = whole.len() <= WHOLE && fraction.len() <= FRACTION;
        if !all_digits(whole) || !all_digits(fraction) || !fits {
            return None;
        }
        let size: i128 = format!("{whole}{fraction:0<FRACTION$}").parse().ok()?;
        Some(Self(if negative { -size } else { size }))
    }
}
