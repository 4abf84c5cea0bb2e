//! Tokens of API keys: made once, shown once, kept only as a hash.

use sha2::{Digest, Sha256};

/// Every token begins so, which lets people and scanners recognise one.
pub const TOKEN_PREFIX: &str = "ccp_live_";

/// A new token with 256 random bits, or the system's reason why there is no randomness.
pub fn new_token() -> Result<String, getrandom::Error> {
    token_with(TOKEN_PREFIX)
}

/// A new token of any kind: its prefix and 256 random bits.
pub fn token_with(prefix: &str) -> Result<String, getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(format!("{prefix}{}", hex(&secret)))
}

/// What is stored instead of the token. A fast hash is right here: the token is random, nobody can guess at it.
pub fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
