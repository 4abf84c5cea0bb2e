//! A ring tree's auction, decided purely: what each bidder is asked, what its answer means, who wins.
//!
//! First price. Ties: priority, then weight, then speed, then id. The absence of a refusal is never taken for acceptance.

use jiff::{SignedDuration, Timestamp};
use script::json_path::JsonPath;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::campaign::{AuctionSettings, BidderEntry};
use crate::ids::{AuctionId, CallId, RtbTargetId};
use crate::money::Money;
use crate::phone::{Destination, E164, SipUri};
use crate::plan::Tree;
use crate::target::{CallerIdExposure, RtbTarget};
use crate::tokens::{Facts, Template};

/// What one bidder is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidRequest {
    /// Where to, absolute.
    pub url: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

/// A valid bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// Whose.
    pub bidder: RtbTargetId,
    /// How much, in the campaign's currency.
    pub amount: Money,
    /// Where to send the call.
    pub destination: Destination,
    /// Connected seconds from which the call is payable, when the answer says so.
    pub call_length_s: Option<u32>,
    /// Good until then; `None` is for the call's whole set-up.
    pub expires_at: Option<Timestamp>,
    /// Place in the tree: lower first among equal bids.
    pub priority: u16,
    /// Place in the tree: higher first among equal bids of one priority.
    pub weight: u16,
    /// How long the answer took.
    pub latency_ms: u32,
}

/// Why a bidder is not among those who may win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It was not asked: paused, or a cap is full.
    NotAsked(crate::routing::Passed),
    /// No answer before its time-out or the deadline.
    TimedOut,
    /// The request could not be made or broke off; the outbound client's code says how.
    NotReached(String),
    /// An HTTP status other than success.
    HttpStatus(u16),
    /// Success, but nothing in it.
    EmptyAnswer,
    /// Not JSON.
    Malformed,
    /// It does not want the call; its own words, shortened.
    Declined(String),
    /// The answer holds no amount where it should, or one that is not a number.
    NoAmount,
    /// Below the bidder's or the tree's minimum.
    BelowMinimum(Money),
    /// Above the bidder's maximum.
    AboveMaximum(Money),
    /// Another currency than agreed.
    WrongCurrency,
    /// Neither a phone number nor a SIP address.
    InvalidDestination,
    /// Ran out before it arrived.
    Expired,
    /// Fewer valid bids than the tree demands.
    TooFewBidders,
}

impl Refusal {
    /// Stable code for programs and reports.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAsked(passed) => passed.code(),
            Self::TimedOut => "timed_out",
            Self::NotReached(_) => "not_reached",
            Self::HttpStatus(_) => "http_status",
            Self::EmptyAnswer => "empty_answer",
            Self::Malformed => "malformed",
            Self::Declined(_) => "declined",
            Self::NoAmount => "no_amount",
            Self::BelowMinimum(_) => "below_minimum",
            Self::AboveMaximum(_) => "above_maximum",
            Self::WrongCurrency => "wrong_currency",
            Self::InvalidDestination => "invalid_destination",
            Self::Expired => "expired",
            Self::TooFewBidders => "too_few_bidders",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::NotAsked(passed) => format!("not asked: {}", passed.text()),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::NotReached(code) => format!("could not be reached ({code})"),
            Self::HttpStatus(status) => format!("answered with HTTP status {status}"),
            Self::EmptyAnswer => "answered nothing".to_owned(),
            Self::Malformed => "the answer was not JSON".to_owned(),
            Self::Declined(words) if words.is_empty() => "did not accept the call".to_owned(),
            Self::Declined(words) => format!("did not accept the call: {words}"),
            Self::NoAmount => "the answer held no amount".to_owned(),
            Self::BelowMinimum(least) => format!("below the minimum of {least}"),
            Self::AboveMaximum(most) => format!("above the maximum of {most}"),
            Self::WrongCurrency => "bid in another currency".to_owned(),
            Self::InvalidDestination => "named no valid phone number or SIP address".to_owned(),
            Self::Expired => "the bid had expired when it arrived".to_owned(),
            Self::TooFewBidders => "too few valid bids".to_owned(),
        }
    }
}

/// What became of one bidder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidderResult {
    /// Who.
    pub bidder: RtbTargetId,
    /// Its name then.
    pub name: String,
    /// Time until its answer, or until we stopped waiting; `None` when it was not asked.
    pub latency_ms: Option<u32>,
    /// The bid, also one that was refused, when it could be read.
    pub amount: Option<Money>,
    /// Where it wanted the call, masked.
    pub destination: Option<String>,
    /// `None`: a valid bid.
    pub refusal: Option<Refusal>,
}

