//! What the simulated account knows: its numbers, and every call it ever carried.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PhoneConfig;
use super::call::Call;
use super::corpus::Corpus;
use super::journey::CallStatus;
use super::locked;
use super::rest_answers::Refused;
use super::rest_sip::Sip;
use super::script::{CallScript, CalleeScript, SipSource};
use super::trouble::Trouble;
use super::twiml::Method;
use super::webhook::WebhookClient;

/// A phone number of the account and what happens when it is called. The REST API changes the same fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberConfig {
    /// `PN…`; made from the number when empty.
    pub sid: String,
    /// E.164.
    pub phone_number: String,
    /// A name for people.
    pub friendly_name: String,
    /// Asked when a call arrives. Empty: the call fails.
    pub voice_url: String,
    /// How.
    pub voice_method: Method,
    /// Asked when instructions cannot be had or understood. Empty: none.
    pub voice_fallback_url: String,
    /// How.
    pub voice_fallback_method: Method,
    /// Told once, when a call is over. Empty: nobody.
    pub status_callback: String,
    /// How.
    pub status_callback_method: Method,
    /// Whether `CallerName` is sent.
    pub voice_caller_id_lookup: bool,
    /// The application whose addresses count instead of the number's own (`AP…`). Empty: none.
    pub voice_application_sid: String,
}

/// A TwiML application of the account: the addresses that many numbers share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationConfig {
    /// `AP…`
    pub sid: String,
    /// A name for people.
    pub friendly_name: String,
    /// Asked when a call arrives.
    pub voice_url: String,
    /// How.
    pub voice_method: Method,
    /// Asked when instructions cannot be had or understood.
    pub voice_fallback_url: String,
    /// How.
    pub voice_fallback_method: Method,
    /// Told once, when a call is over.
    pub status_callback: String,
    /// How.
    pub status_callback_method: Method,
}

impl Default for ApplicationConfig {
    fn default() -> Self {
        Self {
            sid: String::new(),
            friendly_name: String::new(),
            voice_url: String::new(),
            voice_method: Method::Post,
            voice_fallback_url: String::new(),
            voice_fallback_method: Method::Post,
            status_callback: String::new(),
            status_callback_method: Method::Post,
        }
    }
}

impl Default for NumberConfig {
    fn default() -> Self {
        Self {
            sid: String::new(),
            phone_number: String::new(),
            friendly_name: String::new(),
            voice_url: String::new(),
            voice_method: Method::Post,
            voice_fallback_url: String::new(),
            voice_fallback_method: Method::Post,
            status_callback: String::new(),
            status_callback_method: Method::Post,
            voice_caller_id_lookup: false,
            voice_application_sid: String::new(),
        }
    }
}

impl NumberConfig {
    /// A number that asks one address for its calls.
    pub fn new(phone_number: impl Into<String>, voice_url: impl Into<String>) -> Self {
        Self { phone_number: phone_number.into(), voice_url: voice_url.into(), ..Self::default() }
    }

    /// Fills in what was left empty.
    pub(super) fn completed(mut self) -> Self {
        let digits = self.phone_number.trim_start_matches('+');
        if self.sid.is_empty() {
            self.sid = format!("PN{digits:0>32}");
        }
        if self.friendly_name.is_empty() {
            self.friendly_name.clone_from(&self.phone_number);
        }
        self
    }
}

/// A call or leg as the REST API shows it.
#[derive(Debug, Clone)]
pub(super) struct CallRecord {
    pub(super) sid: String,
    pub(super) parent: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) status: CallStatus,
    pub(super) phone_number_sid: String,
    pub(super) answered_by: Option<String>,
    pub(super) forwarded_from: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) seconds: u64,
}

impl CallRecord {
    pub(super) fn direction(&self) -> &'static str {
        if self.parent.is_some() { "outbound-dial" } else { "inbound" }
    }
}

/// Everything the calls of a network share.
pub(super) struct Network {
    pub(super) config: PhoneConfig,
    pub(super) webhooks: WebhookClient,
    pub(super) corpus: Option<Corpus>,
    pub(super) numbers: Mutex<BTreeMap<String, NumberConfig>>,
    /// The other accounts of the same carrier.
    pub(super) neighbours: Mutex<Vec<Weak<Network>>>,
    pub(super) applications: Mutex<BTreeMap<String, ApplicationConfig>>,
    applications_made: AtomicU64,
    pub(super) sip: Mutex<Sip>,
    pub(super) trouble: Trouble,
    callees: Mutex<BTreeMap<String, CalleeScript>>,
    records: Mutex<Records>,
    /// Recordings that can be fetched or removed.
    pub(super) recordings: Mutex<BTreeSet<String>>,
    /// Calls under way, by the CallSid of the caller's call and of every leg.
    pub(super) live: Mutex<HashMap<String, Arc<Call>>>,
}

