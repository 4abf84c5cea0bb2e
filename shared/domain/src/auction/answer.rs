//! What an answer means: a bid, or why it is none.
//!
//! The configured chains judge first, then the signs of a refusal that answers carry whatever their shape. What must stay true:
//! no flag missing is ever taken for acceptance, and half an answer is none.

use jiff::Timestamp;
use script::Value;
use script::answer::Answer as Read;

use super::amount::Written;
use super::{Bid, BidderResult, Refusal, expiry, signs};
use crate::campaign::{AuctionSettings, BidderEntry};
use crate::geo::Place;
use crate::money::{Currency, Money};
use crate::phone::{Destination, E164, SipUri};
use crate::rtb_target::{Confirmation, Reading, RtbTarget, first};

/// Refusals by status that say something of the bidder's set-up or load, not of the call.
const NOT_OF_THE_CALL: [u16; 5] = [401, 403, 407, 408, 429];
/// Longest name of a bid that is kept, characters.
const MAX_BID_ID: usize = 200;

/// An answer as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: &'a [(String, String)],
    /// The body, at most 64 KB.
    pub body: &'a [u8],
    /// Time it took.
    pub latency_ms: u32,
    /// When it was complete.
    pub received_at: Timestamp,
}

/// Reads an answer for a caller there. The result also holds what could be read of a refused bid.
pub fn read_answer(
    bidder: &RtbTarget,
    entry: &BidderEntry,
    settings: &AuctionSettings,
    caller: &Place,
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
        Ok(mut bid) => {
            let counts = bidder.value_of(bid.amount, caller);
            bid.counts = (counts != bid.amount).then_some(counts);
            (result, Some(bid))
        }
        Err(refusal) => {
            result.refusal = Some(refusal);
            (result, None)
        }
    }
}

/// What the answer to a confirmation means: where the call goes now, when it says so.
///
/// # Errors
/// Why the bid is not confirmed.
pub fn read_confirmation(
    confirmation: &Confirmation,
    answer: Answer<'_>,
) -> Result<Option<Destination>, Refusal> {
    let read = body_of(answer)?;
    accepted(&confirmation.acceptance, &read)?;
    let named: Vec<String> = texts(&confirmation.destination, &read).collect();
    if named.is_empty() {
        return Ok(None);
    }
    destination_in(&named).map(Some).ok_or(Refusal::InvalidDestination)
}

fn judge(
    bidder: &RtbTarget,
    entry: &BidderEntry,
    settings: &AuctionSettings,
    answer: Answer<'_>,
    result: &mut BidderResult,
) -> Result<Bid, Refusal> {
    let read = body_of(answer)?;
    let chains = &bidder.answer;
    let written = first(&chains.amount, &read).and_then(|(_, value)| Written::read(&value));
    result.amount = written.as_ref().map(|written| written.amount);
    accepted(&chains.acceptance, &read)?;
    let written = written.ok_or(Refusal::NoAmount)?;
    if !written.fits(bidder.currency) || !currency_fits(&chains.currency, &read, bidder.currency) {
        return Err(Refusal::WrongCurrency);
    }
    let amount = written.amount;
    let least = bidder.min_bid.max(settings.min_revenue);
    if amount < least || amount <= Money::ZERO {
        return Err(Refusal::BelowMinimum(least));
    }
    if let Some(most) = bidder.max_bid.filter(|most| amount > *most) {
        return Err(Refusal::AboveMaximum(most));
    }
    let named: Vec<String> = texts(&chains.destination, &read).collect();
    let destination = match named.is_empty() {
        true => bidder.destination.clone(),
        false => destination_in(&named),
    };
    let destination = destination.ok_or(Refusal::InvalidDestination)?;
    result.destination = Some(destination.masked());
    let expires_at = match first(&chains.expires, &read) {
        Some((_, value)) => expiry::of_value(&value, answer.received_at),
        None => expiry::of_usual_fields(&read.tree, answer.received_at),
    };
    if expires_at.is_some_and(|at| at <= answer.received_at) {
        return Err(Refusal::Expired);
    }
    Ok(Bid {
        bidder: entry.rtb_target,
        amount,
        counts: None,
        bid_id: text_of(&chains.bid_id, &read).map(shortened),
        destination,
        call_length_s: first(&chains.call_length, &read).and_then(|(_, value)| whole_seconds(&value)),
        expires_at,
        priority: entry.priority,
        weight: entry.weight,
        latency_ms: answer.latency_ms,
        confirmed: None,
    })
}