/// One ring-tree run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// Its id.
    pub id: AuctionId,
    /// For which call.
    pub call: CallId,
    /// The step that ran it.
    pub step: u16,
    /// Who was asked.
    #[serde(default)]
    pub tree: Tree,
    /// When it began.
    pub started_at: Timestamp,
    /// The deadline that held.
    pub deadline_ms: u32,
    /// How long it took.
    pub took_ms: u32,
    /// Every bidder of the tree.
    pub results: Vec<BidderResult>,
    /// The valid bids, best first.
    pub ranking: Vec<Bid>,
}

/// What the bidder may know about the call.
pub fn facts(call: &Call, campaign_name: &str, exposure: CallerIdExposure) -> Facts {
    let caller = call.caller().and_then(|number| match exposure {
        CallerIdExposure::None => None,
        CallerIdExposure::Masked => Some(number.masked()),
        CallerIdExposure::Full => Some(number.as_str().to_owned()),
    });
    Facts {
        call: Some(call.id),
        campaign: Some(call.campaign),
        campaign_name: campaign_name.to_owned(),
        publisher: call.publisher,
        caller,
        state: call.from_state.clone(),
        zip: call.from_zip.clone(),
        dialled: Some(call.to.as_str().to_owned()),
    }
}

/// The request for one bidder. The body is JSON; its own content type and agent headers come first.
pub fn request(bidder: &RtbTarget, facts: &Facts) -> BidRequest {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), "CallCenterPro/1".to_owned()),
    ];
    for (name, value) in &bidder.headers {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.clone(), Template::parse(value).render_header(facts)));
    }
    BidRequest {
        url: Template::parse(&bidder.url).render_url(facts),
        headers,
        body: Template::parse(&bidder.body).render_json(facts),
    }
}

/// An answer as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The body, at most 64 KB.
    pub body: &'a [u8],
    /// Time it took.
    pub latency_ms: u32,
    /// When it was complete.
    pub received_at: Timestamp,
}

/// Reads an answer. The result also holds what could be read of a refused bid.
pub fn read_answer(
    bidder: &RtbTarget,
    entry: &BidderEntry,
    settings: &AuctionSettings,
    answer: Answer<'_>,
) -> (BidderResult, Option<Bid>) {
    let mut result = BidderResult {
        bidder: entry.rtb_target,
        name: bidder.name.clone(),
        latency_ms: Some(answer.latency_ms),
        amount: None,
        destination: None,
        refusal: None,
    };
    match judge(bidder, entry, settings, answer, &mut result) {
        Ok(bid) => (result, Some(bid)),
        Err(refusal) => {
            result.refusal = Some(refusal);
            (result, None)
        }
    }
}

fn judge(
    bidder: &RtbTarget,
    entry: &BidderEntry,
    settings: &AuctionSettings,
    answer: Answer<'_>,
    result: &mut BidderResult,
) -> Result<Bid, Refusal> {
    if !(200..300).contains(&answer.status) {
        return Err(Refusal::HttpStatus(answer.status));
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::EmptyAnswer);
    }
    let document: Value = serde_json::from_slice(answer.body).map_err(|_| Refusal::Malformed)?;

    let amount = first(&bidder.answer.amount, &document).and_then(amount_of);
    result.amount = amount;
    if let Some(words) = declining_words(&document) {
        return Err(Refusal::Declined(words));
    }
    if !first(&bidder.answer.acceptance, &document).is_some_and(says_yes) {
        return Err(Refusal::Declined(String::new()));
    }
    let amount = amount.ok_or(Refusal::NoAmount)?;
    let currency = first(&bidder.answer.currency, &document).and_then(Value::as_str);
    if currency.is_some_and(|code| !code.eq_ignore_ascii_case(bidder.currency.code())) {
        return Err(Refusal::WrongCurrency);
    }
    let least = bidder.min_bid.max(settings.min_revenue);
    if amount < least || amount <= Money::ZERO {
        return Err(Refusal::BelowMinimum(least));
    }
    if let Some(most) = bidder.max_bid.filter(|most| amount > *most) {
        return Err(Refusal::AboveMaximum(most));
    }
    let destination = destination_of(bidder, &document).ok_or(Refusal::InvalidDestination)?;
    result.destination = Some(destination.masked());
    let expires_at = expiry(&document, answer.received_at);
    if expires_at.is_some_and(|at| at <= answer.received_at) {
        return Err(Refusal::Expired);
    }
    Ok(Bid {
        bidder: entry.rtb_target,
        amount,
        destination,
        call_length_s: first(&bidder.answer.call_length, &document).and_then(whole_seconds),
        expires_at,
        priority: entry.priority,
        weight: entry.weight,
        latency_ms: answer.latency_ms,
    })
}

