//! Codes of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 seconds), and recovery codes for when it is lost.
//!
//! What must stay true: a code is good for its own time step and one before and after; each step is taken once (the caller
//! keeps the last one); a recovery code has 80 random bits, so its fast hash is safe.

use domain::ids::UserId;
use jiff::Timestamp;
use totp_rs::{Builder, Secret as Seed, Totp};

use crate::api_keys;
use crate::ports::{PortError, PortResult};
use crate::secret::Secret;

/// How many recovery codes somebody has.
pub const RECOVERY_CODES: usize = 10;
/// Base32 without signs that look alike.
const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const RECOVERY_SIGNS: usize = 16;
const ISSUER: &str = "CallCenter Pro";

fn random<const N: usize>() -> PortResult<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|cause| {
        PortError::failed("make a second factor", std::io::Error::other(cause.to_string()))
    })?;
    Ok(bytes)
}

/// A new seed of 160 bits, in base32 as apps take it.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_seed() -> PortResult<Secret> {
    Ok(Secret::new(Seed::from(random::<20>()?).to_base32()))
}

fn generator(seed: &Secret) -> PortResult<Totp> {
    const WHAT: &str = "read the seed of a second factor";
    let seed = Seed::try_from_base32(seed.expose()).map_err(|cause| PortError::corrupt(WHAT, cause))?;
    Builder::new().with_secret(seed).build().map_err(|cause| PortError::corrupt(WHAT, cause))
}

/// What an app reads from a picture: seed, issuer and account.
pub fn uri(seed: &Secret, account: &str) -> String {
    let (issuer, account) = (escaped(ISSUER), escaped(account));
    let seed = seed.expose();
    format!(
        "otpauth://totp/{issuer}:{account}?secret={seed}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

fn escaped(text: &str) -> String {
    let sign = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(sign).collect()
}

/// The time step whose code this is, when it is one of now, just before or just after, and later than `last`.
///
/// # Errors
/// The seed is none.
pub fn step_of(seed: &Secret, code: &str, now: Timestamp, last: u64) -> PortResult<Option<u64>> {
    let code: String = code.chars().filter(|sign| !sign.is_whitespace()).collect();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    Ok(generator(seed)?.check(&code, seconds).filter(|step| *step > last))
}

/// The code of a moment: for tests and for those who hold the seed.
///
/// # Errors
/// The seed is none.
pub fn code_at(seed: &Secret, at: Timestamp) -> PortResult<String> {
    Ok(generator(seed)?.generate(u64::try_from(at.as_second()).unwrap_or_default()).to_string())
}

/// New recovery codes, for people to write down: four groups of four.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_recovery_codes() -> PortResult<Vec<Secret>> {
    (0..RECOVERY_CODES).map(|_| recovery_code()).collect()
}

fn recovery_code() -> PortResult<Secret> {
    let mut code = String::new();
    for (place, byte) in random::<RECOVERY_SIGNS>()?.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        // 256 is a multiple of 32: every sign is as likely.
        code.push(char::from(SIGNS.get(usize::from(byte % 32)).copied().unwrap_or(b'A')));
    }
    Ok(Secret::new(code))
}

/// What is stored of a recovery code. Spaces, dashes and case do not matter.
pub fn recovery_hash(user: UserId, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    api_keys::hash(&format!("recovery/{user}/{}", plain.to_ascii_uppercase()))
}
