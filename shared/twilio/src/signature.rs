//! Is this request from Twilio? The check of `X-Twilio-Signature`, and the signing itself (for the phone simulator).
//!
//! The signature is base64(HMAC-SHA1(auth token, URL + parameters)). What must stay true: the URL comes from our own
//! configuration, never from request headers; names are sorted by code point, values of a repeated name are a sorted set; all
//! comparisons take the same time whatever is wrong; every spelling of the URL in `url_forms` is accepted and no other;
//! an empty token proves nothing. The signature holds no time, so a replay passes: steps and events are once-only instead.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::url_forms::{body_hash, url_forms};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// What the request carried.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// A form post: all parameters, percent-decoded, in any order, repeats included.
    Form(&'a [(String, String)]),
    /// Any other body. Its hash is part of the signed URL's query.
    Json {
        /// The bytes as received.
        raw: &'a [u8],
        /// The query's `bodySHA256`.
        body_sha256: Option<&'a str>,
    },
    /// Nothing: a GET, or an empty post.
    None,
}

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is absent or empty.
    #[error("the request carries no Twilio signature")]
    Missing,
    /// No token gives this signature for this URL and these parameters.
    #[error("the Twilio signature does not fit the request")]
    Wrong,
    /// The body is not a form, and the signed URL has no `bodySHA256`.
    #[error("the signed URL carries no hash of the body")]
    BodyHashMissing,
    /// The body is not the one that was signed.
    #[error("the body does not fit the hash in the signed URL")]
    BodyHashWrong,
}

/// Checks a request against the account's tokens (two while a token is rotated). `url` is the public URL with its query.
///
/// # Errors
/// The first reason that applies, in the order of [`SignatureError`].
pub fn verify(
    tokens: &[impl AsRef<str>],
    url: &str,
    body: Body<'_>,
    signature_header: Option<&str>,
) -> Result<(), SignatureError> {
    let given = signature_header.filter(|header| !header.is_empty()).ok_or(SignatureError::Missing)?;
    let parameters = match body {
        Body::Form(pairs) => signed_parameters(pairs),
        Body::Json { .. } | Body::None => String::new(),
    };
    let forms = url_forms(url);
    let mut fits = Choice::from(0);
    for token in tokens.iter().map(AsRef::as_ref).filter(|token| !token.is_empty()) {
        for form in &forms {
            fits |= signature(token, form, &parameters).as_bytes().ct_eq(given.as_bytes());
        }
    }
    if !bool::from(fits) {
        return Err(SignatureError::Wrong);
    }
    match body {
        Body::Json { raw, body_sha256 } => check_body(raw, body_sha256, url),
        Body::Form(_) | Body::None => Ok(()),
    }
}

/// The signature that Twilio puts on a request to exactly this URL (its fragment is neither sent nor signed).
pub fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    let url = url.split('#').next().unwrap_or_default();
    signature(token, url, &signed_parameters(params))
}

/// The lower-case hexadecimal SHA-256 of a body, as `bodySHA256` carries it.
pub fn body_sha256(raw: &[u8]) -> String {
    Sha256::digest(raw).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_body(raw: &[u8], given: Option<&str>, url: &str) -> Result<(), SignatureError> {
    // Only a hash that stands in the signed URL is worth anything.
    let signed = given.filter(|given| !given.is_empty() && body_hash(url) == Some(given));
    let signed = signed.ok_or(SignatureError::BodyHashMissing)?;
    let fits = body_sha256(raw).as_bytes().ct_eq(signed.as_bytes());
    if bool::from(fits) { Ok(()) } else { Err(SignatureError::BodyHashWrong) }
}

/// Names and values in signing order, without separators. UTF-8 sorts as code points do.
fn signed_parameters(params: &[(String, String)]) -> String {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        names.entry(name).or_default().insert(value);
    }
    let pairs = names.iter().flat_map(|(name, values)| values.iter().flat_map(move |value| [*name, *value]));
    pairs.collect()
}

fn signature(token: &str, url: &str, parameters: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(url.as_bytes());
    mac.update(parameters.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
