//! Visits: browser sessions that tracking tags have seen.
//!
//! Everything of them that a browser said is text from strangers. Addresses of visitors and the numbers that they were shown are
//! masked unless the key has `numbers:read`. Somebody who sees only their own calls sees the visits of their publisher.

use std::collections::BTreeMap;

use domain::dni::visit::{Device, Geo, PageSeen};
use domain::ids::{CampaignId, PublisherId, TrackingTagId, VisitId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::calls::CallLine;

/// A page of visits, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VisitsPage {
    /// The visits.
    pub items: Vec<VisitLine>,
    /// Where to go on; absent when everything asked for was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The earliest UTC day looked at so far. A page may be short, even empty, and still have a `next`: one request
    /// looks at a bounded number of days and of visits.
    pub searched_to: Date,
}

/// One line of the list of visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VisitLine {
    /// Its id.
    pub id: VisitId,
    /// The tag of the page.
    pub tag: TrackingTagId,
    /// The tag's campaign then.
    pub campaign: CampaignId,
    /// The tag's publisher then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublisherId>,
    /// When it began.
    pub started_at: Timestamp,
    /// When its browser last told of itself.
    pub seen_at: Timestamp,
    /// The number its visitor was shown last, perhaps masked; absent: the one that stood in the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Whether a call to that number is this visit's.
    pub attributed: bool,
    /// The first page, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_on: Option<String>,
    /// Where it came from: the first parameters, shortened. One visit shows all.
    pub params: BTreeMap<String, String>,
    /// Where the visitor is.
    pub geo: Geo,
}

/// One visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VisitDetail {
    /// What the list says of it, with all parameters.
    #[serde(flatten)]
    pub line: VisitLine,
    /// Where the visitor came from first: kept parameters, and `url`, `referrer`, `at`.
    pub first: BTreeMap<String, String>,
    /// The latest that says where the visitor came from, in the same form.
    pub last: BTreeMap<String, String>,
    /// The pages they were seen on: the first, and the latest ones.
    pub pages: Vec<PageSeen>,
    /// What they use.
    pub device: Device,
    /// Their calls, the first ones first; 50 at most.
    pub calls: Vec<CallLine>,
}

/// The visitors who are shown a number now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LiveVisitors {
    /// When this was looked at.
    pub at: Timestamp,
    /// The visitors, the latest first; at most 500.
    pub items: Vec<LiveVisitor>,
    /// Whether there are more.
    pub more: bool,
}

/// A visitor who is shown a number now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LiveVisitor {
    /// The visit's id.
    pub id: VisitId,
    /// The tag.
    pub tag: TrackingTagId,
    /// The number, perhaps masked.
    pub number: String,
    /// Since when it is theirs; of a fixed number, when the visit began.
    pub since: Timestamp,
    /// Until when, unless they do something; absent for a fixed number, which is nobody's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What is known of the visit; absent when it was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<VisitLine>,
}
