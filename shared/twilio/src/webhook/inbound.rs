//! A call has reached one of our numbers (VoiceUrl), or comes back by `<Redirect>`.

use std::collections::BTreeMap;
use std::fmt;

use domain::call::CallStatus;
use domain::ids::{AccountSid, CallSid};
use domain::inbound::{caller_of_address, is_sip};
use domain::phone::{E164, mask};

use super::WebhookError;
use super::reader::Reader;
use crate::form::Form;

/// What Twilio says of a caller's leg.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundCall {
    /// The leg.
    pub call_sid: CallSid,
    /// The account that owns the number.
    pub account_sid: AccountSid,
    /// Who calls: E.164, `anonymous`, `sip:…`, `client:…`, or empty.
    pub from: String,
    /// What was called: E.164 or a SIP address.
    pub to: String,
    /// `Ringing` at the first request.
    pub call_status: CallStatus,
    /// `Inbound` for a caller's own leg.
    pub direction: Direction,
    /// The number that forwarded the call to us, if its carrier said so.
    pub forwarded_from: Option<String>,
    /// The caller's name, when the number pays for looking it up.
    pub caller_name: Option<String>,
    /// STIR/SHAKEN verdict in Twilio's words, for example `TN-Validation-Passed-A`.
    pub stir_verstat: Option<String>,
    /// Where the caller's number is from.
    pub from_place: Place,
    /// Where the called number is from.
    pub to_place: Place,
    /// Every other parameter that is not empty; the first value of a repeated name.
    pub rest: BTreeMap<String, String>,
}

/// Where a number is from, as far as Twilio knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// In capitals.
    pub city: Option<String>,
    /// State or province, two letters.
    pub state: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// ISO 3166 country, two letters.
    pub country: Option<String>,
}

/// Who started a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The caller.
    Inbound,
    /// We, by REST.
    OutboundApi,
    /// We, by `<Dial>`.
    OutboundDial,
}

/// Parameters that have a field, and the doubles Twilio sends of them.
const KNOWN: [&str; 27] = [
    "CallSid",
    "AccountSid",
    "From",
    "To",
    "Caller",
    "Called",
    "CallStatus",
    "Direction",
    "ForwardedFrom",
    "CallerName",
    "StirVerstat",
    "FromCity",
    "FromState",
    "FromZip",
    "FromCountry",
    "ToCity",
    "ToState",
    "ToZip",
    "ToCountry",
    "CallerCity",
    "CallerState",
    "CallerZip",
    "CallerCountry",
    "CalledCity",
    "CalledState",
    "CalledZip",
    "CalledCountry",
];

impl InboundCall {
    /// Reads the form.
    ///
    /// # Errors
    /// A sid, `To`, `CallStatus` or `Direction` is absent or unknown.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let reader = Reader(form);
        let place = |end: &str| Place {
            city: reader.text(&format!("{end}City")),
            state: reader.text(&format!("{end}State")),
            zip: reader.text(&format!("{end}Zip")),
            country: reader.text(&format!("{end}Country")),
        };
        let mut rest = BTreeMap::new();
        for (name, value) in form.pairs() {
            if !value.is_empty() && !KNOWN.contains(&name.as_str()) {
                rest.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Ok(Self {
            call_sid: reader.call_sid("CallSid")?,
            account_sid: reader.account_sid()?,
            from: reader.text("From").unwrap_or_default(),
            to: reader.required("To")?.to_owned(),
            call_status: reader.call_status()?,
            direction: direction(&reader)?,
            forwarded_from: reader.text("ForwardedFrom"),
            caller_name: reader.text("CallerName"),
            stir_verstat: reader.text("StirVerstat"),
            from_place: place("From"),
            to_place: place("To"),
            rest,
        })
    }

    /// The caller's number, if it is one: not withheld, not SIP, not a browser.
    pub fn caller(&self) -> Option<E164> {
        self.from.parse().ok().filter(|number: &E164| !is_withheld(number))
    }

    /// The caller's number, when a SIP address was called: the user of the caller's own address.
    pub fn sip_caller(&self) -> Option<E164> {
        if !is_sip(&self.to) {
            return None;
        }
        caller_of_address(&self.from).filter(|number| !is_withheld(number))
    }

    /// The number that was called.
    pub fn called(&self) -> Option<E164> {
        self.to.parse().ok()
    }
}

impl fmt::Debug for InboundCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InboundCall")
            .field("call_sid", &self.call_sid)
            .field("account_sid", &self.account_sid)
            .field("from", &mask(&self.from))
            .field("to", &mask(&self.to))
            .field("call_status", &self.call_status)
            .finish_non_exhaustive()
    }
}

fn direction(reader: &Reader<'_>) -> Result<Direction, WebhookError> {
    let parameter = "Direction";
    match reader.required(parameter)? {
        "inbound" => Ok(Direction::Inbound),
        "outbound-api" => Ok(Direction::OutboundApi),
        "outbound-dial" => Ok(Direction::OutboundDial),
        _ => Err(WebhookError::Invalid { parameter, expected: "a direction that we know" }),
    }
}

/// A withheld number may arrive as a word spelt on a telephone's keys.
fn is_withheld(number: &E164) -> bool {
    /// ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE.
    const SPELT: [&str; 5] = ["266696687", "7378742833", "2562533", "8656696", "86282452253"];
    SPELT.contains(&number.digits())
}
