//! What Twilio's own library signs is let in; whatever was altered afterwards is refused before anything is looked up.
//!
//! Through the real handler of `voice-inbound`, over ports that only count.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::answer_call::AnswerCall;
use app::clock::SystemClock;
use app::ports::{
    BlockedCallers, CallRecord, CallSummary, Calls, Closing, Counters, DueCall, KnownCaller, Numbers, Page,
    PortResult, Promises, Published, RecordingEvent, Settling, Step, StepStart, StepWrite, Written,
};
use app::twilio_accounts::Directory;
use async_trait::async_trait;
use domain::blocked::{Block, BlockPattern};
use domain::call::{Call, LegEvent};
use domain::caps::{CounterId, Held, LiveLimits, Outcome, Usage};
use domain::ids::{AccountSid, CallId, CampaignId, InboundBidId, PublisherId, RtbTargetId, TenantId};
use domain::inbound::InboundBid;
use domain::number::NumberOwner;
use domain::phone::E164;
use domain::predictive::Earned;
use domain::routing::Via;
use domain::snapshot::Snapshot;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use testkit::fakes::{FakeAccounts, FakePostbacks, FakeVisits, PoolRows, connect_account, test_vault};
use twilio::form::encode;
use uuid::Uuid;
use voice_inbound::Context;
use webhook::Door;

use crate::form::{ACCOUNT, Alteration, Request, alterations, draw, library_params, request};
use crate::node::Node;

const REQUESTS: usize = 320;

/// A database that knows nothing and counts how often it was asked. Nothing may ever be written to it here.
#[derive(Default)]
struct CountingPorts {
    asked: AtomicUsize,
}

impl CountingPorts {
    fn asked(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
    }

