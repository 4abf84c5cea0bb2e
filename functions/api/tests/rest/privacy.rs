//! A caller is erased, on the real table: nothing of them is left, money and everybody else stay as they were.

use std::collections::HashMap;
use std::sync::Arc;

use app::catalog::Scribe;
use app::clock::Clock;
use app::erase_caller::{CALLS_AT_ONCE, EraseCaller, Erasure};
use app::ports::{
    Answered, Audit, BidHistory, BidLog, BidLogEntry, CallRecord, Calls, ErasureProof, PortResult, Settling,
    Step, StepWrite, Vault,
};
use domain::audit::{Actor, AuditEntry, By, Origin};
use domain::call::Call;
use domain::ids::{ApiKeyId, TenantId};
use domain::phone::{E164, number_of_caller};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::Store;
use testkit::database::TestDatabase;
use testkit::fakes::{FakeBidHistory, FakeClock, FakeTelephony, test_vault};
use testkit::faults::{Fault, FaultProxy, Rule};

use crate::calls::{CALLER, call_id, record};
use crate::support::{World, phone};
use crate::table::OnTable;

const OTHER: &str = "+14155550177";
/// Two hours after the calls.
const LATER: &str = "2026-11-22T12:00:00Z";

fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(0xA))
}

/// A finished call whose every corner holds the caller's number in another form.
async fn call_from(number: u128, from: &str) -> CallRecord {
    let mut record = record(tenant(), number, "2026-11-22T10:00:00Z");
    let caller = number_of_caller(from).unwrap();
    let national = caller.nanp().unwrap().to_owned();
    let (area, rest) = national.split_at(3);
    let (exchange, line) = rest.split_at(3);
    let mut call = Call::clone(&record.call);
    call.from = from.to_owned();
    // The publisher's ping had said more of them.
    call.bid = Some(
        serde_json::from_value(json!({
            "id": format!("RTB{number:032x}"), "amount": 10_000_000, "verdict": "late", "any_caller": false,
            "fingerprint": "keyed hash", "tags": {"plan": "gold", "phone": format!("{area} {exchange} {line}")}
        }))
        .unwrap(),
    );
    call.caller_key = Some(test_vault().pseudonym(tenant(), caller.as_str()).await.unwrap());
    record.call = Arc::new(call);
    record.attempts.sort_by_key(|attempt| attempt.number);
    record.attempts[0].name = format!("Best ({area}) {exchange}-{line}");
    record.attempts[0].destination = serde_json::from_value(json!({"number": caller})).unwrap();
    record.attempts[1].destination =
        serde_json::from_value(json!({"sip": format!("sip:{area}.{exchange}.{line}@sip.example.com")}))
            .unwrap();
    record.recordings[0].sid = format!("RE{number:032x}");
    record.recordings[0].url = Some(format!("https://api.twilio.com/{area}%20{exchange}%2D{line}"));
    let mut auction = serde_json::to_value(&record.auctions[0]).unwrap();
    auction["id"] = json!(format!("AU{number:032x}"));
    auction["results"][2]["refusal"] = json!({"declined": format!("+1 ({area}) {exchange}-{line} was sold")});
    auction["results"][3]["destination"] = json!(caller.masked());
    auction["ranking"][0]["destination"] = json!({"number": caller});
    record.auctions[0] = serde_json::from_value(auction).unwrap();
    for (_, step) in &mut record.steps {
        let Step::Answered(answered) = step else { continue };
        let mut value = serde_json::to_value(&*answered).unwrap();
        value["reply"]["verbs"] =
            json!([{"say": format!("You called from {area} {exchange} {line}.")}, "hangup"]);
        **answered = serde_json::from_value::<Answered>(value).unwrap();
    }
    let closing = record.closing.as_mut().unwrap();
    closing.billed_name = Some(format!("Second {area}{exchange}{line}"));
    closing.billed_via = Some(record.attempts[1].via);
    record
}

fn answered(record: &CallRecord, number: u16) -> Answered {
    let found = record.steps.iter().find_map(|(step, stored)| match stored {
        Step::Answered(answered) if *step == number => Some(Answered::clone(answered)),
        _ => None,
    });
    found.unwrap_or_else(|| {
        serde_json::from_value(json!({
            "reply": {"verbs": ["hangup"]}, "decisions": {"each": []}, "at": "2026-11-22T10:00:00Z"
        }))
        .unwrap()
    })
}

