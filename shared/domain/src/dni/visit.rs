//! What is known of a browser session.
//!
//! Everything a browser says is text from strangers: it is cut, never trusted, and stands in no page unescaped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ids::{CampaignId, PublisherId, TrackingTagId, VisitId};
use crate::phone::E164;

/// Most parameters that are kept of a visit.
pub const MAX_PARAMS: usize = 50;
/// Longest name of one, characters.
pub const MAX_NAME: usize = 64;
/// Longest value of one, characters.
pub const MAX_VALUE: usize = 512;
/// Most characters of all names and values of a touch or a visit's parameters together.
pub const MAX_TEXT: usize = 8_192;
/// Longest address of a page, characters.
pub const MAX_URL: usize = 2_048;
/// Most pages that are kept of a visit: the first, and the latest ones.
pub const MAX_PAGES: usize = 20;

/// Names and values as text.
pub type Params = BTreeMap<String, String>;

/// A browser session. Times are UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Visit {
    /// Its id; the moment it began is in it.
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
    /// The number its visitor was shown last; `None`: the one that stood in the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<E164>,
    /// Whether a call to that number is this visit's.
    pub attributed: bool,
    /// Everything kept of the pages' addresses, and everything they pushed.
    #[serde(default)]
    pub params: Params,
    /// Where the visitor came from first: kept parameters, and `url`, `referrer`, `at`.
    #[serde(default)]
    pub first: Params,
    /// The latest that says where the visitor came from, in the same form.
    #[serde(default)]
    pub last: Params,
    /// The pages they were seen on: the first, and the latest ones.
    #[serde(default)]
    pub pages: Vec<PageSeen>,
    /// Where they are.
    #[serde(default)]
    pub geo: Geo,
    /// What they use.
    #[serde(default)]
    pub device: Device,
}

/// A page that a visitor was seen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PageSeen {
    /// Its address.
    pub url: String,
    /// The page they came from, as the browser tells it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub referrer: String,
    /// When they were first seen on it.
    pub at: Timestamp,
}

/// Where a browser is, as the edge of the network tells (`CloudFront-Viewer-…`); empty: unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = VisitGeo)]
pub struct Geo {
    /// Two letters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// State, province or region: its short code.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// City.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub city: String,
    /// Postal code.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub postal_code: String,
    /// Time zone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// The internet address; a personal value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
}

/// What a visitor uses, as far as the browser tells; empty: unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = VisitDevice)]
pub struct Device {
    /// Which sort.
    pub kind: DeviceKind,
    /// `Windows`, `macOS`, `iOS`, `Android`, `Linux` or `ChromeOS`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// `Chrome`, `Safari`, `Firefox`, `Edge`, `Opera` or `Samsung Internet`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub browser: String,
    /// The preferred language, as the browser names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// How the browser names itself, cut.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
}

/// The sort of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A computer.
    Computer,
    /// Nothing says what it is.
    #[default]
    Unknown,
}

/// The parameters in which RedTrack's click ids come.
const CLICK_IDS: [&str; 3] = ["clickid", "rtkcid", "rtkclickid"];

/// The click id among parameters.
pub fn click_id_of<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    CLICK_IDS.into_iter().find_map(value).filter(|click| !click.is_empty())
}

impl Visit {
    /// The click in RedTrack that it came from.
    pub fn click_id(&self) -> Option<&str> {
        click_id_of(|name| self.params.get(name).map(String::as_str))
    }

    /// The UTC day on which a visit began: it is kept under it.
    pub fn day_of(id: VisitId) -> Date {
        let (seconds, nanos) = id.uuid().get_timestamp().map_or((0, 0), |stamp| stamp.to_unix());
        let at = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::new(seconds, i32::try_from(nanos).unwrap_or_default()).ok());
        at.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date()
    }

    /// What a later question of the same browser adds: it is seen again, perhaps on another page, perhaps with more
    /// parameters. What is known of where it came from first does not change.
    pub fn learn(&mut self, later: Learned) {
        self.seen_at = self.seen_at.max(later.at);
        for (name, value) in later.params {
            if self.params.len() < MAX_PARAMS || self.params.contains_key(&name) {
                self.params.insert(name, value);
            }
        }
        cut(&mut self.params);
        if self.first.is_empty() {
            self.first = later.first;
        }
        if !later.last.is_empty() {
            self.last = later.last;
        }
        if let Some(page) =
            later.page.filter(|page| self.pages.last().is_none_or(|last| last.url != page.url))
        {
            self.pages.push(page);
            if self.pages.len() > MAX_PAGES {
                self.pages.remove(1);
            }
        }
        if let Some((number, attributed)) = later.shown {
            (self.number, self.attributed) = (number, attributed);
        }
    }
}

/// What a question says of a visit that has begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// When.
    pub at: Timestamp,
    /// Parameters that were kept.
    pub params: Params,
    /// The first touch.
    pub first: Params,
    /// The latest touch.
    pub last: Params,
    /// The page.
    pub page: Option<PageSeen>,
    /// The number that the visitor is shown from now on, and whether calls to it are theirs; `None`: as before.
    pub shown: Option<(Option<E164>, bool)>,
}

/// Keeps the first parameters, by name, whose text is not too much together.
pub(super) fn cut(params: &mut Params) {
    let mut total = 0;
    params.retain(|name, value| {
        total += name.chars().count() + value.chars().count();
        total <= MAX_TEXT
    });
}
