//! Tracking tags: what a page's visitors are shown, and what is kept of them.

use serde::{Deserialize, Serialize};

use super::redtrack::RedTrack;
use crate::ids::{CampaignId, NumberId, NumberPoolId, PublisherId, TenantId, TrackingTagId};
use crate::partner::MAX_NOTES;
use crate::phone::E164;
use crate::pool::NumberPool;
use crate::target::Status;
use crate::validate::{Problem, Problems, Validate};

/// Most selectors, numbers to be replaced, and kept parameters of a tag.
pub const MAX_ENTRIES: usize = 20;
/// Most origins of a tag.
pub const MAX_ORIGINS: usize = 50;
/// Longest selector.
const MAX_SELECTOR: usize = 200;
/// Longest name of a parameter.
pub const MAX_PARAMETER: usize = 64;

/// Shows each visitor of a page a phone number of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackingTag {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
    /// Pages of a paused tag keep their own number.
    #[serde(default)]
    pub status: Status,
    /// The campaign that takes the calls.
    pub campaign: CampaignId,
    /// The publisher who is paid for them.
    #[serde(default)]
    pub publisher: Option<PublisherId>,
    /// What visitors are shown.
    pub shows: Shows,
    /// The number of visitors who cannot be given one of their own. `null`: the one that stands in the page.
    #[serde(default)]
    pub default_number: Option<E164>,
    /// What is replaced in the page.
    #[serde(default)]
    pub replace: Replace,
    /// Parameters of the page's address that are kept, besides the ones that are always kept (`utm_…`, click ids).
    #[serde(default)]
    #[schema(max_items = 20)]
    pub keep: Vec<String>,
    /// The only sites that may ask, such as `https://www.example.com`. None: all may.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub allowed_origins: Vec<String>,
    /// Whether robots are kept away from the numbers.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub refuse_bots: bool,
    /// What RedTrack is told of its calls; `null`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redtrack: Option<RedTrack>,
}

/// What visitors are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// Each a number of this pool.
    Pool(NumberPoolId),
    /// All this number.
    Number(NumberId),
}

/// What is replaced in a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Replace {
    /// Elements that hold a number, as CSS selectors.
    #[schema(max_items = 20)]
    pub selectors: Vec<String>,
    /// Numbers that are replaced wherever they stand, however they are written. The first is the page's own: copies go back
    /// to it.
    #[schema(max_items = 20)]
    pub numbers: Vec<E164>,
    /// Whether open shadow roots are searched, too.
    pub shadow: bool,
}

const fn yes() -> bool {
    true
}

impl Validate for TrackingTag {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.text("notes", &self.notes, MAX_NOTES);
        problems.at_most("replace.selectors", self.replace.selectors.len(), MAX_ENTRIES);
        problems.at_most("replace.numbers", self.replace.numbers.len(), MAX_ENTRIES);
        problems.at_most("keep", self.keep.len(), MAX_ENTRIES);
        problems.at_most("allowed_origins", self.allowed_origins.len(), MAX_ORIGINS);
        for (index, selector) in self.replace.selectors.iter().enumerate() {
            if let Err(why) = check_selector(selector) {
                problems.add(format!("replace.selectors[{index}]"), "selector", why);
            }
        }
        for (index, name) in self.keep.iter().enumerate() {
            check_parameter(&format!("keep[{index}]"), name, &mut problems);
        }
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            if !is_origin(origin) {
                let words =
                    "an origin is a scheme and a host as browsers write them: https://www.example.com";
                problems.add(format!("allowed_origins[{index}]"), "origin", words);
            }
        }
        if let Some(redtrack) = &self.redtrack {
            redtrack.check("redtrack", &mut problems);
        }
        problems.into_result()
    }
}

/// A parameter that is kept has a name of its own: the script's touches have `url`, `referrer` and `at` beside them.
pub fn check_parameter(field: &str, name: &str, problems: &mut Problems) {
    let sound = (1..=MAX_PARAMETER).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !sound {
        let words = format!("the name of a parameter has 1 to {MAX_PARAMETER} letters, digits, _ - and .");
        problems.add(field, "parameter", words);
    } else if ["url", "referrer", "at"].contains(&name) {
        problems.add(field, "reserved", "url, referrer and at are kept of every visit under these names");
    }
}

/// What the number script can use: it puts the selectors together, and one that closes what it did not open would spoil all.
fn check_selector(selector: &str) -> Result<(), &'static str> {
    if selector.trim().is_empty() || selector.chars().count() > MAX_SELECTOR {
        return Err("a selector has 1 to 200 characters");
    }
    if selector.chars().any(|character| character.is_control() || "{}<;\\".contains(character)) {
        return Err("a selector has no { } < ; \\ and no control characters");
    }
    let (mut open, mut quote) = (Vec::new(), None);
    for character in selector.chars() {
        match (quote, character) {
            (Some(mark), _) if mark == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[') => open.push(character),
            (None, ')') if open.pop() != Some('(') => return Err("a ) closes nothing"),
            (None, ']') if open.pop() != Some('[') => return Err("a ] closes nothing"),
            (None, _) => {}
        }
    }
    if quote.is_none() && open.is_empty() { Ok(()) } else { Err("a quote or bracket is not closed") }
}

/// As browsers write it in `Origin`: no path, no default port, lower case.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let default_port = if scheme == "https" { "443" } else { "80" };
    let port_sound = port.is_none_or(|port| {
        port != default_port && !port.starts_with('0') && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    ["https", "http"].contains(&scheme) && port_sound && host.len() <= 253 && host.split('.').all(label)
}

/// A tag with everything a lookup needs of what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSetup {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: TrackingTagId,
    /// The tag.
    pub tag: TrackingTag,
    /// What it shows.
    pub source: Source,
    /// The tenant's URL parameters: kept by every tag.
    pub url_parameters: Vec<String>,
}

/// Where a tag's numbers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A pool.
    Pool(NumberPoolId, Box<NumberPool>),
    /// One number.
    Number(E164),
    /// What it names is gone.
    Nothing,
}

impl TagSetup {
    /// Whether a page of this origin may ask; `None` where the browser named none (a link, a picture, a program).
    pub fn allows(&self, origin: Option<&str>) -> bool {
        self.tag.allowed_origins.is_empty()
            || origin.is_some_and(|origin| self.tag.allowed_origins.iter().any(|allowed| allowed == origin))
    }

    /// The parameters that are kept beside those that always are.
    pub fn kept(&self) -> Vec<&str> {
        let mut kept: Vec<&str> =
            self.tag.keep.iter().chain(&self.url_parameters).map(String::as_str).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}
