//! Shows a bidder who asks: opens its secret and puts it, or a signature made with it, into the request's headers.
//!
//! What must stay true: a secret leaves the vault only into the request it is for; nothing here is logged. A signature is over
//! the exact bytes of the body that is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::TenantId;
use domain::rtb_target::{Authentication, BidRequest, SecretText, SignatureEncoding};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::ports::{PortError, PortResult, Sealed, Vault};
use crate::secret::Secret;

/// What bidders' secrets are sealed for.
pub const PURPOSE: &str = "rtb_target_secret";

/// What is shown of a header's value in the place of a secret.
const HIDDEN: &str = "***";

/// There is no secret to authenticate with, although the settings say so.
#[derive(Debug, thiserror::Error)]
#[error("the bidder's secret is not sealed")]
struct NotSealed;

/// Seals a secret that was given; one that is sealed stays as it is.
///
/// # Errors
/// The vault does not answer.
pub async fn seal(
    vault: &dyn Vault,
    tenant: TenantId,
    authentication: &mut Authentication,
) -> PortResult<()> {
    let Some(secret) = authentication.secret_mut() else { return Ok(()) };
    if let SecretText::Given(text) = secret {
        let sealed = vault.seal(tenant, PURPOSE, &Secret::new(text.as_str())).await?;
        *secret = SecretText::Sealed(sealed.0);
    }
    Ok(())
}

/// Authenticates a request that is sent now.
///
/// # Errors
/// The secret cannot be opened.
pub async fn authenticate(
    vault: &dyn Vault,
    tenant: TenantId,
    authentication: &Authentication,
    request: &mut BidRequest,
    now: Timestamp,
) -> PortResult<()> {
    let secret = match authentication.secret() {
        None => return Ok(()),
        Some(SecretText::Sealed(sealed)) => vault.open(tenant, PURPOSE, &Sealed(sealed.clone())).await?,
        Some(SecretText::Given(_) | SecretText::Hidden) => {
            return Err(PortError::corrupt("authenticate a bid request", NotSealed));
        }
    };
    apply(authentication, secret.expose(), request, now);
    Ok(())
}

/// Adds the headers of an authentication with their values hidden, for people who look at a request.
pub fn hidden(authentication: &Authentication, request: &mut BidRequest) {
    for name in authentication.headers() {
        request.set_header(name, HIDDEN.to_owned());
    }
}

fn apply(authentication: &Authentication, secret: &str, request: &mut BidRequest, now: Timestamp) {
    match authentication {
        Authentication::None => {}
        Authentication::ApiKey(key) => request.set_header(&key.header, secret.to_owned()),
        Authentication::Bearer(_) => request.set_header("Authorization", format!("Bearer {secret}")),
        Authentication::Basic(basic) => {
            let pair = STANDARD.encode(format!("{}:{secret}", basic.username));
            request.set_header("Authorization", format!("Basic {pair}"));
        }
        Authentication::Hmac(hmac) => {
            let timestamp = now.as_second().to_string();
            let signature = signature(secret, &timestamp, request.body.as_bytes(), hmac.encoding);
            request.set_header(&hmac.timestamp_header, timestamp);
            request.set_header(&hmac.signature_header, signature);
        }
    }
}

/// HMAC-SHA256 over `timestamp.body`.
fn signature(secret: &str, timestamp: &str, body: &[u8], encoding: SignatureEncoding) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let tag = mac.finalize().into_bytes();
    match encoding {
        SignatureEncoding::Base64 => STANDARD.encode(tag),
        SignatureEncoding::Hex => tag.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
