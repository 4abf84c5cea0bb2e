//! Identifiers and chance, both from one seed, so that a call that went wrong can be placed again exactly.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// A source of chance that gives the same sequence for the same seed, on every machine.
#[derive(Debug)]
pub(super) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A number in `0..count`; zero when there is nothing to choose from.
    pub(super) fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u8, most: u8) -> u8 {
        if most <= least { least } else { self.0.random_range(least..=most) }
    }

    /// Heads or tails.
    pub(super) fn coin(&mut self) -> bool {
        self.0.random_range(0..2_u8) == 0
    }

    /// An identifier in Twilio's shape: two letters and 32 hexadecimal digits.
    pub(super) fn sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{:032x}", self.0.random::<u128>())
    }

    /// A token in the shape of a UUID.
    pub(super) fn token(&mut self) -> String {
        let digits = format!("{:032x}", self.0.random::<u128>());
        format!(
            "{}-{}-{}-{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    }
}
