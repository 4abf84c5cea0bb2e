//! The signature of a request to the table: AWS's Signature Version 4, for the one form that [`crate::direct`] sends.
//!
//! The steps are those of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. The general signer
//! takes any request apart to put it together again; of ours only the values differ. The contract suite compares both.

use std::fmt::Write as _;
use std::time::SystemTime;

use app::ports::Cause;
use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

/// The service's name in signatures.
const SERVICE: &str = "dynamodb";
/// The header `content-type` of every request.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Where requests go: the same for all of a process.
pub(crate) struct Place {
    /// Such as `us-east-1`.
    pub(crate) region: String,
    /// As the header `host` has it: with a port only where that is not the scheme's own.
    pub(crate) host: String,
}

/// The headers `x-amz-date` and `authorization`.
pub(crate) struct Signature {
    pub(crate) date: String,
    pub(crate) authorization: String,
}

impl Place {
    /// Signs a `POST /` of this body to the operation that `target` names (the header `x-amz-target`). With temporary
    /// credentials their token goes in the header `x-amz-security-token`.
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        target: &str,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Signature, Cause> {
        let at = Timestamp::try_from(now)?.to_zoned(TimeZone::UTC);
        let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date[..8];
        let (token, with_token) = match credentials.session_token() {
            Some(token) => (["x-amz-security-token:", token, "\n"].concat(), "x-amz-security-token;"),
            None => (String::new(), ""),
        };
        let Self { region, host } = self;
        let headers = format!("content-type;host;x-amz-date;{with_token}x-amz-target");
        let canonical = format!(
            "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\n{token}x-amz-target:{target}\n\n{headers}\n{}",
            digest(body)
        );
        let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", digest(canonical.as_bytes()));
        let key = generate_signing_key(credentials.secret_access_key(), now, region, SERVICE);
        let signature = calculate_signature(key, to_sign.as_bytes());
        let who = credentials.access_key_id();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={who}/{scope}, SignedHeaders={headers}, Signature={signature}"
        );
        Ok(Signature { date, authorization })
    }
}

/// SHA-256 in lower-case hexadecimal digits.
fn digest(of: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(of) {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