    fn take(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Numbers for CountingPorts {
    async fn owner(&self, _: &E164) -> PortResult<Option<NumberOwner>> {
        self.asked();
        Ok(None)
    }
}

#[async_trait]
impl Published for CountingPorts {
    async fn version(&self, _: TenantId, _: CampaignId) -> PortResult<Option<u64>> {
        self.asked();
        Ok(None)
    }

    async fn snapshot(&self, _: TenantId, _: CampaignId, _: u64) -> PortResult<Option<Arc<Snapshot>>> {
        self.asked();
        Ok(None)
    }

    fn cached(&self, _: TenantId, _: CampaignId) -> Option<Arc<Snapshot>> {
        self.asked();
        None
    }
}

#[async_trait]
impl Counters for CountingPorts {
    async fn usage(&self, _: TenantId, _: &[CounterId]) -> PortResult<HashMap<CounterId, Usage>> {
        self.asked();
        Ok(HashMap::new())
    }

    async fn earned(
        &self,
        _: TenantId,
        _: CampaignId,
        _: Option<PublisherId>,
        _: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        self.asked();
        Ok(HashMap::new())
    }

    async fn claim_look(&self, _: TenantId, _: RtbTargetId, _: Timestamp, _: Timestamp) -> PortResult<bool> {
        Ok(true)
    }

    async fn note_health(&self, _: TenantId, _: RtbTargetId, _: &domain::breaker::Health) -> PortResult<()> {
        Ok(())
    }

    async fn set_paused(&self, _: TenantId, _: &CounterId, _: bool) -> PortResult<()> {
        unreachable!("written to")
    }

    async fn set_limits(&self, _: TenantId, _: &CounterId, _: Option<&LiveLimits>) -> PortResult<()> {
        unreachable!("written to")
    }
}

#[async_trait]
impl Promises for CountingPorts {
    async fn promises(&self, _: TenantId, _: &[&E164], _: Option<&str>) -> PortResult<Vec<InboundBid>> {
        self.asked();
        Ok(Vec::new())
    }

    async fn bid_by_sip(&self, _: InboundBidId) -> PortResult<Option<(TenantId, InboundBid)>> {
        self.asked();
        Ok(None)
    }
}

#[async_trait]
impl BlockedCallers for CountingPorts {
    async fn blocks(&self, _: TenantId, _: &[BlockPattern]) -> PortResult<Vec<Block>> {
        self.asked();
        Ok(Vec::new())
    }
}

#[async_trait]
impl Calls for CountingPorts {
    async fn step(&self, _: TenantId, _: CallId, _: u16) -> PortResult<Option<Step>> {
        self.asked();
        Ok(None)
    }

    async fn caller(&self, _: TenantId, _: CampaignId, _: &str) -> PortResult<KnownCaller> {
        self.asked();
        Ok(KnownCaller::default())
    }

    async fn load(&self, _: TenantId, _: CallId) -> PortResult<Option<CallRecord>> {
        self.asked();
        Ok(None)
    }

    async fn start_step(
        &self,
        _: TenantId,
        _: CallId,
        _: u16,
        _: Uuid,
        _: Timestamp,
    ) -> PortResult<StepStart> {
        unreachable!("written to")
    }

    async fn write_step(&self, _: &StepWrite) -> PortResult<Written> {
        unreachable!("written to")
    }

    async fn record_event(&self, _: TenantId, _: CallId, _: &LegEvent) -> PortResult<bool> {
        unreachable!("written to")
    }

    async fn record_recording(&self, _: TenantId, _: CallId, _: &RecordingEvent) -> PortResult<bool> {
        unreachable!("written to")
    }

    async fn release(&self, _: TenantId, _: CallId, _: &Held, _: &Outcome) -> PortResult<()> {
        unreachable!("written to")
    }

    async fn paid(&self, _: TenantId, _: &CounterId) -> PortResult<Usage> {
        unreachable!("settled")
    }

    async fn settle(&self, _: TenantId, _: &Call, _: &Closing, _: &Settling) -> PortResult<bool> {
        unreachable!("written to")
    }

    async fn due(&self, _: u8, _: Timestamp, _: u16) -> PortResult<Vec<DueCall>> {
        self.asked();
        Ok(Vec::new())
    }

    async fn postpone(&self, _: TenantId, _: CallId, _: Timestamp) -> PortResult<()> {
        unreachable!("written to")
    }

    async fn page(
        &self,
        _: TenantId,
        _: jiff::civil::Date,
        _: Option<&str>,
        _: u16,
    ) -> PortResult<Page<CallSummary>> {
        unreachable!("not on this path")
    }
}

/// The handler with its door for one base URL and the tokens of one account.
struct Front {
    ports: Arc<CountingPorts>,
    runtime: tokio::runtime::Runtime,
}

impl Front {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { ports: Arc::default(), runtime }
    }

    /// Delivers a request with this signature; how the handler answered, and how often a port was asked.
    fn deliver(&self, request: &Request, signature: Option<&str>) -> (HttpResponse, usize) {
        self.deliver_to(&request.base, &[&request.token], request, signature)
    }

    fn deliver_to(
        &self,
        base: &str,
        tokens: &[&str],
        request: &Request,
        signature: Option<&str>,
    ) -> (HttpResponse, usize) {
        let account: AccountSid = ACCOUNT.parse().unwrap();
        let accounts = Arc::new(FakeAccounts::default());
        let (vault, tenant) = (test_vault(), TenantId::from_uuid(Uuid::from_u128(1)));
        let connecting = connect_account(accounts.as_ref(), vault.as_ref(), tenant, &account, tokens);
        self.runtime.block_on(connecting).unwrap();
        let clock = Arc::new(SystemClock);
        let directory = Directory::new(accounts, vault.clone(), clock.clone());
        let context = Context {
            door: Door::new(base, directory, clock).unwrap(),
            answer_call: AnswerCall {
                numbers: self.ports.clone(),
                published: self.ports.clone(),
                counters: self.ports.clone(),
                bids: self.ports.clone(),
                blocked: self.ports.clone(),
                calls: self.ports.clone(),
                leases: Arc::new(PoolRows::default()),
                visits: Arc::new(FakeVisits::default()),
                postbacks: Arc::new(FakePostbacks::default()),
                vault,
                clock: Arc::new(SystemClock),
            },
        };
        let mut headers = HeaderMap::new();
        if let Some(signature) = signature {
            headers.insert("x-twilio-signature", HeaderValue::from_str(signature).unwrap());
        }
        let request = HttpRequest {
            method: Method::POST,
            raw_path: request.path.clone(),
            raw_query: request.query.clone(),
            headers,
            body: encode(&request.form).into(),
            request_id: "conformance".to_owned(),
            source_ip: None,
        };
        let answer = self.runtime.block_on(voice_inbound::handle(Arc::new(context), request));
        (answer, self.ports.take())
    }
}

fn sign(token: &str, url: &str, form: &[(String, String)]) -> Value {
    json!({"op": "sign", "token": token, "url": url, "params": library_params(form)})
}

fn validate(request: &Request, signature: &str) -> Value {
    json!({
        "op": "validate", "token": request.token, "signature": signature, "url": request.url(),
        "params": library_params(&request.form),
    })
}

/// Any requests, each signed by the library.
fn signed(oracle: &mut Node) -> Vec<(Request, String)> {
    let requests = draw(&request(), REQUESTS);
    let asked: Vec<Value> =
        requests.iter().map(|request| sign(&request.token, &request.url(), &request.form)).collect();
    let signatures = oracle.ask_all(&asked);
    requests.into_iter().zip(signatures.iter().map(signature_of)).collect()
}

fn signature_of(answer: &Value) -> String {
    answer["signature"].as_str().unwrap_or_else(|| panic!("the library did not sign: {answer}")).to_owned()
}

fn assert_let_in(answered: (HttpResponse, usize), what: &dyn std::fmt::Debug) {
    let (answer, asked) = answered;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "text/xml; charset=utf-8"), "{what:?}");
    assert_eq!(asked, 1, "the number is looked up: {what:?}");
}