/// Writes a call as the call path does.
async fn store_call(store: &Store, record: &CallRecord, is_over: bool) -> Vec<BidLogEntry> {
    let caller = number_of_caller(&record.call.from).unwrap();
    for number in 0..=2_u16 {
        let write = StepWrite {
            call: record.call.clone(),
            begins: number == 0,
            caller: None,
            number,
            started_by: None,
            answered: answered(record, number),
            attempts: record.attempts.iter().filter(|attempt| attempt.number == number).cloned().collect(),
            joints: Vec::new(),
            limits: Vec::new(),
            gives_back: Vec::new(),
            auction: (number == 1).then(|| Arc::new(record.auctions[0].clone())),
            due_at: "2026-11-22T14:00:00Z".parse().unwrap(),
        };
        store.write_step(&write).await.unwrap();
    }
    for event in &record.events {
        store.record_event(tenant(), record.call.id, event).await.unwrap();
    }
    store.record_recording(tenant(), record.call.id, &record.recordings[0]).await.unwrap();
    let auction = &record.auctions[0];
    let mut logged = Vec::new();
    for result in &auction.results {
        let entry = BidLogEntry {
            tenant: tenant(),
            auction: auction.id,
            call: record.call.id,
            asked_for: Default::default(),
            campaign: record.call.campaign,
            bidder: result.bidder,
            at: auction.started_at,
            url: format!("https://bids.example.com/{}", caller.digits()),
            request: Some(format!("{{\"CID\": \"{}\", \"zip\": \"94105\"}}", caller.as_str())),
            status: Some(200),
            response: Some(format!("{{\"note\": \"{} is known\"}}", caller.as_str())),
            result: result.clone(),
            won: false,
        };
        store.store(&entry).await.unwrap();
        logged.push(entry);
    }
    if is_over {
        assert!(
            store
                .settle(tenant(), &record.call, record.closing.as_ref().unwrap(), &Settling::default())
                .await
                .unwrap()
        );
    }
    logged
}

/// A table with two calls of the caller (one by SIP) and one of somebody else.
struct Scene {
    database: TestDatabase,
    proxy: FaultProxy,
    troubled: Store,
    history: FakeBidHistory,
    telephony: FakeTelephony,
    clock: FakeClock,
}

/// Who asks.
fn by() -> By {
    let actor = Actor::ApiKey(ApiKeyId::from_uuid(uuid::Uuid::from_u128(1)));
    By { actor, origin: Origin::of(Some("203.0.113.9".parse().unwrap()), Some("curl/8.1"), "request-1") }
}

type Items = HashMap<(String, String), HashMap<String, String>>;

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::start().await.unwrap();
        let store = database.store();
        let history = FakeBidHistory::default();
        let by_sip = format!("sip:{CALLER}@sip.example.com");
        for (number, from) in [(1, CALLER), (2, by_sip.as_str()), (3, OTHER)] {
            let logged = store_call(&store, &call_from(number, from).await, true).await;
            history.keep(&logged).await.unwrap();
        }
        let proxy = FaultProxy::before(&database.endpoint(), 20_261_122).await.unwrap();
        let troubled = TestDatabase::store_through(&proxy.endpoint());
        Self {
            database,
            proxy,
            troubled,
            history,
            telephony: FakeTelephony::default(),
            clock: FakeClock::at(LATER.parse().unwrap()),
        }
    }

    async fn erase_at(&self, at: &str) -> PortResult<Erasure> {
        let vault = test_vault();
        let by = by();
        let at: Timestamp = at.parse().unwrap();
        self.clock.advance(at.duration_since(self.clock.now()).as_secs());
        let erase = EraseCaller {
            calls: &self.troubled,
            callers: &self.troubled,
            bids: &self.troubled,
            history: &self.history,
            visits: &self.troubled,
            telephony: &self.telephony,
            scribe: Scribe { by: &by, vault: vault.as_ref(), clock: &self.clock },
        };
        erase.erase(tenant(), &phone(CALLER)).await
    }

    async fn erase(&self) -> PortResult<Erasure> {
        self.erase_at(LATER).await
    }

    /// Every request stands in the audit log, whatever it found to do.
    async fn items_but_the_log(&self) -> Items {
        only(&self.items().await, |pk, _| !pk.contains("#AUD#"))
    }

    /// What the audit log says, newest first.
    async fn log(&self) -> Vec<AuditEntry> {
        let november = jiff::civil::date(2026, 11, 1);
        Audit::page(&self.database.store(), tenant(), november, None, 100).await.unwrap().items
    }

    async fn items(&self) -> Items {
        let items = self.database.items().await.unwrap();
        items
            .iter()
            .map(|item| {
                let text = |name: &str| item[name].as_s().unwrap().clone();
                let all = item.iter().map(|(name, value)| (name.clone(), format!("{value:?}"))).collect();
                ((text("pk"), text("sk")), all)
            })
            .collect()
    }
}

