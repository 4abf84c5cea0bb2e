//! The tokens that we can fill. Each line has all names of one fact: the field's own first, then what other systems call it.
//!
//! Names are found without regard to case. A name in braces is a macro of earlier systems: `{callerId}` is filled, every
//! other text in braces (JSON, say) stays as it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::facts::{Facts, ShownNumber};

/// A line of the catalogue.
pub(super) struct Line {
    /// Its names, without brackets; macros with their braces.
    names: &'static [&'static str],
    fill: fn(&Facts) -> Option<String>,
}

impl Line {
    pub(super) fn fill(&self, facts: &Facts) -> Option<String> {
        (self.fill)(facts).filter(|value| !value.is_empty())
    }
}

/// Categories whose names are the tenant's own: every name in them is known.
const OPEN_CATEGORIES: [&str; 9] = [
    "user",
    "address",
    "email addresses",
    "demographics",
    "integration",
    // What a visit brought along: the advertisement, where the visitor was, the first touch and the latest.
    "google",
    "visitor",
    "firsttouch",
    "lasttouch",
];

const fn line(names: &'static [&'static str], fill: fn(&Facts) -> Option<String>) -> Line {
    Line { names, fill }
}

static LINES: &[Line] = &[
    // The caller.
    line(
        &[
            "tag:InboundNumber:Number",
            "tag:InboundNumber:NumberE164",
            "Call:InboundPhoneNumber",
            "Call:CallerId",
            "{callerId}",
            "{caller_id}",
            "{inboundNumber}",
            "{sourceNumber}",
        ],
        |facts| facts.caller.number.text(),
    ),
    line(&["tag:InboundNumber:Number-NoPlus", "Call:CallerIdNoPlus"], |facts| {
        facts.caller.number.text().map(|number| number.trim_start_matches('+').to_owned())
    }),
    line(&["tag:InboundNumber:AreaCode"], |facts| facts.caller.number.area_code()),
    line(&["tag:InboundNumber:Prefix"], |facts| facts.caller.number.prefix()),
    line(&["tag:InboundNumber:Suffix"], |facts| facts.caller.number.suffix()),
    line(
        &[
            "tag:InboundNumber:State",
            "tag:InboundNumber:Province",
            "tag:InboundNumber:Region",
            "{callerState}",
        ],
        callers_state,
    ),
    line(&["tag:InboundNumber:ZipCode", "{callerZip}"], |facts| facts.caller.place.zip.clone()),
    line(&["tag:InboundNumber:CountryCode"], callers_country),
    line(&["tag:InboundNumber:CountryDigits"], |facts| match &facts.caller.number {
        ShownNumber::Whole(number) | ShownNumber::Masked(number) => number.nanp().map(|_| "1".to_owned()),
        ShownNumber::Hidden => None,
    }),
    line(&["tag:InboundNumber:IsPhoneNumberValid"], |facts| yes_or_no(facts.caller.valid)),
    line(&["tag:InboundNumber:ShakenStirAttestation"], |facts| {
        Some(facts.caller.attestation?.as_str().to_owned())
    }),
    line(&["tag:InboundNumber:ShakenStirValidated"], |facts| {
        yes_or_no(Some(facts.caller.attestation?.as_str() != "none"))
    }),
    line(&["{exposeCallerId}"], |facts| {
        yes_or_no(Some(matches!(facts.caller.number, ShownNumber::Whole(_))))
    }),
    // The call.
    line(&["Call:InboundCallId", "{inboundCallId}", "{call_id}", "{requestId}"], |facts| {
        Some(facts.call.id?.to_string())
    }),
    line(&["Call:CallDateTime", "{callStartTime}"], |facts| Some(facts.call.started_at?.to_string())),
    line(&["Call:CallConnectionDt", "Call:CallConnectionTime"], |facts| {
        Some(facts.call.connected_at?.to_string())
    }),
    line(&["Call:ConversionAmount"], |facts| Some(facts.call.revenue?.to_string())),
    line(&["Call:ConversionPayout"], |facts| Some(facts.call.payout?.to_string())),
    line(&["Call:RecordingUrl", "tag:Recording:RecordingUrl", "{recording_url}"], |facts| {
        facts.call.recording_url.clone()
    }),
    line(&["tag:CallInfo:IsDuplicate"], |facts| yes_or_no(facts.call.duplicate)),
    line(&["tag:CallLength:Total", "{duration}"], |facts| Some(facts.call.total_s?.to_string())),
    line(&["tag:CallLength:FromConnect"], |facts| Some(facts.call.from_connect_s?.to_string())),
    line(&["tag:CallLength:FromDial"], |facts| Some(facts.call.from_dial_s?.to_string())),
    line(&["tag:Conversion:ConvertedDuringCall"], |facts| yes_or_no(facts.call.converted)),
    line(&["tag:EndCall:EndCallSource"], |facts| facts.call.ended_by.clone()),
    line(&["tag:DialedNumber:Number"], |facts| Some(facts.dialled.number.as_ref()?.as_str().to_owned())),
    line(&["tag:DialedNumber:Name"], |facts| facts.dialled.name.clone()),
    line(&["tag:IVR:Id"], |facts| facts.step.id.clone()),
    line(&["tag:IVR:Name"], |facts| facts.step.name.clone()),
    // The parties.
    line(&["tag:Campaign:Id", "Campaign:Id", "{campaignId}", "{campaign_id}"], |facts| {
        Some(facts.campaign.id?.to_string())
    }),
    line(&["tag:Campaign:Name", "Campaign:Name"], |facts| facts.campaign.name.clone()),
    line(&["tag:Campaign:TrackingId"], |facts| facts.campaign.tracking_id.clone()),
    line(&["tag:Publisher:Id", "Publisher:Id", "{publisherId}"], |facts| {
        Some(facts.publisher.id?.to_string())
    }),
    line(&["tag:Publisher:Name", "Publisher:Name"], |facts| facts.publisher.name.clone()),
    line(&["tag:Publisher:SubId", "Publisher:SubId", "{publisherSubId}"], |facts| {
        facts.publisher.sub_id.clone()
    }),
    line(&["tag:Publisher:CompanyId"], |facts| facts.publisher.company_id.clone()),
    line(&["tag:Target:Id"], |facts| facts.target.id.clone()),
    line(&["tag:Target:Name"], |facts| facts.target.name.clone()),
    line(&["tag:Target:SubId"], |facts| facts.target.sub_id.clone()),
    line(&["tag:Buyer:Id", "tag:Target:BuyerId", "{buyer_id}"], |facts| Some(facts.buyer.id?.to_string())),
    line(&["tag:Buyer:Name", "tag:Target:BuyerName"], |facts| facts.buyer.name.clone()),
    line(&["tag:Buyer:SubId", "tag:Target:BuyerSubId"], |facts| facts.buyer.sub_id.clone()),
    // The bid.
    line(&["tag:Bid:Id", "Bid:Id"], |facts| facts.bid.id.clone()),
    line(&["tag:Bid:Amount", "Bid:Amount"], |facts| Some(facts.bid.amount?.to_string())),
    line(&["tag:Bid:Min", "{minBid}"], |facts| Some(facts.bid.min?.to_string())),
    line(&["tag:Bid:Max", "{maxBid}"], |facts| Some(facts.bid.max?.to_string())),
    line(&["tag:Bid:Currency", "{currency}"], |facts| Some(facts.bid.currency?.code().to_owned())),
    // Places.
    line(&["tag:Geo:City"], |facts| facts.geo.city.clone()),
    line(&["tag:Geo:SubDivision"], |facts| facts.geo.sub_division.clone()),
    line(&["tag:Geo:SubDivisionCode"], |facts| {
        callers_state(facts).or_else(|| facts.geo.sub_division_code.clone())
    }),
    line(&["tag:Geo:ZipCode"], |facts| facts.caller.place.zip.clone().or_else(|| facts.geo.zip.clone())),
    line(&["tag:Geo:Country"], |facts| facts.geo.country.clone()),
    line(&["tag:Geo:CountryCode"], |facts| callers_country(facts).or_else(|| facts.geo.country_code.clone())),
    line(&["tag:Geo:Latitude"], |facts| facts.geo.latitude.clone()),
    line(&["tag:Geo:Longitude"], |facts| facts.geo.longitude.clone()),
    line(&["tag:Geo:TimeZone"], |facts| facts.geo.time_zone.clone()),
    // The visitor.
    line(&["tag:Technology:IPAddress", "{ipAddress}"], |facts| facts.visitor.ip.clone()),
    line(&["tag:Technology:UserAgentString", "{userAgent}"], |facts| facts.visitor.user_agent.clone()),
    line(&["tag:Technology:IsMobile"], |facts| yes_or_no(facts.visitor.is_mobile)),
    line(&["tag:Technology:OS"], |facts| facts.visitor.os.clone()),
    line(&["tag:Technology:OSVersion"], |facts| facts.visitor.os_version.clone()),
    line(&["tag:Technology:Browser"], |facts| facts.visitor.browser.clone()),
    line(&["tag:Technology:BrowserVersion"], |facts| facts.visitor.browser_version.clone()),
    line(&["tag:Visit:Id", "{sessionId}"], |facts| facts.visitor.session.clone()),
    line(&["tag:Visit:Referrer", "{referrer}"], |facts| facts.visitor.referrer.clone()),
    line(&["tag:Visit:LandingPage"], |facts| facts.tags.get("Visit:LandingPage").map(str::to_owned)),
    line(&["tag:Pool:Id"], |facts| facts.tags.get("Pool:Id").map(str::to_owned)),
    // Dates and times.
    line(&["tag:Date:Date"], |facts| local(facts, "%Y-%m-%d")),
    line(&["tag:Date:Year"], |facts| local(facts, "%Y")),
    line(&["tag:Date:Month"], |facts| local(facts, "%m")),
    line(&["tag:Date:Day"], |facts| local(facts, "%d")),
    line(&["tag:Date:WeekDay", "tag:Time:WeekDay"], |facts| local(facts, "%A")),
    line(&["tag:Time:Time"], |facts| local(facts, "%H:%M:%S")),
    line(&["tag:Time:Hour"], |facts| local(facts, "%H")),
    line(&["tag:Time:Minute"], |facts| local(facts, "%M")),
    line(&["tag:Time:UtcHour", "tag:Date:UtcHour"], |facts| {
        Some(facts.now?.to_zoned(TimeZone::UTC).strftime("%H").to_string())
    }),
    line(&["tag:Time:TimeZone", "tag:Date:TimeZone", "{timezone}"], |facts| {
        facts.now.map(|_| facts.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()))
    }),
    line(&["{timestamp}"], |facts| Some(facts.now?.as_millisecond().to_string())),
    line(&["{isoTimestamp}"], |facts| Some(iso(facts.now?))),
];

