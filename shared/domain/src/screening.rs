//! Which calls a campaign refuses before it looks for a destination: callers who ring again at once, who hide, whose number
//! the carrier does not vouch for, or who are in the wrong place.
//!
//! Pure, and the same for every call of the same kind: what was found out about the call is an [`Arrival`], what the campaign
//! wants is a [`Screening`]. Left out, a campaign takes every call but a caller's second one within two seconds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::blocked::is_withheld;
use crate::country::Country;
use crate::geo::{GeoRule, OutOfArea, Place};
use crate::phone::{E164, number_of_caller};
use crate::validate::Problems;

/// Longest time for which a caller who rings again is spam, seconds.
pub const MAX_SPAM_WINDOW_S: u32 = 3_600;

/// How far the caller's carrier vouches for the number that is shown (STIR/SHAKEN).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Attestation {
    /// It knows the caller, and that the number is theirs.
    A,
    /// It knows the caller, not whether the number is theirs.
    B,
    /// It only knows where the call came in.
    C,
    /// Nobody vouches: no signature, or one that was found wrong.
    #[serde(rename = "none")]
    None,
}

impl Attestation {
    /// From what Twilio found (`StirVerstat`): a level counts only when its signature was found right
    /// (`TN-Validation-Passed-A`). Everything else, also a word that we do not know, vouches for nothing.
    pub fn of_verstat(verstat: Option<&str>) -> Self {
        match verstat {
            Some("TN-Validation-Passed-A") => Self::A,
            Some("TN-Validation-Passed-B") => Self::B,
            Some("TN-Validation-Passed-C") => Self::C,
            _ => Self::None,
        }
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::None => "none",
        }
    }
}

/// A campaign's settings of quality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Screening {
    /// A caller who rings again within so many seconds is refused; 0 takes them.
    #[schema(minimum = 0, maximum = 3600)]
    pub spam_window_s: u32,
    /// Callers who withhold their number are refused.
    pub block_anonymous: bool,
    /// Callers without a valid number are refused: anonymous ones, and those who show something else.
    pub require_caller_id: bool,
    /// Callers from another country than the dialled number's are taken.
    pub allow_international: bool,
    /// Only calls that are vouched for so are taken; `null` takes all.
    pub stir_shaken: Option<BTreeSet<Attestation>>,
    /// Where callers must be.
    pub geo: GeoRule,
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            spam_window_s: 2,
            block_anonymous: false,
            require_caller_id: false,
            allow_international: true,
            stir_shaken: None,
            geo: GeoRule::default(),
        }
    }
}

impl Screening {
    /// Rules for saving; `at` is the field of these settings.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.spam_window_s"), self.spam_window_s, 0..=MAX_SPAM_WINDOW_S);
        if self.stir_shaken.as_ref().is_some_and(BTreeSet::is_empty) {
            let words = "an empty list would refuse every call: set it to null to take all";
            problems.add(format!("{at}.stir_shaken"), "count", words);
        }
        self.geo.check(&format!("{at}.geo"), problems);
    }
}

/// What is known of a call when it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The caller as Twilio writes it.
    pub from: &'a str,
    /// The dialled number; `None` for a call to a SIP address, which is in no country.
    pub to: Option<&'a E164>,
    /// `StirVerstat` as Twilio writes it, when it does.
    pub verstat: Option<&'a str>,
    /// Where the caller is.
    pub place: &'a Place,
    /// Whole seconds since the same caller's last call to the same campaign began; `None` when there was none, or the caller
    /// cannot be recognised.
    pub since_last_call_s: Option<u32>,
}

/// Why a call was refused on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The caller rang so many seconds ago.
    Spam {
        /// Seconds since their last call.
        since_s: u32,
    },
    /// The caller withholds their number.
    Anonymous,
    /// What the caller shows is no phone number.
    InvalidCallerId,
    /// The caller is abroad.
    International,
    /// The caller's carrier does not vouch enough for the number.
    Attestation(Attestation),
    /// The caller is in the wrong place.
    Place(OutOfArea),
}

impl Refusal {
    /// Stable code for programs and filters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Spam { .. } => "spam",
            Self::Anonymous => "anonymous",
            Self::InvalidCallerId => "invalid_caller_id",
            Self::International => "international",
            Self::Attestation(_) => "attestation",
            Self::Place(OutOfArea::Denied(_)) => "geo_denied",
            Self::Place(OutOfArea::NotAllowed(_)) => "geo_not_allowed",
            Self::Place(OutOfArea::Unknown(_)) => "geo_unknown",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::Spam { since_s: 0 } => "the same caller rang within the same second".to_owned(),
            Self::Spam { since_s: 1 } => "the same caller rang 1 second before".to_owned(),
            Self::Spam { since_s } => format!("the same caller rang {since_s} seconds before"),
            Self::Anonymous => "the caller withholds their number".to_owned(),
            Self::InvalidCallerId => "the caller shows no valid phone number".to_owned(),
            Self::International => "the caller is in another country".to_owned(),
            Self::Attestation(Attestation::None) => "nobody vouches for the caller's number".to_owned(),
            Self::Attestation(level) => {
                format!("the caller's number is vouched for with {} only", level.as_str())
            }
            Self::Place(wrong) => wrong.text(),
        }
    }
}

/// Whether a campaign takes a call. Of several reasons the first in this order is told: spam, caller id, country, attestation,
/// place.
///
/// # Errors
/// Why not.
pub fn screen(screening: &Screening, arrival: &Arrival<'_>) -> Result<(), Refusal> {
    if let Some(since_s) = arrival.since_last_call_s.filter(|since_s| *since_s < screening.spam_window_s) {
        return Err(Refusal::Spam { since_s });
    }
    let withheld = is_withheld(arrival.from);
    let caller = number_of_caller(arrival.from).filter(|_| !withheld);
    if caller.is_none() {
        if withheld && (screening.block_anonymous || screening.require_caller_id) {
            return Err(Refusal::Anonymous);
        }
        if screening.require_caller_id {
            return Err(Refusal::InvalidCallerId);
        }
    }
    if !screening.allow_international && is_international(caller.as_ref(), arrival) {
        return Err(Refusal::International);
    }
    let attestation = Attestation::of_verstat(arrival.verstat);
    if screening.stir_shaken.as_ref().is_some_and(|taken| !taken.contains(&attestation)) {
        return Err(Refusal::Attestation(attestation));
    }
    screening.geo.takes(arrival.place).map_err(Refusal::Place)
}

/// Only what is known to be abroad is. Countries are compared where both are known; otherwise a number of North America
/// against one that is not: toll-free numbers there are no single country's.
fn is_international(caller: Option<&E164>, arrival: &Arrival<'_>) -> bool {
    let Some(dialled) = arrival.to else { return false };
    match (arrival.place.country, Country::of(dialled)) {
        (Some(theirs), Some(ours)) => theirs != ours,
        _ => caller.is_some_and(|caller| caller.nanp().is_some() != dialled.nanp().is_some()),
    }
}