/// The first value that any expression of the chain finds; `null` counts as not found.
fn first<'a>(chain: &[String], document: &'a Value) -> Option<&'a Value> {
    chain.iter().find_map(|expression| {
        JsonPath::parse(expression).ok()?.first(document).filter(|value| !value.is_null())
    })
}

fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            ["true", "yes", "y", "accept", "accepted", "success", "ok", "won"].contains(&text.as_str())
                || Money::parse(text.trim_start_matches('+')).is_ok_and(|number| number > Money::ZERO)
        }
        _ => false,
    }
}

/// A refusal in words at the top of the answer beats an amount beside it.
fn declining_words(document: &Value) -> Option<String> {
    const SIGNS: [&str; 6] =
        ["rejectReason", "rejectionReason", "rejection_reason", "reject_reason", "error", "errors"];
    let object = document.as_object()?;
    let (_, value) = object.iter().find(|(name, value)| {
        SIGNS.iter().any(|sign| sign.eq_ignore_ascii_case(name)) && says_something(value)
    })?;
    let words = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(words.chars().filter(|character| !character.is_control()).take(120).collect())
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Amounts come as numbers, as texts, and as texts with a currency sign or code.
fn amount_of(value: &Value) -> Option<Money> {
    match value {
        Value::Number(number) => Money::parse(&number.to_string()).ok(),
        Value::String(text) => {
            let letters_and_signs = |character: char| {
                character.is_whitespace() || character.is_ascii_alphabetic() || "$€£".contains(character)
            };
            Money::parse(&without_thousands(text.trim_matches(letters_and_signs))?).ok()
        }
        _ => None,
    }
}

/// `1,250.75` without its comma. A comma anywhere else is a decimal comma, or a mistake, and is not guessed at.
fn without_thousands(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let whole = text.split('.').next()?;
    let mut groups = whole.trim_start_matches('-').split(',');
    let first_is_sound = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let sound = first_is_sound && groups.all(|group| group.len() == 3) && !text[whole.len()..].contains(',');
    sound.then(|| text.replace(',', ""))
}

fn whole_seconds(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// SIP is preferred when the chain finds both. A number without `+` must bring its country code, as Ringba-class platforms
/// write it; ten digits are a national number, which would ring in another country.
fn destination_of(bidder: &RtbTarget, document: &Value) -> Option<Destination> {
    let named: Vec<&str> = bidder
        .answer
        .destination
        .iter()
        .filter_map(|expression| JsonPath::parse(expression).ok()?.first(document)?.as_str())
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    if named.is_empty() {
        return bidder.destination.clone();
    }
    let sip =
        named.iter().filter(|text| text.contains('@')).find_map(|text| SipUri::parse_lenient(text).ok());
    let number = || {
        named.iter().find_map(|text| match text.strip_prefix('+') {
            Some(_) => text.parse::<E164>().ok(),
            None if text.len() == 10 => None,
            None => format!("+{text}").parse().ok(),
        })
    };
    sip.map(Destination::Sip).or_else(|| number().map(Destination::Number))
}

/// The earliest of the three ways in which bidders say how long a bid is good.
fn expiry(document: &Value, received_at: Timestamp) -> Option<Timestamp> {
    let object = document.as_object()?;
    let field = |name: &str| {
        object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let in_seconds = field("expireInSeconds").and_then(Value::as_i64).and_then(|seconds| {
        let seconds = SignedDuration::from_secs(seconds.clamp(-86_400, 86_400));
        received_at.checked_add(seconds).ok()
    });
    let epoch =
        field("bidExpireEpoch").and_then(Value::as_i64).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let date = field("bidExpireDT").and_then(Value::as_str).and_then(|text| {
        jiff::fmt::strtime::parse("%m/%d/%Y %I:%M:%S %p %:z", text).ok()?.to_timestamp().ok()
    });
    [in_seconds, epoch, date].into_iter().flatten().min()
}

/// Orders valid bids, best first: amount, then priority, weight, speed and id.
pub fn rank(mut bids: Vec<Bid>) -> Vec<Bid> {
    bids.sort_by(|one, other| {
        other
            .amount
            .cmp(&one.amount)
            .then(one.priority.cmp(&other.priority))
            .then(other.weight.cmp(&one.weight))
            .then(one.latency_ms.cmp(&other.latency_ms))
            .then(one.bidder.cmp(&other.bidder))
    });
    bids
}
