//! Randomness as a stored seed: a decision can be replayed from the seed that lies with it.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): tiny, well mixed, and the same on every platform. Not for secrets.

/// A stream of numbers that depends only on its seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The stream that belongs to this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound` (zero when the bound is zero). Multiplication keeps the bias below 2⁻³² for the small
    /// bounds we use.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.roll() as u128 * bound as u128) >> 64) as u64
    }
}
