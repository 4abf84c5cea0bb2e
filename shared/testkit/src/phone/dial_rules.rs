//! What may be dialled, and as whom.

use super::call::Call;
use super::locked;
use super::twiml::{Dial, Noun, NounKind};

/// The caller ID is not one the account may show.
const BAD_CALLER_ID: u32 = 13_214;
/// The number is not one that can be dialled.
const BAD_NUMBER: u32 = 13_223;
/// The SIP address is not one that can be dialled.
const BAD_SIP_ADDRESS: u32 = 13_224;

/// Most characters of a SIP address before its headers.
const LONGEST_SIP_ADDRESS: usize = 255;
/// Most characters of its headers.
const LONGEST_SIP_HEADERS: usize = 1_024;
/// Headers that may be passed beside `X-…`.
const SIP_HEADERS: &[&str] =
    &["User-to-User", "Remote-Party-ID", "P-Preferred-Identity", "P-Called-Party-ID"];

/// Why a leg cannot be placed.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) detail: String,
    pub(super) sip_code: u16,
}

impl Refusal {
    fn new(code: u32, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), sip_code: 400 }
    }
}

impl Call {
    /// What the callee sees as the caller, or why there is nothing the account may show.
    ///
    /// A number called from the telephone network may show the caller's or the called number, any number of the
    /// account, or a verified one; a call that came in by SIP neither of the first two. A SIP callee may be shown
    /// any word made of letters, digits and `+-_.`.
    pub(super) fn caller_id(&self, dial: &Dial, noun: &Noun) -> Result<String, Refusal> {
        let by_sip = self.script.from.starts_with("sip:");
        let Some(wanted) = &dial.caller_id else {
            if by_sip && noun.kind == NounKind::Number {
                return Err(Refusal::new(BAD_CALLER_ID, "a call that came in by SIP needs a callerId"));
            }
            return Ok(self.script.from.clone());
        };
        let word = |text: &str| text.chars().all(|key| key.is_ascii_alphanumeric() || "+-_.".contains(key));
        if noun.kind == NounKind::Sip && !wanted.is_empty() && word(wanted) {
            return Ok(wanted.clone());
        }
        let of_the_call = !by_sip && (*wanted == self.script.from || *wanted == self.script.to);
        let verified = self.network.config.verified_caller_ids.contains(wanted);
        if of_the_call || verified || locked(&self.network.numbers).contains_key(wanted) {
            return Ok(wanted.clone());
        }
        Err(Refusal::new(
            BAD_CALLER_ID,
            "the callerId is neither of this call, nor the account's, nor verified",
        ))
    }

    /// Why a destination cannot be dialled, if it cannot.
    pub(super) fn refusal(&self, noun: &Noun) -> Option<Refusal> {
        match noun.kind {
            NounKind::Number if is_e164(&noun.destination) => None,
            NounKind::Number => Some(Refusal::new(BAD_NUMBER, "the number to dial is not E.164")),
            NounKind::Sip => sip_objection(&noun.destination).map(|text| Refusal::new(BAD_SIP_ADDRESS, text)),
            NounKind::Client => {
                self.skip("Client", "failed like a client that is not registered");
                Some(Refusal { sip_code: 404, ..Refusal::new(BAD_NUMBER, "clients are not simulated") })
            }
        }
    }
}

fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return false };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.chars().all(|digit| digit.is_ascii_digit())
}

fn sip_objection(destination: &str) -> Option<String> {
    let (address, headers) = destination.split_once('?').unwrap_or((destination, ""));
    if !(address.starts_with("sip:") || address.starts_with("sips:")) || address.contains(char::is_whitespace)
    {
        return Some("the SIP address does not begin with sip:".to_owned());
    }
    if address.len() >= LONGEST_SIP_ADDRESS {
        return Some(format!("the SIP address has {LONGEST_SIP_ADDRESS} or more characters"));
    }
    if headers.len() >= LONGEST_SIP_HEADERS {
        return Some(format!("the SIP headers have {LONGEST_SIP_HEADERS} or more characters"));
    }
    let names = headers.split('&').filter(|header| !header.is_empty());
    for name in names.map(|header| header.split_once('=').map_or(header, |(name, _)| name)) {
        let lawful = name.starts_with("X-") || name.starts_with("x-") || SIP_HEADERS.contains(&name);
        if !lawful {
            return Some(format!("the SIP header {name} cannot be passed"));
        }
    }
    None
}
