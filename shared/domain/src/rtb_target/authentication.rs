//! How we show a bidder who asks. Secrets are given once, sealed at once, and never shown again.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::request::check_header_name;
use crate::validate::Problems;

/// Longest secret, bytes.
const MAX_SECRET: usize = 1_000;

/// A secret of a tenant's. What is given is a text; what is stored is sealed by the vault; what is shown is `{"set": true}`,
/// which, sent back, leaves it as it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub enum SecretText {
    /// As it was given; never stored.
    Given(String),
    /// As it is stored.
    Sealed(String),
    /// There is one, says somebody who does not show it.
    Hidden,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "expected a secret as text, or {\"set\": true} to leave it as it is")]
enum Written {
    /// A new secret; it is never shown again.
    Given(String),
    /// A secret that is there.
    There(There),
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct There {
    /// Whether there is one.
    #[serde(default, rename = "set")]
    #[expect(dead_code, reason = "only says that it is there")]
    set: bool,
    #[serde(default)]
    #[schema(ignore)]
    sealed: Option<String>,
}

impl From<Written> for SecretText {
    fn from(written: Written) -> Self {
        match written {
            Written::Given(text) => Self::Given(text),
            Written::There(There { sealed: Some(sealed), .. }) => Self::Sealed(sealed),
            Written::There(There { sealed: None, .. }) => Self::Hidden,
        }
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Self::Given(text) => serializer.serialize_str(text),
            Self::Sealed(sealed) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("sealed", sealed)?;
                map.end()
            }
            Self::Hidden => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("set", &true)?;
                map.end()
            }
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl utoipa::PartialSchema for SecretText {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Written::schema()
    }
}
impl utoipa::ToSchema for SecretText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SecretText")
    }
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schemas.push((There::name().into_owned(), <There as utoipa::PartialSchema>::schema()));
    }
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Base64.
    #[default]
    Base64,
    /// Hexadecimal, small letters.
    Hex,
}

/// How a bidder knows that it is us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// It does not, or by what stands in the address or the body.
    #[default]
    None,
    /// A key in a header.
    #[serde(rename_all = "snake_case")]
    ApiKey(ApiKey),
    /// `Authorization: Bearer …`.
    Bearer(Bearer),
    /// `Authorization: Basic …`.
    Basic(Basic),
    /// HMAC-SHA256 over `timestamp.rawBody`, the exact bytes that are sent.
    Hmac(Hmac),
}

/// A key in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyAuthentication)]
pub struct ApiKey {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub header: String,
    /// The key.
    pub value: SecretText,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BearerAuthentication)]
pub struct Bearer {
    /// The token.
    pub token: SecretText,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BasicAuthentication)]
pub struct Basic {
    /// The name; no colon.
    #[schema(min_length = 1, max_length = 200)]
    pub username: String,
    /// The password.
    pub password: SecretText,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HmacAuthentication)]
pub struct Hmac {
    /// The key of the signature.
    pub secret: SecretText,
    /// The header of the time, in seconds since 1970.
    #[serde(default = "timestamp_header")]
    #[schema(default = "X-RTB-Timestamp")]
    pub timestamp_header: String,
    /// The header of the signature.
    #[serde(default = "signature_header")]
    #[schema(default = "X-RTB-Signature")]
    pub signature_header: String,
    /// How it is written.
    #[serde(default)]
    pub encoding: SignatureEncoding,
}

fn timestamp_header() -> String {
    "X-RTB-Timestamp".to_owned()
}
fn signature_header() -> String {
    "X-RTB-Signature".to_owned()
}

impl Authentication {
    /// The secret, when there is one.
    pub const fn secret(&self) -> Option<&SecretText> {
        match self {
            Self::None => None,
            Self::ApiKey(key) => Some(&key.value),
            Self::Bearer(bearer) => Some(&bearer.token),
            Self::Basic(basic) => Some(&basic.password),
            Self::Hmac(hmac) => Some(&hmac.secret),
        }
    }

    /// The same, to be put another way.
    pub const fn secret_mut(&mut self) -> Option<&mut SecretText> {
        match self {
            Self::None => None,
            Self::ApiKey(key) => Some(&mut key.value),
            Self::Bearer(bearer) => Some(&mut bearer.token),
            Self::Basic(basic) => Some(&mut basic.password),
            Self::Hmac(hmac) => Some(&mut hmac.secret),
        }
    }

    /// The field of the secret, from `authentication` on.
    pub const fn secret_field(&self) -> &'static str {
        match self {
            Self::None => "authentication",
            Self::ApiKey(_) => "authentication.api_key.value",
            Self::Bearer(_) => "authentication.bearer.token",
            Self::Basic(_) => "authentication.basic.password",
            Self::Hmac(_) => "authentication.hmac.secret",
        }
    }

    /// The headers it sets.
    pub fn headers(&self) -> Vec<&str> {
        match self {
            Self::None => Vec::new(),
            Self::ApiKey(key) => vec![&key.header],
            Self::Bearer(_) | Self::Basic(_) => vec!["Authorization"],
            Self::Hmac(hmac) => vec![&hmac.timestamp_header, &hmac.signature_header],
        }
    }

    /// Rules for saving; `headers` are those that are set otherwise.
    pub(super) fn check(&self, headers: &[(String, String)], problems: &mut Problems) {
        let secret = self.secret_field();
        match self.secret() {
            Some(SecretText::Hidden) => {
                problems.add(secret, "required", "give the secret: there is none yet");
            }
            Some(SecretText::Given(text)) => {
                // It may stand in a header as it is.
                let sound = (1..=MAX_SECRET).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
                if !sound || text.trim() != text {
                    let words =
                        "a secret has 1 to 1,000 letters, digits and signs of ASCII, and no blank around it";
                    problems.add(secret, "secret", words);
                }
            }
            Some(SecretText::Sealed(_)) | None => {}
        }
        match self {
            Self::ApiKey(key) => check_header_name("authentication.api_key.header", &key.header, problems),
            Self::Basic(basic) => {
                let sound = (1..=200).contains(&basic.username.len())
                    && basic.username.chars().all(|sign| sign != ':' && !sign.is_control());
                if !sound {
                    let words = "a user name has 1 to 200 characters and no colon";
                    problems.add("authentication.basic.username", "user_name", words);
                }
            }
            Self::Hmac(hmac) => {
                check_header_name("authentication.hmac.timestamp_header", &hmac.timestamp_header, problems);
                check_header_name("authentication.hmac.signature_header", &hmac.signature_header, problems);
                if hmac.timestamp_header.eq_ignore_ascii_case(&hmac.signature_header) {
                    let words = "the time and the signature stand in different headers";
                    problems.add("authentication.hmac.signature_header", "unique", words);
                }
            }
            Self::None | Self::Bearer(_) => {}
        }
        for (index, (name, _)) in headers.iter().enumerate() {
            if self.headers().iter().any(|own| own.eq_ignore_ascii_case(name)) {
                let words = format!("'{name}' is set by the authentication: take it out here");
                problems.add(format!("headers[{index}]"), "unique", words);
            }
        }
    }
}
