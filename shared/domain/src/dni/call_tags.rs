//! What a visit makes known of its call: tags, as filters and templates read them.
//!
//! What must stay true: what a browser says stands under the categories of visitors (or where the tenant puts a parameter of its
//! own), never in place of what we know of the call ourselves; and there is never more of it than [`MAX_TAGS`] and
//! [`MAX_TAGS_BYTES`], the most telling first.

use std::collections::BTreeMap;

use super::visit::{DeviceKind, Visit};
use crate::filter::TagName;
use crate::ids::NumberPoolId;

/// Most tags of a call.
pub const MAX_TAGS: usize = 100;
/// Most bytes of all of them, names and values.
pub const MAX_TAGS_BYTES: usize = 8_192;
/// Longest value, characters.
const MAX_VALUE: usize = 512;

/// Parameters that other systems know under a name of their own, and that name.
const KNOWN: [(&str, &str); 11] = [
    ("utm_source", "Google:Source"),
    ("utm_medium", "Google:Medium"),
    ("utm_campaign", "Google:Campaign"),
    ("utm_term", "Google:Term"),
    ("utm_content", "Google:Content"),
    ("gclid", "Integration:googleClickId"),
    ("gbraid", "Integration:gbraid"),
    ("wbraid", "Integration:wbraid"),
    ("fbclid", "Integration:facebookClickId"),
    ("msclkid", "Integration:microsoftClickId"),
    ("ttclid", "Integration:tiktokClickId"),
];

/// The tags of a visit's call, by `Category:Name`. `reports_as`: the tag that the tenant's settings make of a parameter of the
/// page's address; without one it is `User:<parameter>`.
pub fn call_tags(
    visit: &Visit,
    pool: Option<NumberPoolId>,
    reports_as: impl Fn(&str) -> Option<TagName>,
) -> BTreeMap<String, String> {
    let mut tags = Gathered::default();
    tags.add("Visit:Id", &visit.id.to_string());
    if let Some(pool) = pool {
        tags.add("Pool:Id", &pool.to_string());
    }
    // The click is what a tracker asks for: it has its place before anything that could use the room up.
    if let Some(click) = visit.click_id() {
        tags.add("User:clickid", click);
    }
    for (parameter, tag) in KNOWN {
        tags.add(tag, visit.params.get(parameter).map_or("", String::as_str));
    }
    for (parameter, value) in &visit.params {
        match reports_as(parameter) {
            Some(tag) => tags.add(tag.as_str(), value),
            None => tags.add_named("User", parameter, value),
        }
    }
    let (geo, device) = (&visit.geo, &visit.device);
    let is_mobile = match device.kind {
        DeviceKind::Phone | DeviceKind::Tablet => "yes",
        DeviceKind::Computer => "no",
        DeviceKind::Unknown => "",
    };
    let (landed, latest) = (visit.pages.first(), visit.pages.last());
    for (tag, value) in [
        ("Visitor:Country", geo.country.as_str()),
        ("Visitor:Region", &geo.region),
        ("Visitor:City", &geo.city),
        ("Visitor:PostalCode", &geo.postal_code),
        ("Visitor:TimeZone", &geo.time_zone),
        ("Visitor:Language", &device.language),
        ("Technology:IPAddress", &geo.ip),
        ("Technology:IsMobile", is_mobile),
        ("Technology:OS", &device.system),
        ("Technology:Browser", &device.browser),
        ("Technology:UserAgentString", &device.user_agent),
        ("Visit:LandingPage", landed.map_or("", |page| &page.url)),
        ("Visit:Page", latest.map_or("", |page| &page.url)),
        ("Visit:Referrer", landed.map_or("", |page| &page.referrer)),
    ] {
        tags.add(tag, value);
    }
    for (category, touch) in [("LastTouch", &visit.last), ("FirstTouch", &visit.first)] {
        for (name, value) in touch {
            tags.add_named(category, name, value);
        }
    }
    tags.all
}

#[derive(Default)]
struct Gathered {
    all: BTreeMap<String, String>,
    bytes: usize,
}

impl Gathered {
    /// A parameter whose name can be none of a tag is left out.
    fn add_named(&mut self, category: &str, name: &str, value: &str) {
        if let Ok(tag) = TagName::try_from(format!("{category}:{name}")) {
            self.add(tag.as_str(), value);
        }
    }

    /// What stands there first stays; what does not fit is left out.
    fn add(&mut self, tag: &str, value: &str) {
        let value: String = value.chars().take(MAX_VALUE).collect();
        let bytes = tag.len() + value.len();
        let fits = self.all.len() < MAX_TAGS && self.bytes + bytes <= MAX_TAGS_BYTES;
        if fits && !value.is_empty() && !self.all.contains_key(tag) {
            self.bytes += bytes;
            self.all.insert(tag.to_owned(), value);
        }
    }
}
