//! Phone numbers that we own and what each is for. A number is used by one thing at a time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::dni::lease::later;
use crate::ids::{AccountSid, CampaignId, NumberId, NumberPoolId, NumberSid, PublisherId, TenantId};
use crate::phone::E164;
use crate::validate::{Problem, Validate};

/// A number as the tenant keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number itself; cannot change once created.
    pub number: E164,
    /// The Twilio account that owns it; it must be one of the tenant's.
    pub account_sid: AccountSid,
    /// The campaign that answers it; `None` keeps it silent.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid for its calls.
    #[serde(default)]
    pub publisher: Option<PublisherId>,
    /// The pool it is in.
    #[serde(default)]
    pub pool: Option<NumberPoolId>,
    /// Where callers go when our servers cannot answer; written into the fallback document at publish.
    #[serde(default)]
    pub fallback_number: Option<E164>,
    /// The partition of the pool that its leases are written in; fixed for as long as it is in the pool. Only we write this.
    #[serde(default, skip_serializing_if = "is_first")]
    #[schema(read_only)]
    pub pool_shard: u16,
    /// When it last left a pool: visitors may have seen it until then. Only we write this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub left_pool_at: Option<Timestamp>,
    /// What Twilio says of it. Only we write this; numbers from before it was kept have none until they are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twilio: Option<TwilioLine>,
}

/// How long a number that has left a pool may still be seen: the longest idle limit and the longest closed-browser delay.
pub const SEEN_AFTER_LEAVING: SignedDuration = SignedDuration::from_secs(7_200);

const fn is_first(shard: &u16) -> bool {
    *shard == 0
}

impl Number {
    /// From when on nobody can see it any more, if it was in a pool before.
    pub fn unseen_from(&self) -> Option<Timestamp> {
        self.left_pool_at.map(|left| later(left, SEEN_AFTER_LEAVING))
    }
}

/// A phone number as the Twilio account has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TwilioLine {
    /// Twilio's id of it.
    pub sid: NumberSid,
    /// The name it has at Twilio.
    pub friendly_name: String,
    /// What sort of number it is.
    pub kind: LineKind,
    /// Where it belongs; `None` when its country code is shared (toll-free numbers of North America).
    pub country: Option<Country>,
    /// What it can carry.
    pub capabilities: Capabilities,
}

/// What sort of number it is. Twilio tells it when numbers are searched, not of numbers that an account has.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Of a place.
    Local,
    /// Paid by who is called.
    TollFree,
    /// Of a mobile network.
    Mobile,
    /// Cannot be told from the number.
    Unknown,
}

impl LineKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll_free",
            Self::Mobile => "mobile",
            Self::Unknown => "unknown",
        }
    }

    /// What the digits tell: in North America toll-free numbers have area codes of their own, and mobile numbers none.
    pub fn of(number: &E164) -> Self {
        const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];
        match number.nanp().and_then(|national| national.get(..3)) {
            Some(area) if TOLL_FREE.contains(&area) => Self::TollFree,
            Some(_) => Self::Local,
            None => Self::Unknown,
        }
    }
}

/// What a number can carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Capabilities {
    /// Calls.
    pub voice: bool,
    /// Short messages.
    #[serde(alias = "SMS")]
    pub sms: bool,
    /// Messages with pictures.
    #[serde(alias = "MMS")]
    pub mms: bool,
    /// Facsimile.
    pub fax: bool,
}

impl Validate for Number {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = crate::validate::Problems::new();
        if self.fallback_number.as_ref() == Some(&self.number) {
            problems.add("fallback_number", "loop", "the fallback cannot be the number itself");
        }
        problems.into_result()
    }
}

/// What the call path knows about a dialled number after one read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberOwner {
    /// Whose number it is.
    pub tenant: TenantId,
    /// Its id.
    pub number_id: NumberId,
    /// The Twilio account whose token must have signed the request.
    pub account_sid: AccountSid,
    /// The campaign that answers.
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid.
    pub publisher: Option<PublisherId>,
    /// The pool it is in.
    #[serde(default)]
    pub pool: Option<NumberPoolId>,
    /// The partition of the pool that its leases are written in.
    #[serde(default)]
    pub shard: u16,
}
