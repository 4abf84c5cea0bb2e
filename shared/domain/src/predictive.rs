//! Predictive routing: destinations in the order of what they earned for each call that was dialled to them.
//!
//! What must stay true: the same records, settings and seed give the same order and the same words; amounts are whole
//! micro-units and shares whole basis points. A record counts for a publisher's calls where there are enough of them, else
//! for the campaign's, else not at all: a few lucky calls decide nothing.

mod lessons;

use serde::{Deserialize, Serialize};

pub use self::lessons::{Earned, Lesson, MAX_LESSONS, correction, lessons, month_of, months};
use crate::money::Money;
use crate::routing::Via;
use crate::seed::Dice;
use crate::validate::Problems;

/// Ends of a slider.
const SLIDER: std::ops::RangeInclusive<i8> = -10..=10;
/// Basis points of one step of a slider: a tenth.
const STEP: i32 = 1_000;
/// The whole, basis points.
const WHOLE: i32 = 10_000;
/// A destination that earns less than this share of the average underperforms, basis points.
const UNDERPERFORMS_BELOW: u32 = 5_000;
/// Keeps this draw apart from that of weights, which comes from the same seed.
const OWN_DRAW: u64 = 0x7072_6564_6963_7469;

/// How a campaign ranks its destinations by what they earned, where its strategy, or that of one of its groups, is
/// `predictive`; without that nothing is ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Predictive {
    /// What a destination in training gains or loses, tenths of its earnings: 10 doubles them, -10 puts it last.
    #[schema(minimum = -10, maximum = 10)]
    pub new_targets: i8,
    /// What a destination gains or loses that earns less than half of the average, tenths of its earnings.
    #[schema(minimum = -10, maximum = 10)]
    pub underperforming: i8,
    /// How long a destination is in training: `minimum_calls` times 10 and this. 0 is ten times as many calls, 10 is twenty
    /// times, -10 is none.
    #[schema(minimum = -10, maximum = 10)]
    pub training_requirement: i8,
    /// Of how many in a thousand calls another destination than the best is tried first, to learn about it; one in training
    /// where there is any.
    #[schema(minimum = 0, maximum = 1000)]
    pub exploration_share: u16,
    /// Dialled calls from which a record counts.
    #[schema(minimum = 1, maximum = 10000)]
    pub minimum_calls: u32,
}

impl Default for Predictive {
    fn default() -> Self {
        Self {
            new_targets: 0,
            underperforming: 0,
            training_requirement: 0,
            exploration_share: 0,
            minimum_calls: 20,
        }
    }
}

impl Predictive {
    /// Rules for saving; `at` is the field of these settings.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.new_targets"), self.new_targets, SLIDER);
        problems.within(&format!("{at}.underperforming"), self.underperforming, SLIDER);
        problems.within(&format!("{at}.training_requirement"), self.training_requirement, SLIDER);
        problems.within(&format!("{at}.exploration_share"), self.exploration_share, 0..=1_000);
        problems.within(&format!("{at}.minimum_calls"), self.minimum_calls, 1..=10_000);
    }

    /// Dialled calls up to which a destination is in training.
    const fn training_calls(&self) -> u64 {
        self.minimum_calls as u64 * (10 + self.training_requirement as i64).unsigned_abs()
    }
}

/// What became of the calls that were dialled to a destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Calls that were dialled.
    pub dialled: u64,
    /// Of these, connected.
    pub connected: u64,
    /// Of these, converted.
    pub converted: u64,
    /// What they earned together.
    pub revenue: Money,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.dialled = self.dialled.saturating_add(other.dialled);
        self.connected = self.connected.saturating_add(other.connected);
        self.converted = self.converted.saturating_add(other.converted);
        self.revenue = Money::from_micros(self.revenue.micros().saturating_add(other.revenue.micros()));
    }

    /// Earnings per dialled call, rounded down to the micro-unit, never below nothing.
    fn per_call(&self) -> Money {
        let calls = i64::try_from(self.dialled).unwrap_or(i64::MAX).max(1);
        Money::from_micros((self.revenue.micros() / calls).max(0))
    }

    /// Share of the dialled calls, basis points.
    fn share(&self, of: u64) -> u64 {
        let share = u128::from(of) * WHOLE.unsigned_abs() as u128 / u128::from(self.dialled.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

/// What is known of a destination, or of several that are ranked as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<T = Via> {
    /// Which.
    pub via: T,
    /// Calls of this campaign from this call's publisher.
    pub of_publisher: Counts,
    /// All calls of this campaign.
    pub of_campaign: Counts,
}

/// What a score rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// So many calls of the publisher.
    Publisher {
        /// Dialled calls.
        calls: u64,
    },
    /// So many calls of the campaign: the publisher's are too few.
    Campaign {
        /// Dialled calls.
        calls: u64,
    },
    /// The average of the others: its own calls are too few.
    Average,
}

/// Why a score is not what was earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// In training.
    NewTarget,
    /// Earning less than half of the average.
    Underperforming,
}

/// How good a destination is expected to be, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score<T = Via> {
    /// Which.
    pub via: T,
    /// By this the order is made: what was earned for each call, adjusted.
    pub worth: Money,
    /// What was earned for each dialled call.
    pub earned: Money,
    /// What that rests on.
    pub basis: Basis,
    /// What it was adjusted for, and by how many basis points.
    pub adjusted: Option<(Adjustment, i32)>,
    /// Tried first on this call, to learn about it.
    pub explored: bool,
}

