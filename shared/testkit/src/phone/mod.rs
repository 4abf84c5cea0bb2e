//! The phone simulator: Twilio's side of a call, and the people at both ends of it.
//!
//! It exists so that a call can be placed, watched and tested without a carrier: from the command line, the dashboard
//! and the tests. It signs and sends webhooks as Twilio does, reads the TwiML it is given, plays scripted callers and
//! callees through it in virtual time (a 95-second conversation takes none), reports status callbacks, follows the
//! fallback address when instructions cannot be had, and answers the REST calls that concern live calls, numbers (for sale and owned) and applications.
//!
//! What must stay true:
//! - It shares no code with the product: signature, parameters and TwiML are read from Twilio's documentation a second
//!   time, so that the two check each other.
//! - With the same seed, script and answers, a call goes the same way.
//! - A call never ends without a final status for itself and for each of its legs.
//!
//! What it does not play: conferences, queues, clients, `<Connect>`, `<Start>` and the like. They appear in the journey
//! as [`Happening::Unsupported`], with what happened instead.
//!
//! Where Twilio's documentation leaves a choice, this is what is played: a leg hung up during a whisper is `completed`
//! with `DialBridged=false`; among several legs of which none was connected, the action is told of the one that ended
//! last; several callees who answer at once each hear their whisper, and the first to be through with it is connected;
//! a whisper that cannot be had ends its leg; a `<Dial>` rings five seconds longer than its time-out.

mod call;
mod callbacks;
mod carrier;
mod clock;
mod closing;
mod corpus;
mod delivery;
mod dial;
mod dial_rules;
mod documents;
mod grammar;
mod ids;
mod inventory;
mod journey;
mod leg;
mod overrides;
mod parameters;
mod recorder;
mod recording;
mod rest;
mod rest_account;
mod rest_answers;
mod rest_applications;
mod rest_numbers;
mod rest_sip;
mod script;
mod seconds;
mod signature;
mod state;
mod timeline;
mod trouble;
mod twiml;
mod verbs;
mod webhook;
mod whisper;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use carrier::Carrier;
pub use delivery::{Delivery, Order};
pub use journey::{
    CallStatus, Connection, EndedBy, Happening, Journey, JourneyEvent, LegOutcome, Outcome, ReceivedDocument,
    SentRequest, WebhookKind,
};
pub use rest_sip::SipDomainConfig;
pub use script::{
    Abandoned, AnsweredBy, Answering, CallScript, CalleeScript, CallerScript, HangUpAt, Input, Place,
    SipSource, Speed,
};
pub use signature::sign;
pub use state::{ApplicationConfig, NumberConfig};
pub use timeline::TimelineLine;
pub use twiml::Method;

use call::Call;
use corpus::Corpus;
use state::Network;

/// What a simulated account is made of.
#[derive(Clone)]
pub struct PhoneConfig {
    /// `AC…`
    pub account_sid: String,
    /// Signs webhooks and opens the REST API.
    pub auth_token: String,
    /// `active`, `suspended` or `closed`, as the REST API tells it.
    pub account_status: &'static str,
    /// The account's numbers.
    pub numbers: Vec<NumberConfig>,
    /// Who answers at which destination (E.164 or SIP address).
    pub callees: BTreeMap<String, CalleeScript>,
    /// Who answers everywhere else.
    pub default_callee: CalleeScript,
    /// Numbers outside the account that may be shown as caller ID.
    pub verified_caller_ids: Vec<String>,
    /// How webhooks are delivered, unless a call says otherwise.
    pub delivery: Delivery,
    /// How many times shorter than Twilio's the real time-outs of webhooks are; 1 for the real ones. The virtual clock
    /// shows the full time either way.
    pub time_scale: u32,
    /// Folder that every received document is added to; when absent, the one named by `TWIML_CORPUS_DIR`, if any.
    pub corpus_dir: Option<PathBuf>,
}

impl PhoneConfig {
    /// An account without numbers, whose callees answer after four seconds and talk for 95.
    pub fn new(account_sid: impl Into<String>, auth_token: impl Into<String>) -> Self {
        Self {
            account_sid: account_sid.into(),
            auth_token: auth_token.into(),
            account_status: "active",
            numbers: Vec::new(),
            callees: BTreeMap::new(),
            default_callee: CalleeScript::default(),
            verified_caller_ids: Vec::new(),
            delivery: Delivery::default(),
            time_scale: 1,
            corpus_dir: None,
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: NumberConfig) -> Self {
        self.numbers.push(number);
        self
    }

    /// Says who answers at a destination.
    #[must_use]
    pub fn callee(mut self, destination: impl Into<String>, script: CalleeScript) -> Self {
        self.callees.insert(destination.into(), script);
        self
    }
}

impl fmt::Debug for PhoneConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PhoneConfig").field("account_sid", &self.account_sid).finish_non_exhaustive()
    }
}