fn callers_state(facts: &Facts) -> Option<String> {
    Some(facts.caller.place.state?.as_str().to_owned())
}

fn callers_country(facts: &Facts) -> Option<String> {
    Some(facts.caller.place.country?.to_string())
}

fn yes_or_no(is: Option<bool>) -> Option<String> {
    Some(if is? { "yes" } else { "no" }.to_owned())
}

fn local(facts: &Facts, form: &str) -> Option<String> {
    let zone = facts.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
    Some(facts.now?.to_zoned(zone.unwrap_or(TimeZone::UTC)).strftime(form).to_string())
}

fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

static BY_NAME: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let named = LINES.iter().enumerate();
    named.flat_map(|(at, line)| line.names.iter().map(move |name| (name.to_ascii_lowercase(), at))).collect()
});

/// Where a token's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A line of the catalogue.
    Line(usize),
    /// One of the tags that are the tenant's own, `Category:Name`.
    Tag(String),
}

impl Source {
    /// Finds a token by its name, without brackets.
    pub(super) fn find(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if let Some(line) = BY_NAME.get(&name) {
            return Some(Self::Line(*line));
        }
        let tag = name.strip_prefix("tag:")?;
        let (category, own) = tag.split_once(':')?;
        (OPEN_CATEGORIES.contains(&category) && !own.trim().is_empty()).then(|| Self::Tag(tag.to_owned()))
    }