/// Whether a text holds the number, whatever stands between its digits.
fn holds(text: &str, number: &E164) -> bool {
    let mut bare = text.to_owned();
    for between in ["%20", "%2D", "%28", "%29", " ", "-", ".", "(", ")", "/"] {
        bare = bare.replace(between, "");
    }
    bare.contains(number.nanp().unwrap()) || text.contains(&number.masked())
}

fn holding(items: &Items, number: &E164) -> Vec<String> {
    let mut found = Vec::new();
    for ((pk, sk), attributes) in items {
        found.extend(
            attributes
                .iter()
                .filter(|(_, value)| holds(value, number))
                .map(|(name, value)| format!("{pk} {sk} {name}: {value}")),
        );
    }
    found
}

fn only(items: &Items, wanted: impl Fn(&str, &str) -> bool) -> Items {
    items
        .iter()
        .filter(|((pk, sk), _)| wanted(pk, sk))
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect()
}

#[tokio::test]
async fn nothing_of_an_erased_caller_is_left_and_money_and_others_are_untouched() {
    let scene = Scene::new().await;
    let before = scene.items().await;
    // Everything that should go is there: call, steps, attempts, recording, auction, four bids, of both calls.
    assert!(holding(&before, &phone(CALLER)).len() >= 2 * 10, "{:#?}", holding(&before, &phone(CALLER)));

    let done = scene.erase().await.unwrap();
    assert_eq!((done.complete, done.calls, done.waiting), (true, 2, 0));
    assert_eq!((done.proof.calls, done.proof.recordings, done.proof.bids), (2, 2, 8));
    assert_eq!((done.proof.by, done.proof.first_at), (by().actor.to_string(), LATER.parse().unwrap()));

    let after = scene.items().await;
    assert_eq!(holding(&after, &phone(CALLER)), Vec::<String>::new());
    let ledger = |items: &Items| only(items, |_, sk| sk.starts_with("LED#"));
    assert_eq!(ledger(&before).len(), 6);
    assert_eq!(ledger(&before), ledger(&after));
    let others = holding(&before, &phone(OTHER));
    assert!(!others.is_empty());
    let mut others_after = holding(&after, &phone(OTHER));
    let mut others = others;
    others.sort();
    others_after.sort();
    assert_eq!(others, others_after);
    let third = call_id(3).to_string();
    let of_third = |items: &Items| only(items, |pk, sk| pk.contains(&third) || sk.contains(&third));
    assert_eq!(of_third(&before), of_third(&after));
    let history: Vec<_> = scene.history.kept().iter().map(|entry| entry.call).collect();
    assert_eq!(history, [call_id(3); 4], "the history of the others' bids stays, and no other");
    assert_eq!(scene.telephony.deleted_recordings().len(), 2);

    // What is left can still be read: state and books stay.
    let store = scene.database.store();
    for number in [1, 2] {
        let record = store.load(tenant(), call_id(number)).await.unwrap().unwrap();
        assert_eq!((record.call.from.as_str(), record.call.from_zip.as_deref()), ("erased", None));
        assert_eq!(record.call.from_state, None, "the ping may have said it");
        let bid = record.call.bid.as_ref().unwrap();
        assert_eq!((bid.amount.unwrap().micros(), bid.tags.len(), &bid.fingerprint), (10_000_000, 0, &None));
        assert_eq!((record.attempts.len(), record.recordings[0].url.as_deref()), (2, None));
        assert_eq!(record.closing.unwrap().settlement.revenue.micros(), 38_500_000);
        assert_eq!(record.ledger.len(), 2);
        let bids = store.of_auction(tenant(), record.auctions[0].id).await.unwrap();
        assert!(bids.iter().all(|bid| bid.request.as_deref() == Some("erased")));
    }
}

