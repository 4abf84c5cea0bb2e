//! Phone numbers that we own and what each is for. A number is used by one thing at a time.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountSid, CampaignId, NumberId, PublisherId, TenantId};
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
    /// Where callers go when our servers cannot answer; written into the fallback document at publish.
    #[serde(default)]
    pub fallback_number: Option<E164>,
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
}
