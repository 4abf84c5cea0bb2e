//! How a publisher's system proves itself.
//!
//! A signature covers the timestamp and the exact bytes of the body, so a ping that is signed has no query; it is good for
//! five minutes before and after its time, and once.

use app::api_keys;
use app::ports::{Once, OnceStart, PortResult};
use app::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::inbound::RtbId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use runtime::HttpRequest;
use sha2::Sha256;

/// How far a signature's time may be from ours, seconds.
const SKEW_S: i64 = 300;
/// How long a signature is remembered, seconds: longer than it is good.
const REMEMBERED_S: u32 = 900;

/// Status and words of a refusal.
pub type Refused = (u16, &'static str);

/// `Authorization: Bearer …` with the secret.
///
/// # Errors
/// The refusal.
pub fn bearer(request: &HttpRequest, secret: &Secret) -> Result<(), Refused> {
    let header = request.header(AUTHORIZATION.as_str()).unwrap_or_default();
    let (scheme, token) = header.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err((401, "Bearer token required"));
    }
    // Hashes are compared, so that the time it takes tells nothing of the secret.
    let same = api_keys::hash(token.trim()) == api_keys::hash(secret.expose());
    if same { Ok(()) } else { Err((403, "Invalid bearer token")) }
}

/// `X-RTB-Timestamp` and `X-RTB-Signature`; the signature when it is right.
///
/// # Errors
/// The refusal.
pub fn signature(request: &HttpRequest, secret: &Secret, now: Timestamp) -> Result<Vec<u8>, Refused> {
    let (Some(timestamp), Some(signed)) =
        (request.header("x-rtb-timestamp"), request.header("x-rtb-signature"))
    else {
        return Err((401, "HMAC headers required: X-RTB-Timestamp and X-RTB-Signature"));
    };
    let Ok(at) = timestamp.parse::<i64>() else { return Err((401, "X-RTB-Timestamp is not in seconds")) };
    if at.abs_diff(now.as_second()) > SKEW_S.unsigned_abs() {
        return Err((401, "Timestamp too old or too far in future"));
    }
    if !request.raw_query.is_empty() {
        return Err((401, "The query is not signed: send the parameters in the body"));
    }
    let refused = (403, "Invalid HMAC signature");
    let signature = STANDARD.decode(signed).map_err(|_| refused)?;
    // Compared in constant time.
    mac(secret.expose(), timestamp, &request.body).verify_slice(&signature).map_err(|_| refused)?;
    Ok(signature)
}

/// The signature of a body, as `X-RTB-Signature` takes it.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    STANDARD.encode(mac(secret, timestamp, body).finalize().into_bytes())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(secret: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// Whether a signature comes for the first time.
///
/// # Errors
/// The store did not answer.
pub async fn first_use(
    once: &dyn Once,
    id: &RtbId,
    signature: &[u8],
    now: Timestamp,
) -> PortResult<Result<(), Refused>> {
    let what = api_keys::hash(&format!("{}.{}", id.expose(), STANDARD.encode(signature)));
    let ends = now.checked_add(SignedDuration::from_secs(REMEMBERED_S.into())).unwrap_or(now);
    let start = once.start(&format!("rtb:{what}"), &what, now, REMEMBERED_S, ends).await?;
    Ok(if start == OnceStart::Ours { Ok(()) } else { Err((403, "The signature was used before")) })
}
