//! A small seeded generator: the same seed gives the same data on every machine.

/// A source of numbers that only its seed decides (SplitMix64).
///
/// ```
/// use velo_testkit::data::Random;
/// assert_eq!(Random::new(1).next(), Random::new(1).next());
/// assert_ne!(Random::new(1).next(), Random::new(2).next());
/// ```
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    ///
    /// ```
    /// let random = velo_testkit::data::Random::new(42);
    /// ```
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Gives the next 64 bits.
    ///
    /// ```
    /// let mut random = velo_testkit::data::Random::new(42);
    /// assert_ne!(random.next(), random.next());
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "it never ends, so it gives no options"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Gives a number from 0 up to, not including, `end`; 0 where `end` is 0.
    ///
    /// ```
    /// assert!(velo_testkit::data::Random::new(42).below(10) < 10);
    /// ```
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}
