//! A hash that is the same on every machine and for ever: what is stored may depend on it.

/// FNV-1a, 64 bits. Spreads things evenly; it keeps nothing secret.
pub fn fnv1a(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}