    pub(super) fn fill(&self, facts: &Facts) -> Option<String> {
        match self {
            Self::Line(at) => LINES.get(*at)?.fill(facts),
            Self::Tag(tag) => facts.tags.get(tag).map(str::to_owned),
        }
    }
}

/// Whether a tag, written `User:zip`, is of a category whose names are the tenant's own, and none that we fill.
pub fn is_own_tag(tag: &str) -> bool {
    matches!(Source::find(&format!("tag:{tag}")), Some(Source::Tag(_)))
}

/// The field's own name of every token, as it is written in a template.
pub fn names() -> impl Iterator<Item = String> {
    LINES.iter().filter_map(|line| line.names.first()).map(|name| bracketed(name))
}

fn bracketed(name: &str) -> String {
    if name.starts_with('{') { name.to_owned() } else { format!("[{name}]") }
}

/// The known token whose name is most like this one, as it is written in a template; `None` when none is much like it.
pub(super) fn nearest(name: &str) -> Option<String> {
    let wanted = name.to_ascii_lowercase();
    let is_macro = wanted.starts_with('{');
    let all = LINES.iter().flat_map(|line| line.names).filter(|known| known.starts_with('{') == is_macro);
    let near = |known: &&'static str| (distance(&wanted, &known.to_ascii_lowercase()), *known);
    let (distance, known) = all.map(near).min_by_key(|(distance, _)| *distance)?;
    let most = if is_macro { 2 } else { 4 };
    (distance <= most && distance * 3 <= wanted.len()).then(|| bracketed(known))
}

/// How many characters have to be changed, added or left out to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, character) in one.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        for (cell, against) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(character != *against);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
