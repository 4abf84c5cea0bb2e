//! Exact decimal numbers for expressions: nine digits after the point, never a float.

use std::fmt;

/// Digits after the point.
const PLACES: usize = 9;
/// Billionths in one.
const ONE: i128 = 1_000_000_000;
/// Largest power of ten in a number as JSON writes it.
const MAX_EXPONENT: i32 = 400;

/// A number in billionths, up to about 10²⁹. Digits beyond the ninth place are cut off toward zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// So many whole ones.
    pub const fn whole(number: i64) -> Self {
        Self(number as i128 * ONE)
    }

    /// Reads `12`, `-12.50`, `1.5e3`: JSON's forms. `None` for everything else, and for what does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?)
            }
            None => (text, 0_i32),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let sound = !whole.is_empty() && all_digits(whole) && all_digits(fraction) && !digits.ends_with('.');
        if !sound || exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let wanted = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(9)?;
        let mut written = whole.bytes().chain(fraction.bytes());
        let mut size: i128 = 0;
        for _ in 0..wanted.max(0) {
            let digit = written.next().map_or(0, |byte| i128::from(byte - b'0'));
            size = size.checked_mul(10)?.checked_add(digit)?;
        }
        Some(Self(if negative { -size } else { size }))
    }

    /// In millionths, cut off toward zero; `None` when that does not fit in 64 bits.
    pub fn micros(self) -> Option<i64> {
        i64::try_from(self.0 / 1_000).ok()
    }

    /// The whole number, when it is one and fits.
    pub fn as_whole(self) -> Option<i64> {
        (self.0 % ONE == 0).then(|| i64::try_from(self.0 / ONE).ok())?
    }

    /// Whether it is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(crate) fn sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    pub(crate) fn neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Cut off toward zero at the ninth place. The whole parts are multiplied apart, so that no product that fits is refused.
    pub(crate) fn mul(self, other: Self) -> Option<Self> {
        let (whole, part) = (other.0 / ONE, other.0 % ONE);
        let of_whole = self.0.checked_mul(whole)?;
        let (own_whole, own_part) = (self.0 / ONE, self.0 % ONE);
        let of_part = own_whole.checked_mul(part)?.checked_add(own_part * part / ONE)?;
        of_whole.checked_add(of_part).map(Self)
    }

    /// Cut off toward zero at the ninth place; `None` for a division by nothing.
    pub(crate) fn div(self, other: Self) -> Option<Self> {
        self.0.checked_mul(ONE)?.checked_div(other.0).map(Self)
    }

    pub(crate) fn rem(self, other: Self) -> Option<Self> {
        self.0.checked_rem(other.0).map(Self)
    }

    /// To so many places (0 to 9), halves away from zero.
    pub(crate) fn round(self, places: u32) -> Option<Self> {
        let unit = 10_i128.checked_pow(9_u32.checked_sub(places)?)?;
        let half = if self.0 < 0 { -(unit / 2) } else { unit / 2 };
        Some(Self(self.0.checked_add(half)? / unit * unit))
    }

    pub(crate) fn floor(self) -> Option<Self> {
        self.0.div_euclid(ONE).checked_mul(ONE).map(Self)
    }
}

impl fmt::Display for Decimal {
    /// Without needless zeros: `12.5`, `90`, `-0.000001`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let (whole, part) = (size / ONE.unsigned_abs(), size % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = format!("{part:0PLACES$}");
        match fraction.trim_end_matches('0') {
            "" => write!(formatter, "{sign}{whole}"),
            shown => write!(formatter, "{sign}{whole}.{shown}"),
        }
    }
}

/// `1,250.75` without its comma. A comma anywhere else is a decimal comma, or a mistake, and is not guessed at.
pub fn without_thousands(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.trim_start_matches('-').split(',');
    let first_is_sound = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let sound = first_is_sound && groups.all(|group| group.len() == 3) && !rest.contains(',');
    sound.then(|| text.replace(',', ""))
}