/// The body of an answer that may hold a bid.
fn body_of(answer: Answer<'_>) -> Result<Read<'_>, Refusal> {
    let read = || Read::read(answer.status, answer.headers, answer.body);
    let is_of_the_call = (400..500).contains(&answer.status) && !NOT_OF_THE_CALL.contains(&answer.status);
    if is_of_the_call
        && let Some(words) = read().ok().map(|read| signs::words(&read)).filter(|words| !words.is_empty())
    {
        return Err(Refusal::Declined(words));
    }
    if !(200..300).contains(&answer.status) {
        return Err(Refusal::HttpStatus(answer.status));
    }
    if answer.status == 204 || answer.body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::EmptyAnswer);
    }
    read().map_err(|_| Refusal::Malformed)
}

/// The chain must say yes, and nothing else no.
fn accepted(chain: &[Reading], read: &Read<'_>) -> Result<(), Refusal> {
    let yes =
        first(chain, read).is_some_and(|(reading, value)| reading.matching_is_yes() || says_yes(&value));
    if !yes {
        return Err(Refusal::Declined(signs::words(read)));
    }
    signs::refusal(read).map_or(Ok(()), |words| Err(Refusal::Declined(words)))
}

fn says_yes(value: &Value<'_>) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.is_positive(),
        Value::Text(text) => {
            let word = text.trim().to_ascii_lowercase();
            ["true", "yes", "y", "accept", "accepted", "success", "ok", "won"].contains(&word.as_str())
                || Written::read(value).is_some_and(|written| written.amount > Money::ZERO)
        }
        _ => false,
    }
}

fn currency_fits(chain: &[Reading], read: &Read<'_>, currency: Currency) -> bool {
    text_of(chain, read).is_none_or(|code| code.eq_ignore_ascii_case(currency.code()))
}

fn whole_seconds(value: &Value<'_>) -> Option<u32> {
    let number = script::decimal::Decimal::parse(value.text()?.trim())?;
    u32::try_from(number.as_whole()?).ok()
}

/// The first text or number of a chain that is not blank.
fn text_of(chain: &[Reading], read: &Read<'_>) -> Option<String> {
    texts(chain, read).next()
}

/// Its first characters, as many as are kept.
fn shortened(mut id: String) -> String {
    if let Some((end, _)) = id.char_indices().nth(MAX_BID_ID) {
        id.truncate(end);
    }
    id
}

/// What each of a chain finds, as text; blank is nothing.
fn texts(chain: &[Reading], read: &Read<'_>) -> impl Iterator<Item = String> {
    chain.iter().filter_map(|reading| {
        let value = reading.find(read).ok().flatten()?;
        let text = value.text()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    })
}

/// SIP is preferred when both are named. A number without `+` must bring its country code, as Ringba-class platforms
/// write it; ten digits are a national number, which would ring in another country.
fn destination_in(named: &[String]) -> Option<Destination> {
    let sip = named.iter().filter_map(|text| sip_in(text)).next();
    let number = || named.iter().find_map(|text| number_in(text));
    sip.map(Destination::Sip).or_else(|| number().map(Destination::Number))
}

/// `sip:user@host`, without its scheme, or in angle brackets.
fn sip_in(text: &str) -> Option<SipUri> {
    if !text.contains('@') {
        return None;
    }
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let (scheme, rest) = match bare.split_once(':') {
        Some((scheme, rest)) if ["sip", "sips"].contains(&scheme.to_ascii_lowercase().as_str()) => {
            (scheme.to_ascii_lowercase(), rest)
        }
        _ => ("sip".to_owned(), bare),
    };
    SipUri::parse_lenient(&format!("{scheme}:{rest}")).ok()
}

/// `+12025550101`, `12025550101`, `+1 (202) 555-0101`, `tel:+1-202-555-0101`.
fn number_in(text: &str) -> Option<E164> {
    let text = text.strip_prefix("tel:").unwrap_or(text).trim();
    let (plus, digits) = text.strip_prefix('+').map_or((false, text), |digits| (true, digits));
    let sound = digits.chars().all(|sign| sign.is_ascii_digit() || " -.()".contains(sign));
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    if !sound || (!plus && digits.len() == 10) {
        return None;
    }
    format!("+{digits}").parse().ok()
}
