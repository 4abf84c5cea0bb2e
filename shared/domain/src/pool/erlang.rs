//! How many numbers a pool needs: Erlang's loss formula. Visitors arrive by chance, each holds a number for a while, and who
//! finds none free goes without. How long exactly each holds it does not matter, only how long on average.

/// Traffic: how many numbers would be held on average if there were enough; thousandths of an erlang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load(u64);

/// Most traffic that is calculated with: 10,000 erlangs.
pub const MAX_LOAD: Load = Load(10_000_000);

impl Load {
    /// So many thousandths of an erlang, [`MAX_LOAD`] at most.
    pub fn of_thousandths(thousandths: u64) -> Self {
        Self(thousandths).min(MAX_LOAD)
    }

    /// Of sessions that begin (thousandths of one a minute) and hold a number for so long.
    pub fn of_sessions(thousandths_per_minute: u64, hold_s: u32) -> Self {
        Self::of_thousandths(thousandths_per_minute.saturating_mul(hold_s.into()) / 60)
    }

    /// Thousandths of an erlang.
    pub const fn thousandths(self) -> u64 {
        self.0
    }
}

/// A share of the visitors, in millionths: 10,000 is 1 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// One in a hundred.
pub const ONE_PERCENT: Share = Share(10_000);

const WHOLE: u32 = 1_000_000;

impl Share {
    /// So many millionths; `None` beyond all of them.
    pub fn of_millionths(millionths: u32) -> Option<Self> {
        (millionths <= WHOLE).then_some(Self(millionths))
    }

    /// Millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// For people: `1 %`, `0.1 %`.
    pub fn percent(self) -> String {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        let rest = format!("{rest:04}");
        match rest.trim_end_matches('0') {
            "" => format!("{whole} %"),
            rest => format!("{whole}.{rest} %"),
        }
    }
}

/// The share of visitors who find none of so many numbers free.
pub fn overflow(load: Load, numbers: u32) -> Share {
    let odds = odds(load).nth(usize::try_from(numbers).unwrap_or(usize::MAX)).unwrap_or_default();
    share(odds)
}

/// How many numbers it takes for at most this share to find none free; at least a millionth, so that the answer is finite.
pub fn numbers_for(load: Load, at_most: Share) -> u32 {
    if load.0 == 0 {
        return 0;
    }
    let wanted = chance(Share(at_most.0.max(1)));
    let enough = odds(load).position(|odds| odds <= wanted);
    enough.and_then(|numbers| u32::try_from(numbers).ok()).unwrap_or(u32::MAX)
}

/// The chance to find none free with no number, with one, with two, and so on. Each follows from the one before; all of them lie
/// between 0 and 1, and the step makes an error smaller, so it is exact for any load.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "chances are no money")]
fn odds(load: Load) -> impl Iterator<Item = f64> {
    let erlangs = load.0 as f64 / 1_000.0;
    let mut numbers = 0.0_f64;
    std::iter::successors(Some(1.0_f64), move |before| {
        numbers += 1.0;
        let carried = erlangs * before;
        Some(carried / (numbers + carried))
    })
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a chance lies between 0 and 1"
)]
fn share(odds: f64) -> Share {
    Share((odds * f64::from(WHOLE)).round() as u32)
}

#[expect(clippy::float_arithmetic, reason = "chances are no money")]
fn chance(share: Share) -> f64 {
    f64::from(share.0) / f64::from(WHOLE)
}