impl<T> Score<T> {
    /// The reasons in plain words: `earned 4.20 per dialled call over 120 calls; +10 % as a new target`.
    pub fn text(&self) -> String {
        // Cents are enough for people.
        let earned = Money::from_micros(self.earned.micros() / 10_000 * 10_000);
        let mut words = match self.basis {
            Basis::Publisher { calls } => format!("earned {earned} per dialled call over {calls} calls"),
            Basis::Campaign { calls } => {
                format!("earned {earned} per dialled call over {calls} calls of all publishers")
            }
            Basis::Average => format!("too few calls yet: the others earn {earned} per dialled call"),
        };
        if let Some((adjustment, basis_points)) = self.adjusted {
            let what = match adjustment {
                Adjustment::NewTarget => "as a new target",
                Adjustment::Underperforming => "for underperforming",
            };
            words.push_str(&format!("; {:+} % {what}", basis_points / 100));
        }
        if self.explored {
            words.push_str("; tried first on this call, to learn about it");
        }
        words
    }
}

/// The destinations in the order in which they are to be tried, best first. Equals go by the share of calls converted, then
/// connected, and else stay in the order in which they came: the plan's.
pub fn rank<T: Copy>(settings: &Predictive, records: &[Record<T>], seed: u64) -> Vec<Score<T>> {
    let rated: Vec<(&Record<T>, Option<Rated>)> =
        records.iter().map(|record| (record, counting(settings, record))).collect();
    let average = average(rated.iter().filter_map(|(_, rated)| rated.map(|(counts, _)| counts)));
    let mut scores: Vec<(Score<T>, Counts)> =
        rated.into_iter().map(|(record, rated)| score(settings, record.via, rated, average)).collect();
    scores.sort_by_key(|(score, counts)| {
        let shares = (counts.share(counts.converted), counts.share(counts.connected));
        std::cmp::Reverse((score.worth, shares))
    });
    let mut scores: Vec<Score<T>> = scores.into_iter().map(|(score, _)| score).collect();
    explore(settings, &mut scores, seed);
    scores
}

/// What was earned, and what that rests on.
type Rated = (Counts, Basis);

/// The record that counts, if any has enough calls.
fn counting<T>(settings: &Predictive, record: &Record<T>) -> Option<Rated> {
    let enough = |counts: &Counts| counts.dialled >= u64::from(settings.minimum_calls.max(1));
    let publisher = Some(record.of_publisher).filter(enough);
    let campaign = || Some(record.of_campaign).filter(enough);
    publisher
        .map(|counts| (counts, Basis::Publisher { calls: counts.dialled }))
        .or_else(|| campaign().map(|counts| (counts, Basis::Campaign { calls: counts.dialled })))
}

/// Of what destinations earn per call, each counting once; nothing when there are none.
fn average(records: impl Iterator<Item = Counts>) -> Money {
    let (sum, count) = records.fold((0_i128, 0_i128), |(sum, count), counts| {
        (sum + i128::from(counts.per_call().micros()), count + 1)
    });
    Money::from_micros(i64::try_from(sum / count.max(1)).unwrap_or(i64::MAX))
}

fn score<T>(settings: &Predictive, via: T, rated: Option<Rated>, average: Money) -> (Score<T>, Counts) {
    let (counts, basis) = rated.unwrap_or((Counts::default(), Basis::Average));
    let earned = rated.map_or(average, |(counts, _)| counts.per_call());
    let in_training = rated.is_none() || counts.dialled < settings.training_calls();
    let (adjustment, slider) = if in_training {
        (Some(Adjustment::NewTarget), settings.new_targets)
    } else if earned < average.share(UNDERPERFORMS_BELOW) {
        (Some(Adjustment::Underperforming), settings.underperforming)
    } else {
        (None, 0)
    };
    let basis_points = i32::from(slider) * STEP;
    let worth = earned.share(u32::try_from(WHOLE + basis_points).unwrap_or(0));
    let adjusted = adjustment.filter(|_| slider != 0).map(|adjustment| (adjustment, basis_points));
    (Score { via, worth, earned, basis, adjusted, explored: false }, counts)
}

/// On the share of calls that the seed draws, puts another than the best first.
fn explore<T>(settings: &Predictive, scores: &mut [Score<T>], seed: u64) {
    let mut dice = Dice::new(seed ^ OWN_DRAW);
    if dice.below(1_000) >= u64::from(settings.exploration_share) {
        return;
    }
    let others = || scores.iter().enumerate().skip(1);
    let training = settings.training_calls();
    let in_training = |score: &Score<T>| match score.basis {
        Basis::Publisher { calls } | Basis::Campaign { calls } => calls < training,
        Basis::Average => true,
    };
    let mut drawn: Vec<usize> =
        others().filter(|(_, score)| in_training(score)).map(|(place, _)| place).collect();
    if drawn.is_empty() {
        drawn = others().map(|(place, _)| place).collect();
    }
    let index = usize::try_from(dice.below(drawn.len() as u64)).unwrap_or(0);
    let Some(place) = drawn.get(index) else { return };
    if let Some(first) = scores.get_mut(..=*place) {
        first.rotate_right(1);
    }
    if let Some(tried) = scores.first_mut() {
        tried.explored = true;
    }
}
