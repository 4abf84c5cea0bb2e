//! The registry of typed ids: every noun has one, so that a target's id cannot be passed where a campaign's is meant.
//!
//! Inside is a UUID v7 (so ids sort by creation); the printed form is the noun's prefix and 32 hex digits. A call's id is
//! the one exception: it is made from Twilio's CallSid, so that creating a call twice is creating it once.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A noun that has ids.
pub trait Noun {
    /// First letters of the printed id.
    const PREFIX: &'static str;
    /// The noun in plain words, for messages.
    const NAME: &'static str;
}

/// An id of one noun.
pub struct Id<N>(Uuid, PhantomData<fn() -> N>);

/// The text is not an id of the noun that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {noun} id: expected {prefix} followed by 32 hexadecimal digits")]
pub struct IdError {
    /// The noun whose id was expected.
    pub noun: &'static str,
    /// Its prefix.
    pub prefix: &'static str,
}

impl<N: Noun> Id<N> {
    /// The id with this UUID inside.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID inside.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<N> Clone for Id<N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<N> Copy for Id<N> {}
impl<N> PartialEq for Id<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<N> Eq for Id<N> {}
impl<N> PartialOrd for Id<N> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<N> Ord for Id<N> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<N> std::hash::Hash for Id<N> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<N: Noun> fmt::Display for Id<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", N::PREFIX, self.0.as_simple())
    }
}
impl<N: Noun> fmt::Debug for Id<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
impl<N: Noun> FromStr for Id<N> {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix(N::PREFIX)
            .filter(|hex| is_lower_hex(hex, 32))
            .and_then(|hex| Uuid::try_parse(hex).ok())
            .map(Self::from_uuid)
            .ok_or(IdError { noun: N::NAME, prefix: N::PREFIX })
    }
}
impl<N: Noun> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, N: Noun> Deserialize<'de> for Id<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $marker:ident, $alias:ident, $prefix:literal, $name:literal;)*) => {$(
        $(#[$doc])*
        pub enum $marker {}
        impl Noun for $marker {
            const PREFIX: &'static str = $prefix;
            const NAME: &'static str = $name;
        }
        #[doc = concat!("Id of a ", $name, ", printed `", $prefix, "…`.")]
        pub type $alias = Id<$marker>;
    )*};
}

nouns! {
    /// The account that buys or earns calls.
    TenantNoun, TenantId, "AC", "tenant";
    /// The centre: numbers, routing, money.
    CampaignNoun, CampaignId, "CA", "campaign";
    /// Who sends traffic.
    PublisherNoun, PublisherId, "AF", "publisher";
    /// Who pays for calls.
    BuyerNoun, BuyerId, "BU", "buyer";
    /// A destination.
    TargetNoun, TargetId, "TA", "target";
    /// A bidder.
    RtbTargetNoun, RtbTargetId, "PI", "RTB target";
    /// A phone number we own.
    NumberNoun, NumberId, "PN", "phone number";
    /// One ring-tree run.
    AuctionNoun, AuctionId, "AU", "auction";
    /// An API key.
    ApiKeyNoun, ApiKeyId, "KY", "API key";
    /// A person who signs in.
    UserNoun, UserId, "US", "user";
    /// One sign-in of a user.
    SessionNoun, SessionId, "SE", "session";
    /// An invitation to join an account.
    InvitationNoun, InvitationId, "IV", "invitation";
    /// An entry of the audit log.
    AuditNoun, AuditId, "AE", "audit entry";
    /// Targets with priority and weight inside the group.
    TargetGroupNoun, TargetGroupId, "TG", "target group";
    /// RTB targets asked together.
    RingTreeNoun, RingTreeId, "RT", "ring tree";
    /// A way in for conversion reports.
    IncomingWebhookNoun, IncomingWebhookId, "WH", "incoming webhook";
    /// Phone numbers that belong together.
    NumberPoolNoun, NumberPoolId, "NU", "number pool";
    /// A person who takes calls.
    AgentNoun, AgentId, "AG", "agent";
    /// A correction of a call's books.
    AdjustmentNoun, AdjustmentId, "AJ", "adjustment";
    /// A bid that was given to a publisher who pinged us.
    InboundBidNoun, InboundBidId, "RTB", "bid";
    /// A caller, or a range of callers, that is refused.
    BlockedNumberNoun, BlockedNumberId, "BL", "blocked number";
    /// What shows visitors of a page a phone number of their own.
    TrackingTagNoun, TrackingTagId, "TT", "tracking tag";
    /// One browser session.
    VisitNoun, VisitId, "VI", "visit";
    /// A parameter of landing pages that every tag keeps.
    UrlParameterNoun, UrlParameterId, "UP", "URL parameter";
}

/// Id of an inbound call: `RGB` and the 32 hex digits of Twilio's CallSid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId([u8; 32]);

impl CallId {
    /// The id of the call that Twilio knows by this sid.
    pub fn from_sid(sid: &CallSid) -> Self {
        let mut digits = [0; 32];
        digits.copy_from_slice(&sid.0.as_bytes()[2..]);
        Self(digits)
    }

    /// Twilio's name for the call.
    pub fn sid(&self) -> CallSid {
        CallSid(format!("CA{}", self.digits()))
    }

    fn digits(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RGB{}", self.digits())
    }
}
impl fmt::Debug for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
impl FromStr for CallId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { noun: "call", prefix: "RGB" };
        let digits = text.strip_prefix("RGB").filter(|hex| is_lower_hex(hex, 32)).ok_or(error)?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digits.as_bytes());
        Ok(Self(bytes))
    }
}
impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Twilio's id of a call leg: `CA` and 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallSid(String);

/// Twilio's id of an account or subaccount: `AC` and 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountSid(String);

/// Twilio's id of a phone number in an account: `PN` and 32 hex digits. Not our [`NumberId`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberSid(String);

/// Twilio's id of a TwiML application: `AP` and 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApplicationSid(String);

/// Twilio's id of a SIP domain: `SD` and 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SipDomainSid(String);

macro_rules! sids {
    ($($sid:ident, $prefix:literal, $name:literal;)*) => {$(
        impl $sid {
            /// The sid as Twilio writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $sid {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
        impl FromStr for $sid {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.to_owned().try_into()
            }
        }
        impl TryFrom<String> for $sid {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                let fits = text.strip_prefix($prefix).is_some_and(|hex| is_lower_hex(hex, 32));
                if fits { Ok(Self(text)) } else { Err(IdError { noun: $name, prefix: $prefix }) }
            }
        }
        impl From<$sid> for String {
            fn from(sid: $sid) -> String {
                sid.0
            }
        }
    )*};
}

sids! {
    CallSid, "CA", "Twilio call";
    AccountSid, "AC", "Twilio account";
    NumberSid, "PN", "Twilio phone number";
    ApplicationSid, "AP", "Twilio application";
    SipDomainSid, "SD", "Twilio SIP domain";
}