fn assert_refused(answered: (HttpResponse, usize), what: &dyn std::fmt::Debug) {
    let (answer, asked) = answered;
    assert_eq!((answer.status, answer.content_type.as_str()), (403, "application/problem+json"), "{what:?}");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["code"], "signature_refused", "{what:?}");
    assert_eq!(asked, 0, "nothing may be looked up: {what:?}");
}

#[test]
fn what_the_library_signs_is_let_in_and_no_alteration_is() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    let mut altered: Vec<(Alteration, String)> = Vec::new();
    for (request, signature) in signed(&mut oracle) {
        assert_let_in(front.deliver(&request, Some(&signature)), &request);
        for alteration in alterations(&request) {
            let Alteration { what, request } = &alteration;
            assert_refused(front.deliver(request, Some(&signature)), &(what, request));
            altered.push((alteration, signature.clone()));
        }
    }
    // The library must agree on each: an alteration that it would let in proves nothing about us.
    let asked: Vec<Value> =
        altered.iter().map(|(alteration, signature)| validate(&alteration.request, signature)).collect();
    for (answer, (alteration, _)) in oracle.ask_all(&asked).iter().zip(&altered) {
        assert_eq!(answer["valid"], false, "{alteration:?}");
    }
    println!(
        "{REQUESTS} signed requests let in, {} alterations refused, by the library as well",
        altered.len()
    );
}

#[test]
fn no_other_signature_opens_the_door() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    for (request, signature) in signed(&mut oracle).into_iter().take(40) {
        for wrong in wrong_signatures(&signature) {
            assert_refused(front.deliver(&request, Some(&wrong)), &(&wrong, &signature));
        }
        assert_refused(front.deliver(&request, None), &"no signature");
    }
}

/// One letter changed at each place, and spellings that decode to the same bytes.
fn wrong_signatures(signature: &str) -> Vec<String> {
    let mut wrong: Vec<String> = (0..signature.len())
        .map(|at| {
            let letter = if signature.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            format!("{}{letter}{}", &signature[..at], &signature[at + 1..])
        })
        .collect();
    wrong.extend([
        String::new(),
        signature.trim_end_matches('=').to_owned(),
        format!("{signature}="),
        format!("{signature} "),
        format!("{signature},{signature}"),
        signature.to_lowercase(),
    ]);
    wrong.retain(|wrong| wrong != signature);
    wrong
}

#[test]
fn the_port_may_be_signed_or_not() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    let form = draw(&request(), 1).remove(0).form;
    let token = "0123456789abcdef0123456789abcdef";
    for (base, asked) in [
        ("https://calls.example.com", "https://calls.example.com:443"),
        ("http://calls.example.com", "http://calls.example.com:80"),
        ("https://calls.example.com:8443", "https://calls.example.com"),
        ("https://Calls.Example.com", "https://Calls.Example.com:443"),
    ] {
        let path = "/twilio/voice/inbound".to_owned();
        let request = Request {
            token: token.to_owned(),
            base: base.to_owned(),
            path,
            query: String::new(),
            form: form.clone(),
        };
        let url = format!("{asked}{}", request.path);
        let answers = oracle.ask_all(&[sign(token, &url, &form)]);
        assert_let_in(front.deliver(&request, Some(&signature_of(&answers[0]))), &(base, asked));
    }
}

#[test]
fn while_a_token_is_rotated_both_open_and_afterwards_one() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    for (request, signature) in signed(&mut oracle).into_iter().take(20) {
        let other = "ffffffffffffffffffffffffffffffff";
        let with = |tokens: &[&str]| front.deliver_to(&request.base, tokens, &request, Some(&signature));
        assert_let_in(with(&[other, &request.token]), &request);
        assert_let_in(with(&[&request.token, other]), &request);
        assert_refused(with(&[other]), &request);
        assert_refused(with(&["", other]), &request);
        assert_refused(with(&[]), &request);
    }
}

#[test]
fn a_parameter_sent_twice_with_one_value_counts_once() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    for (request, signature) in signed(&mut oracle).into_iter().take(20) {
        let mut twice = request.clone();
        twice.form.push(request.form[0].clone());
        assert_eq!(oracle.ask_all(&[validate(&twice, &signature)])[0]["valid"], true);
        assert_let_in(front.deliver(&twice, Some(&signature)), &twice);
    }
}

#[test]
fn the_order_of_the_parameters_does_not_matter() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let front = Front::new();
    for (mut request, signature) in signed(&mut oracle).into_iter().take(40) {
        request.form.reverse();
        assert_let_in(front.deliver(&request, Some(&signature)), &request);
    }
}
