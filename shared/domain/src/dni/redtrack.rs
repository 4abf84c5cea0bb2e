//! What RedTrack is told of a call whose visit came from one of its clicks: `/postback?clickid=…&sum=…&type=…`.
//!
//! What must stay true: an amount is what the books say, and without one there is none: nothing is made up. What is due depends on
//! the call alone, so whoever looks at it twice finds the same.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::ledger::Conversion;
use crate::money::Money;
use crate::validate::Problems;

/// Longest conversation that may be asked for, seconds.
const MAX_SECONDS: u32 = 3_600;

/// How RedTrack hears of a tag's calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedTrack {
    /// The tracking domain, such as `track.example.com`.
    #[schema(min_length = 4, max_length = 253)]
    pub domain: String,
    /// A call that converts by being connected alone is told as converted only after so many seconds of conversation. Where a
    /// call's own rule names a length, or a report decides, that counts.
    #[serde(default = "half_a_minute")]
    #[schema(maximum = 3600, default = 30)]
    pub min_seconds: u32,
    /// What it is told.
    #[serde(default = "all")]
    pub types: BTreeSet<PostbackType>,
}

/// What a postback says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum PostbackType {
    /// The call was taken.
    RAWCall,
    /// Caller and destination could talk.
    AnsweredCall,
    /// It converted.
    ConvertedCall,
}

impl PostbackType {
    /// All of them, in the order in which they become due.
    pub const ALL: [Self; 3] = [Self::RAWCall, Self::AnsweredCall, Self::ConvertedCall];

    /// As RedTrack writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RAWCall => "RAWCall",
            Self::AnsweredCall => "AnsweredCall",
            Self::ConvertedCall => "ConvertedCall",
        }
    }
}
impl fmt::Display for PostbackType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

const fn half_a_minute() -> u32 {
    30
}

fn all() -> BTreeSet<PostbackType> {
    PostbackType::ALL.into()
}

/// Where a call stands, as far as trackers ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Caller and destination can or could talk.
    pub connected: bool,
    /// How it ended, once its books are closed.
    pub booked: Option<Booked>,
}

/// What the books say of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked {
    /// Whether it converted.
    pub converted: bool,
    /// By which rule; `None` when nobody was dialled.
    pub rule: Option<Conversion>,
    /// Whether a report of another system counts for it.
    pub reported: bool,
    /// Seconds that the parties could talk.
    pub connected_s: u32,
    /// What is paid for it.
    pub payout: Money,
}

/// One postback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postback {
    /// What it says.
    pub kind: PostbackType,
    /// Where it goes, whole.
    pub url: String,
}

impl RedTrack {
    /// Rules for the settings; `at` is their own field.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        if !is_public_host(&self.domain) {
            let words = "the tracking domain as it is set up in RedTrack, such as track.example.com";
            problems.add(format!("{at}.domain"), "host", words);
        }
        problems.within(&format!("{at}.min_seconds"), self.min_seconds, 0..=MAX_SECONDS);
    }

    /// Everything that is to be told of a call by now, in order; also what was told before.
    pub fn due(&self, click: &str, progress: &Progress) -> Vec<Postback> {
        let is_due = |kind: &PostbackType| match kind {
            PostbackType::RAWCall => true,
            PostbackType::AnsweredCall => progress.connected,
            PostbackType::ConvertedCall => progress.booked.is_some_and(|booked| self.converted(&booked)),
        };
        let told = PostbackType::ALL.into_iter().filter(|kind| self.types.contains(kind)).filter(is_due);
        told.filter_map(|kind| {
            let sum = match kind {
                PostbackType::ConvertedCall => progress.booked.map(|booked| booked.payout),
                PostbackType::RAWCall | PostbackType::AnsweredCall => None,
            };
            Some(Postback { kind, url: self.url(click, kind, sum.filter(|sum| *sum > Money::ZERO))? })
        })
        .collect()
    }

    fn converted(&self, booked: &Booked) -> bool {
        let says_itself =
            booked.reported || matches!(booked.rule, Some(Conversion::Length { .. } | Conversion::Reported));
        booked.converted && (says_itself || booked.connected_s >= self.min_seconds)
    }

    /// `None`: the domain is none, which is not saved.
    fn url(&self, click: &str, kind: PostbackType, sum: Option<Money>) -> Option<String> {
        let mut url = Url::parse(&format!("https://{}/postback", self.domain)).ok()?;
        url.query_pairs_mut().append_pair("clickid", click);
        if let Some(sum) = sum {
            url.query_pairs_mut().append_pair("sum", &sum.to_string());
        }
        url.query_pairs_mut().append_pair("type", kind.as_str());
        Some(url.into())
    }
}

/// A host name of the public internet: two labels at least, the last of letters; no address, no port.
fn is_public_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let special = ["local", "localhost", "internal", "arpa", "test", "invalid", "onion"].contains(&last);
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(label)
        && last.bytes().any(|byte| byte.is_ascii_lowercase())
        && !special
}