#[derive(Default)]
struct Records {
    by_sid: HashMap<String, CallRecord>,
    order: Vec<String>,
}

impl Network {
    pub(super) fn new(config: PhoneConfig, corpus: Option<Corpus>) -> Self {
        let numbers =
            config.numbers.iter().map(|number| (number.phone_number.clone(), number.clone().completed()));
        Self {
            webhooks: WebhookClient::new(config.auth_token.clone(), config.time_scale),
            numbers: Mutex::new(numbers.collect()),
            neighbours: Mutex::default(),
            applications: Mutex::default(),
            applications_made: AtomicU64::new(0),
            sip: Mutex::default(),
            trouble: Trouble::default(),
            callees: Mutex::new(config.callees.clone()),
            records: Mutex::default(),
            recordings: Mutex::default(),
            live: Mutex::default(),
            corpus,
            config,
        }
    }

    pub(super) fn number(&self, phone_number: &str) -> Option<NumberConfig> {
        locked(&self.numbers).get(phone_number).cloned()
    }

    /// Whether this account or another one of the carrier has the number, so that it is not for sale.
    pub(super) fn is_sold(&self, phone_number: &str) -> bool {
        self.number(phone_number).is_some()
            || locked(&self.neighbours)
                .iter()
                .filter_map(Weak::upgrade)
                .any(|neighbour| neighbour.number(phone_number).is_some())
    }

    /// A number as it rings: with its application's addresses, if it has one. With an application that is gone it asks
    /// nobody. A SIP address rings at its domain, if that lets in whoever comes from there.
    pub(super) fn ringing(&self, phone_number: &str, source: &SipSource) -> Option<NumberConfig> {
        if phone_number.starts_with("sip:") {
            return locked(&self.sip).ringing(phone_number, source);
        }
        let number = self.number(phone_number)?;
        if number.voice_application_sid.is_empty() {
            return Some(number);
        }
        let application =
            locked(&self.applications).get(&number.voice_application_sid).cloned().unwrap_or_default();
        Some(NumberConfig {
            voice_url: application.voice_url,
            voice_method: application.voice_method,
            voice_fallback_url: application.voice_fallback_url,
            voice_fallback_method: application.voice_fallback_method,
            status_callback: application.status_callback,
            status_callback_method: application.status_callback_method,
            ..number
        })
    }

    /// A sid that no application had before.
    pub(super) fn next_application_sid(&self) -> String {
        format!("AP{:032x}", self.applications_made.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Why nothing is sold at the moment, if so.
    pub(super) fn refusal_of_purchase(&self) -> Option<Refused> {
        self.trouble.of_purchase()
    }

    pub(super) fn set_callee(&self, destination: String, script: CalleeScript) {
        locked(&self.callees).insert(destination, script);
    }

    /// Who answers at a destination: as the call says, else as the network says. A SIP address is looked up as it
    /// is written, then without its headers, then without its parameters.
    pub(super) fn callee(&self, script: &CallScript, destination: &str) -> CalleeScript {
        let without_headers = destination.split_once('?').map_or(destination, |(address, _)| address);
        let bare = without_headers.split_once(';').map_or(without_headers, |(address, _)| address);
        let spellings = [destination, without_headers, bare];
        if let Some(found) = spellings.iter().find_map(|spelling| script.callees.get(*spelling)) {
            return found.clone();
        }
        let callees = locked(&self.callees);
        if let Some(found) = spellings.iter().find_map(|spelling| callees.get(*spelling)) {
            return found.clone();
        }
        script.default_callee.clone().unwrap_or_else(|| self.config.default_callee.clone())
    }

    /// Adds a call to the account's list, or changes one that is there.
    pub(super) fn keep(&self, record: CallRecord) {
        let mut records = locked(&self.records);
        if !records.by_sid.contains_key(&record.sid) {
            records.order.push(record.sid.clone());
        }
        records.by_sid.insert(record.sid.clone(), record);
    }

    /// Changes a call that is there.
    pub(super) fn amend(&self, sid: &str, now: Timestamp, change: impl FnOnce(&mut CallRecord)) {
        let mut records = locked(&self.records);
        if let Some(record) = records.by_sid.get_mut(sid) {
            change(record);
            record.updated = now;
        }
    }

    pub(super) fn record(&self, sid: &str) -> Option<CallRecord> {
        locked(&self.records).by_sid.get(sid).cloned()
    }

    /// Calls that fit, newest first, as Twilio lists them.
    pub(super) fn records(&self, fits: impl Fn(&CallRecord) -> bool) -> Vec<CallRecord> {
        let records = locked(&self.records);
        let newest_first = records.order.iter().rev().filter_map(|sid| records.by_sid.get(sid));
        newest_first.filter(|record| fits(record)).cloned().collect()
    }
}