#[tokio::test]
async fn erasing_again_changes_nothing_but_who_asked_last() {
    let scene = Scene::new().await;
    scene.erase().await.unwrap();
    let before = scene.items_but_the_log().await;
    let again = scene.erase().await.unwrap();
    assert_eq!((again.complete, again.calls, again.proof.calls), (true, 0, 2));
    assert_eq!(scene.items_but_the_log().await, before);
    assert_eq!(scene.telephony.deleted_recordings().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_breaks_off_ends_the_same_when_it_is_repeated() {
    let whole = Scene::new().await;
    whole.erase().await.unwrap();
    let expected = whole.items_but_the_log().await;
    let always = Rule::always(Fault::ServerError);
    for breaks in [
        always.clone().on("TransactWriteItems"),
        always.clone().on("TransactWriteItems").about("IDX#call#"),
        always.clone().on("UpdateItem").about("AUC#"),
        always.clone().on("UpdateItem").about("BIDS#"),
        always.clone().on("UpdateItem").about("REC#"),
        Rule::always(Fault::LostAnswer).on("TransactWriteItems").times(2),
        Rule::percent(40, Fault::LostAnswer),
    ] {
        let scene = Scene::new().await;
        scene.proxy.inject(breaks.clone());
        let first = scene.erase().await;
        scene.proxy.heal();
        let second = scene.erase().await.unwrap();
        assert!(second.complete, "{breaks:?} {first:?}");
        assert_eq!(scene.items_but_the_log().await, expected, "{breaks:?}");
    }
}

#[tokio::test]
async fn whoever_erases_a_caller_stands_in_the_log_before_anything_is_gone_and_the_caller_does_not() {
    let scene = Scene::new().await;
    // Nothing is erased of which nobody knows who wanted it.
    scene.proxy.inject(Rule::always(Fault::ServerError).on("TransactWriteItems"));
    let before = scene.items().await;
    assert!(scene.erase().await.is_err());
    assert_eq!(scene.items().await, before);
    scene.proxy.heal();

    let proof = scene.erase().await.unwrap().proof;
    let log = scene.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let entry = &log[0];
    assert_eq!((entry.action.as_str(), entry.object.as_ref()), ("caller.erased", Some(&proof.caller)));
    assert_eq!((entry.actor, &entry.origin, entry.at), (by().actor, &by().origin, LATER.parse().unwrap()));
    assert_eq!((entry.name.as_ref(), entry.changes.len()), (None, 0), "not even masked");
    scene.erase().await.unwrap();
    assert_eq!(scene.log().await.len(), 2, "each request is one deed");
    assert_eq!(holding(&scene.items().await, &phone(CALLER)), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_answered_about_a_caller_is_not_kept_for_a_repetition() {
    let table = OnTable::new().await;
    let key = [("idempotency-key", "one")];
    let block = json!({"number": CALLER, "reason": "Robocalls"});
    let (status, blocked) = table.send_with(&key, "POST", "/api/blocked-numbers", block.clone()).await;
    assert_eq!((status, &blocked["number"]), (201, &json!(CALLER)));
    let (status, taken) = table.send_with(&key, "POST", "/api/blocked-numbers", block.clone()).await;
    assert_eq!((status, &taken["code"]), (409, &json!("taken")), "it is done once all the same");
    let erase = json!({"number": CALLER, "confirm": CALLER});
    for _ in 0..2 {
        let answer = table.send_with(&key, "POST", "/api/privacy/erase-caller", erase.clone()).await;
        assert_eq!((answer.0, &answer.1["proof"]["unblocked"]), (200, &json!(1)));
    }
    let is_kept = |item: &String| item.contains("\"once\"");
    assert!(!table.items().await.iter().any(is_kept), "neither an answer nor what was asked");
    // Others are kept, so this test can fail.
    let (status, _) = table.send_with(&key, "POST", "/api/buyers", json!({"name": "Alpine"})).await;
    assert_eq!(status, 201);
    assert_eq!(table.items().await.iter().filter(|item| is_kept(item)).count(), 1);
}

#[tokio::test]
async fn while_twilio_is_away_the_answer_says_so_and_the_caller_can_be_erased_later() {
    let world = World::new().await;
    let record = record(world.tenant, 5, "2026-11-22T10:00:00Z");
    let key = test_vault().pseudonym(world.tenant, CALLER).await.unwrap();
    world.callers.note(world.tenant, &key, record.call.id);
    world.calls.insert(record);
    world.telephony.refuse_recordings(true);
    let body = json!({"number": CALLER, "confirm": CALLER});
    world.post("/api/privacy/erase-caller", &body).await.refused(502, "carrier_away");
    world.telephony.refuse_recordings(false);
    let done = world.post("/api/privacy/erase-caller", &body).await.ok(200);
    assert_eq!(done["complete"], true);
}

#[tokio::test]
async fn recordings_that_twilio_does_not_remove_keep_the_call_in_the_index() {
    let scene = Scene::new().await;
    scene.telephony.refuse_recordings(true);
    assert!(scene.erase().await.is_err());
    assert!(!holding(&scene.items().await, &phone(CALLER)).is_empty());
    scene.telephony.refuse_recordings(false);
    assert!(scene.erase().await.unwrap().complete);
    assert_eq!(holding(&scene.items().await, &phone(CALLER)), Vec::<String>::new());
}

#[tokio::test]
async fn calls_that_go_on_or_have_just_ended_wait_for_a_repetition() {
    let scene = Scene::new().await;
    let store = scene.database.store();
    let open = call_from(4, CALLER).await;
    store_call(&store, &open, false).await;
    let too_early = scene.erase_at("2026-11-22T10:12:09Z").await.unwrap();
    assert_eq!((too_early.complete, too_early.calls, too_early.waiting), (false, 0, 3));
    let later = scene.erase().await.unwrap();
    assert_eq!((later.complete, later.calls, later.waiting), (false, 2, 1));
    assert!(
        store
            .settle(tenant(), &open.call, open.closing.as_ref().unwrap(), &Settling::default())
            .await
            .unwrap()
    );
    let last = scene.erase().await.unwrap();
    assert_eq!((last.complete, last.calls, last.proof.calls), (true, 1, 3));
    assert_eq!(holding(&scene.items().await, &phone(CALLER)), Vec::<String>::new());
}

#[tokio::test]
async fn one_request_erases_a_bounded_number_of_calls() {
    let scene = Scene::new().await;
    let store = scene.database.store();
    for number in 10..40 {
        let record = call_from(number, CALLER).await;
        let write = StepWrite {
            call: record.call.clone(),
            begins: true,
            caller: None,
            number: 0,
            started_by: None,
            answered: answered(&record, 0),
            attempts: Vec::new(),
            joints: Vec::new(),
            limits: Vec::new(),
            gives_back: Vec::new(),
            auction: None,
            due_at: LATER.parse().unwrap(),
        };
        store.write_step(&write).await.unwrap();
        let mut closing = record.closing.unwrap();
        closing.attempts = 0;
        assert!(store.settle(tenant(), &record.call, &closing, &Settling::default()).await.unwrap());
    }
    let first = scene.erase().await.unwrap();
    assert_eq!((first.complete, first.calls as usize, first.waiting), (false, CALLS_AT_ONCE, 0));
    let second = scene.erase().await.unwrap();
    assert_eq!((second.complete, second.calls, second.proof.calls), (true, 12, 32));
}

#[tokio::test]
async fn an_entry_of_the_block_list_goes_and_its_neighbours_stay() {
    let table = OnTable::new().await;
    for number in [CALLER, OTHER, "+1415", "anonymous"] {
        table.id("/api/blocked-numbers", json!({"number": number})).await;
    }
    let body = json!({"number": CALLER, "confirm": CALLER});
    for _ in 0..2 {
        let (status, erased) = table.send("POST", "/api/privacy/erase-caller", body.clone()).await;
        assert_eq!((status, &erased["proof"]["unblocked"]), (200, &json!(1)), "{erased}");
    }
    let (_, left) = table.send("GET", "/api/blocked-numbers", json!({})).await;
    let mut left: Vec<&str> =
        left["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["+1415", OTHER, "anonymous"]);
    // The audit log keeps the masked form; the number itself is nowhere any more.
    let items = table.items().await;
    let whole = |number: &str| items.iter().filter(|item| item.contains(&number[2..])).count();
    assert_eq!(whole(CALLER), 0);
    assert!(whole(OTHER) > 0);
    // It was taken off in order: it can be blocked again.
    table.id("/api/blocked-numbers", json!({"number": CALLER})).await;
}

#[tokio::test]
async fn the_api_erases_and_says_what_it_did() {
    let table = OnTable::new().await;
    let (store, tenant) = (table.store(), table.world.tenant);
    assert_eq!(tenant, self::tenant());
    store_call(&store, &call_from(1, CALLER).await, true).await;
    let body = json!({"number": CALLER, "confirm": CALLER});
    let (status, erased) = table.send("POST", "/api/privacy/erase-caller", body.clone()).await;
    assert_eq!(
        (status, &erased["complete"], &erased["calls_erased"]),
        (200, &json!(true), &json!(1)),
        "{erased}"
    );
    assert_eq!(erased["proof"]["recordings"], 1);
    assert!(erased["proof"]["by"].as_str().unwrap().starts_with("KY"), "{erased}");
    assert!(!holds(&erased.to_string(), &phone(CALLER)));
    let proof: ErasureProof = serde_json::from_value(json!({
        "caller": erased["proof"]["caller"], "first_at": erased["proof"]["first_at"],
        "last_at": erased["proof"]["last_at"], "by": erased["proof"]["by"], "calls": 1, "recordings": 1, "bids": 4,
        "unblocked": 0
    }))
    .unwrap();
    let kept = app::ports::Callers::proof(&store, tenant, &proof.caller).await.unwrap();
    assert_eq!(kept, Some(proof));
    let (_, shown) = table.send("GET", &format!("/api/calls/{}", call_id(1)), json!({})).await;
    assert_eq!(shown["from"], "erased");
    for part in ["events", "decisions", "auction", "ledger"] {
        let (status, _) = table.send("GET", &format!("/api/calls/{}/{part}", call_id(1)), json!({})).await;
        assert_eq!(status, 200, "{part}");
    }
}

#[tokio::test]
async fn an_erasure_names_the_number_twice() {
    let world = World::new().await;
    for (body, field) in [
        (json!({}), ""),
        (json!({"number": CALLER}), ""),
        (json!({"number": CALLER, "confirm": OTHER}), "confirm"),
        (json!({"number": "4155550123", "confirm": "4155550123"}), "number"),
        (json!({"number": CALLER, "confirm": CALLER, "all": true}), ""),
        (json!({"number": 14_155_550_123_u64, "confirm": CALLER}), ""),
    ] {
        let problem = world.post("/api/privacy/erase-caller", &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field, "{problem}");
    }
    let body = json!({"number": CALLER, "confirm": CALLER});
    let nothing = world.post("/api/privacy/erase-caller", &body).await.ok(200);
    assert_eq!((&nothing["complete"], &nothing["calls_erased"]), (&json!(true), &json!(0)));
    let record = record(world.tenant, 5, "2026-11-22T10:00:00Z");
    let key = test_vault().pseudonym(world.tenant, CALLER).await.unwrap();
    world.callers.note(world.tenant, &key, record.call.id);
    world.calls.insert(record);
    let one = world.post("/api/privacy/erase-caller", &body).await.ok(200);
    assert_eq!((&one["complete"], &one["calls_erased"]), (&json!(true), &json!(1)));
    assert_eq!(world.telephony.deleted_recordings().len(), 1);
    let now: Timestamp = crate::support::NOW.parse().unwrap();
    assert_eq!(nothing["proof"]["first_at"], json!(now + SignedDuration::from_secs(0)));
}

#[tokio::test]
async fn another_tenants_caller_of_the_same_number_is_another() {
    let table = OnTable::new().await;
    let store = table.store();
    let mut record = call_from(1, CALLER).await;
    let mut call = Call::clone(&record.call);
    call.tenant = table.world.other;
    call.caller_key = Some(test_vault().pseudonym(call.tenant, CALLER).await.unwrap());
    record.call = Arc::new(call);
    let write = StepWrite {
        call: record.call.clone(),
        begins: true,
        caller: None,
        number: 0,
        started_by: None,
        answered: answered(&record, 0),
        attempts: Vec::new(),
        joints: Vec::new(),
        limits: Vec::new(),
        gives_back: Vec::new(),
        auction: None,
        due_at: LATER.parse().unwrap(),
    };
    store.write_step(&write).await.unwrap();
    let body = json!({"number": CALLER, "confirm": CALLER});
    let (_, erased) = table.send("POST", "/api/privacy/erase-caller", body).await;
    assert_eq!((&erased["complete"], &erased["calls_erased"]), (&json!(true), &json!(0)));
    let theirs = store.load(table.world.other, call_id(1)).await.unwrap().unwrap();
    assert_eq!(theirs.call.from, CALLER);
}