/// A telephone network with one account in it; [`Carrier`] joins several. Copies are the same network.
#[derive(Clone)]
pub struct PhoneNetwork {
    network: Arc<Network>,
}

/// A call that is being followed while it happens.
#[derive(Debug)]
pub struct LiveCall {
    /// Each event as it happens; ends with the call. Dropping it does not disturb the call.
    pub events: mpsc::UnboundedReceiver<JourneyEvent>,
    /// The whole call, once it is over.
    pub journey: JoinHandle<Journey>,
}

impl PhoneNetwork {
    /// A network for one account.
    pub fn new(config: PhoneConfig) -> Self {
        let folder =
            config.corpus_dir.clone().or_else(|| std::env::var_os(corpus::VARIABLE).map(PathBuf::from));
        Self { network: Arc::new(Network::new(config, folder.map(Corpus::new))) }
    }

    /// Places a call and waits until it is over and every webhook has been delivered.
    ///
    /// A number that the account does not have, one without an address to ask, and a SIP domain that does not let the caller in
    /// give a journey that failed.
    pub async fn place_call(&self, script: CallScript) -> Journey {
        Box::pin(self.prepare(script, None).live_through()).await
    }

    /// Places a call and returns at once, with its events as they happen. Needs a Tokio runtime.
    pub fn follow_call(&self, script: CallScript) -> LiveCall {
        let (sender, events) = mpsc::unbounded_channel();
        let call = self.prepare(script, Some(sender));
        LiveCall { events, journey: tokio::spawn(Box::pin(async move { call.live_through().await })) }
    }

    fn prepare(&self, script: CallScript, live: Option<mpsc::UnboundedSender<JourneyEvent>>) -> Arc<Call> {
        let number = self
            .network
            .ringing(&script.to, &script.sip)
            .unwrap_or_else(|| NumberConfig::new(script.to.clone(), "").completed());
        Call::new(self.network.clone(), number, script, live)
    }

    /// Adds a number or replaces what is known about it.
    pub fn set_number(&self, number: NumberConfig) {
        locked(&self.network.numbers).insert(number.phone_number.clone(), number.completed());
    }

    /// What is known about a number, including what the REST API changed.
    pub fn number(&self, phone_number: &str) -> Option<NumberConfig> {
        self.network.number(phone_number)
    }

    /// The SIP domain of this name.
    pub fn sip_domain(&self, name: &str) -> Option<SipDomainConfig> {
        locked(&self.network.sip).domain(name).cloned()
    }

    /// The account's applications, by sid.
    pub fn applications(&self) -> Vec<ApplicationConfig> {
        locked(&self.network.applications).values().cloned().collect()
    }

    /// Changes an application as somebody could in Twilio's console, or makes it.
    pub fn set_application(&self, application: ApplicationConfig) {
        locked(&self.network.applications).insert(application.sid.clone(), application);
    }

    /// The next so many REST requests are refused for now (20429) and not carried out.
    pub fn be_busy(&self, requests: u32) {
        self.network.trouble.be_busy(requests);
    }

    /// The next so many REST requests that change something are carried out, but their answers are lost.
    pub fn lose_answers(&self, requests: u32) {
        self.network.trouble.lose_answers(requests);
    }

    /// From now on every purchase is refused with this HTTP status and error code, or none.
    pub fn refuse_purchases(&self, refusal: Option<(u16, u32)>) {
        self.network.trouble.refuse_purchases(refusal);
    }

    /// Says who answers at a destination (E.164 or SIP address) from now on.
    pub fn set_callee(&self, destination: impl Into<String>, script: CalleeScript) {
        self.network.set_callee(destination.into(), script);
    }

    /// Recordings that can be fetched or removed through the REST API.
    pub fn recordings(&self) -> Vec<String> {
        locked(&self.network.recordings).iter().cloned().collect()
    }

    /// The REST API of this network's account, to be served at the address that stands in for Twilio's.
    pub fn router(&self) -> axum::Router {
        rest::router(self.network.clone())
    }
}

impl fmt::Debug for PhoneNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PhoneNetwork").field("config", &self.network.config).finish()
    }
}

/// Locks a mutex. What it holds is valid even if a thread panicked while holding it: every change is a single step.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
