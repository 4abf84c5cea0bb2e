//! Ports to Twilio's REST API: what became of a call; the numbers of an account and where they lead.
//!
//! What Twilio will not do is a value with a stable code ([`CarrierRefusal`]), not an error: a person can do something about
//! it. An error means that there was no usable answer in time.

use async_trait::async_trait;
use domain::call::CallStatus;
use domain::country::Country;
use domain::ids::{AccountSid, ApplicationSid, CallSid, NumberSid};
use domain::number::{Capabilities, LineKind, TwilioLine};
use domain::phone::E164;
use jiff::Timestamp;

use super::{AccountStanding, PortResult};
use crate::secret::Secret;

/// A call leg as Twilio's REST API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierCall {
    /// Twilio's id.
    pub sid: CallSid,
    /// Its state.
    pub status: CallStatus,
    /// Whom it went to, as Twilio writes it.
    pub to: String,
    /// Seconds from answer to end, once ended.
    pub duration_s: Option<u32>,
    /// When it was answered or tried.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Calls and accounts at Twilio.
#[async_trait]
pub trait Telephony: Send + Sync {
    /// One leg; `None` when Twilio does not know it.
    async fn call(&self, account: &AccountSid, sid: &CallSid) -> PortResult<Option<CarrierCall>>;

    /// The legs that a call dialled.
    async fn children(&self, account: &AccountSid, parent: &CallSid) -> PortResult<Vec<CarrierCall>>;

    /// Removes a recording (`RE…`); `false` when Twilio does not have it any more.
    async fn delete_recording(&self, account: &AccountSid, recording: &str) -> PortResult<bool>;

    /// How an account stands, asked with a token that need not be connected.
    async fn check_account(&self, account: &AccountSid, token: &Secret) -> PortResult<AccountStanding>;
}

/// What Twilio will not do, and a person may do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierRefusal {
    /// Somebody else has the number by now (21422).
    NotAvailable,
    /// Not a number that Twilio sells (21421).
    InvalidNumber,
    /// No numbers are left in this area code (21452).
    NoNumbersInArea,
    /// There is no such area code (21451).
    InvalidArea,
    /// Twilio sells no numbers of this kind in this country (20404 to a search).
    NotOffered,
    /// A trial account has its one number already, or may not do this (21404).
    TrialLimit,
    /// The country's rules want an address with the number (21631, 21651).
    AddressRequired,
    /// The country's rules want a regulatory bundle with the number (21649).
    BundleRequired,
    /// The account's token is not accepted (20003).
    NotAuthorised,
    /// Anything else.
    Other {
        /// Twilio's error code, when it gave one.
        code: Option<u32>,
    },
}

impl CarrierRefusal {
    /// For programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAvailable => "not_available",
            Self::InvalidNumber => "invalid_number",
            Self::NoNumbersInArea => "no_numbers_in_area",
            Self::InvalidArea => "invalid_area",
            Self::NotOffered => "not_offered",
            Self::TrialLimit => "trial_limit",
            Self::AddressRequired => "address_required",
            Self::BundleRequired => "bundle_required",
            Self::NotAuthorised => "not_authorised",
            Self::Other { .. } => "other",
        }
    }

    /// For people: what it means and what to do.
    pub fn words(self) -> String {
        let words = match self {
            Self::NotAvailable => "this number is no longer available: choose another one",
            Self::InvalidNumber => "Twilio does not sell this number: choose one from the search",
            Self::NoNumbersInArea => "no numbers are left in this area code: try a neighbouring one",
            Self::InvalidArea => "there is no such area code: check its three digits",
            Self::NotOffered => {
                "Twilio sells no numbers of this kind in this country: try another kind or country"
            }
            Self::TrialLimit => {
                "the Twilio account is a trial account and may not do this: upgrade it at Twilio"
            }
            Self::AddressRequired => {
                "numbers of this country need an address: add one to the account at Twilio, or choose another country"
            }
            Self::BundleRequired => {
                "numbers of this country need a regulatory bundle: register one at Twilio, or choose another country"
            }
            Self::NotAuthorised => "Twilio does not accept the account's token: set the current one",
            Self::Other { code: Some(code) } => {
                return format!(
                    "Twilio refused with error {code}: see https://www.twilio.com/docs/errors/{code}"
                );
            }
            Self::Other { code: None } => "Twilio refused and gave no reason",
        };
        words.to_owned()
    }
}

