//! Phone numbers and SIP addresses, checked once at the door.
//!
//! The hot path uses this own E.164 check (a table-driven library costs tens of milliseconds at its first parse).

mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use text::{ERASED, erase_number, mask_all, mask_words, number_of_caller};

/// A phone number in E.164: `+`, then 8 to 15 digits; numbers of country code 1 have exactly ten digits after it and an
/// area code from 2 to 9.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// The text is not an E.164 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number: expected + and country code, for example +14155550100")]
pub struct PhoneError;

impl E164 {
    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without `+`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// The form shown to those who may not see numbers: `555***1234` (area code and last four; the first three digits
    /// abroad).
    pub fn masked(&self) -> String {
        mask(&self.0)
    }

    /// The ten-digit national number of a North American number.
    pub fn nanp(&self) -> Option<&str> {
        self.0.strip_prefix("+1").filter(|rest| rest.len() == 10)
    }
}

/// Masks any text that may hold a caller's number; texts of fewer than seven digits become `***`.
pub fn mask(text: &str) -> String {
    let mut digits = String::with_capacity(text.len());
    digits.extend(text.chars().filter(char::is_ascii_digit));
    let national = if digits.len() == 11 { digits.strip_prefix('1').unwrap_or(&digits) } else { &digits };
    if national.len() < 7 {
        return "***".to_owned();
    }
    [&national[..3], "***", &national[national.len() - 4..]].concat()
}

impl fmt::Debug for E164 {
    /// Masked, so that a debug print in a log gives no number away.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.masked())
    }
}
impl FromStr for E164 {
    type Err = PhoneError;
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        text.to_owned().try_into()
    }
}
impl TryFrom<String> for E164 {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<Self, PhoneError> {
        let digits = text.strip_prefix('+').ok_or(PhoneError)?;
        let sound = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        let nanp_sound = match digits.strip_prefix('1') {
            Some(national) => national.len() == 10 && national.as_bytes()[0] >= b'2',
            None => true,
        };
        if sound && nanp_sound { Ok(Self(text)) } else { Err(PhoneError) }
    }
}
impl From<E164> for String {
    fn from(number: E164) -> String {
        number.0
    }
}

/// A SIP URI `sip:user@host…` or `sips:…`, shorter than 255 characters (Twilio's limit), without headers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SipUri(String);

/// The text is not a SIP URI we can dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SIP address: expected sip:user@host, fewer than 255 characters, without headers")]
pub struct SipError;

impl SipUri {
    /// The URI with its scheme.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an address as bidders write it: the scheme may be missing.
    pub fn parse_lenient(text: &str) -> Result<Self, SipError> {
        let has_scheme = ["sip:", "sips:"].iter().any(|scheme| text.starts_with(scheme));
        if has_scheme { text.to_owned().try_into() } else { format!("sip:{text}").try_into() }
    }
}
impl TryFrom<String> for SipUri {
    type Error = SipError;
    fn try_from(text: String) -> Result<Self, SipError> {
        let rest = text.strip_prefix("sips:").or_else(|| text.strip_prefix("sip:")).ok_or(SipError)?;
        let (user, host) = rest.split_once('@').ok_or(SipError)?;
        let address = host.split(';').next().unwrap_or_default();
        let (host_name, port) = address.split_once(':').unwrap_or((address, "5060"));
        let user_sound = !user.is_empty()
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,%".contains(&byte));
        let host_sound = !host_name.is_empty()
            && !host_name.starts_with(['.', '-'])
            && host_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            && port.parse::<u16>().is_ok_and(|port| port > 0)
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:;=_".contains(&byte));
        if user_sound && host_sound && text.len() < 255 { Ok(Self(text)) } else { Err(SipError) }
    }
}
impl From<SipUri> for String {
    fn from(uri: SipUri) -> String {
        uri.0
    }
}

/// What a caller called: a number of ours, or a SIP address of ours. Written as the number or the address itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Called {
    /// A phone number.
    Number(E164),
    /// A SIP address; its user part is the id of a bid.
    Sip(SipUri),
}

/// The text is nothing that could be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a phone number nor a SIP address")]
pub struct CalledError;

impl Called {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(number) => number.as_str(),
            Self::Sip(address) => address.as_str(),
        }
    }

    /// The number, if it was one.
    pub const fn number(&self) -> Option<&E164> {
        match self {
            Self::Number(number) => Some(number),
            Self::Sip(_) => None,
        }
    }
}
impl FromStr for Called {
    type Err = CalledError;
    fn from_str(text: &str) -> Result<Self, CalledError> {
        text.to_owned().try_into()
    }
}
impl TryFrom<String> for Called {
    type Error = CalledError;
    fn try_from(text: String) -> Result<Self, CalledError> {
        match E164::from_str(&text) {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) => SipUri::try_from(text).map(Self::Sip).map_err(|_| CalledError),
        }
    }
}
impl From<Called> for String {
    fn from(called: Called) -> Self {
        match called {
            Called::Number(number) => number.into(),
            Called::Sip(address) => address.into(),
        }
    }
}
impl From<E164> for Called {
    fn from(number: E164) -> Self {
        Self::Number(number)
    }
}

/// Where a call can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A phone number.
    Number(E164),
    /// A SIP address.
    Sip(SipUri),
}

impl Destination {
    /// The form for logs and lists: a number masked, a SIP address without its user.
    pub fn masked(&self) -> String {
        match self {
            Self::Number(number) => number.masked(),
            Self::Sip(uri) => {
                format!("sip:***@{}", uri.as_str().split_once('@').map_or("", |(_, host)| host))
            }
        }
    }
}