/// What Twilio granted, or why it did not.
pub type Carried<T> = PortResult<Result<T, CarrierRefusal>>;

/// Which numbers are looked for. Only numbers that carry calls are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSearch {
    /// Where.
    pub country: Country,
    /// Local, toll-free or mobile.
    pub kind: LineKind,
    /// Three digits; countries of `+1` only.
    pub area_code: Option<u16>,
    /// Digits or letters in it; `*` stands for any one digit.
    pub contains: Option<String>,
    /// State or province, two letters.
    pub region: Option<String>,
    /// City.
    pub locality: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Most numbers.
    pub limit: u16,
}

/// A number that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableNumber {
    /// The number.
    pub number: E164,
    /// As Twilio writes it for people.
    pub friendly_name: String,
    /// City.
    pub locality: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<Country>,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Whether an address must be registered first.
    pub needs_address: bool,
}

/// A number that an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNumber {
    /// Twilio's id.
    pub sid: NumberSid,
    /// The number.
    pub number: E164,
    /// Its name at Twilio.
    pub friendly_name: String,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// The application that says what happens with its calls.
    pub application: Option<ApplicationSid>,
    /// Its own voice address, which counts only without an application.
    pub voice_url: Option<String>,
}

impl OwnedNumber {
    /// What we keep of it.
    pub fn line(&self) -> TwilioLine {
        TwilioLine {
            sid: self.sid.clone(),
            friendly_name: self.friendly_name.clone(),
            kind: LineKind::of(&self.number),
            country: Country::of(&self.number),
            capabilities: self.capabilities,
        }
    }
}

/// Where an application turns for the calls of all numbers that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationHooks {
    /// POST: what to do with a call.
    pub voice_url: String,
    /// GET: what to do when we cannot say.
    pub fallback_url: String,
    /// POST: told when a call has ended.
    pub status_url: String,
}

/// An application as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsuredApplication {
    /// Twilio's id.
    pub sid: ApplicationSid,
    /// What had to be done.
    pub found: Found,
}

/// How an application was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// As it should be.
    Right,
    /// With other addresses, which were put right.
    Corrected,
    /// Not at all; it was made.
    Created,
}

/// The phone numbers of Twilio accounts.
#[async_trait]
pub trait CarrierNumbers: Telephony {
    /// Numbers that can be bought.
    async fn search_numbers(
        &self,
        account: &AccountSid,
        search: &NumberSearch,
    ) -> Carried<Vec<AvailableNumber>>;

    /// Buys exactly this number, with this application. Never sent twice blindly: after a lost answer it is looked whether
    /// the account has the number by now.
    async fn buy_number(
        &self,
        account: &AccountSid,
        number: &E164,
        application: &ApplicationSid,
    ) -> Carried<OwnedNumber>;

    /// The number as the account has it; `None` when it has it not.
    async fn owned_number(&self, account: &AccountSid, number: &E164) -> Carried<Option<OwnedNumber>>;

    /// All numbers of the account.
    async fn owned_numbers(&self, account: &AccountSid) -> Carried<Vec<OwnedNumber>>;

    /// Gives a number to an application, or takes it off any; `false` when the account has it no more.
    async fn point_number(
        &self,
        account: &AccountSid,
        number: &NumberSid,
        application: Option<&ApplicationSid>,
    ) -> Carried<bool>;

    /// Gives a number back to Twilio, for ever; `false` when the account had it no more.
    async fn release_number(&self, account: &AccountSid, number: &NumberSid) -> Carried<bool>;

    /// The application of this name, made or put right when necessary.
    async fn ensure_application(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<EnsuredApplication>;

    /// Every application of this name. More than one when two processes made it in the same instant.
    async fn applications(&self, account: &AccountSid, name: &str) -> Carried<Vec<ApplicationSid>>;
}
