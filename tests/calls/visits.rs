//! Visitors who are shown a number of a pool and call it: whose the call is, what is known of it, what RedTrack is told, and when
//! the number may be shown to somebody else. Leases are written straight through the port.

use std::sync::{Arc, Mutex};

use app::answer_call::{Answer, NotTaken};
use app::ports::{CarrierCall, Leased, Leases, NoAnswer, PoolPlace, PortResult, Tags, Trackers, Visits};
use app::tell_trackers::TellTrackers;
use async_trait::async_trait;
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::dni::lease::{Attribution, Lease, PoolNumber};
use domain::dni::tag::{Source as Shown, TagSetup};
use domain::dni::visit::{Learned, PageSeen, Params, Visit};
use domain::ids::{CallId, CampaignId, PublisherId, TrackingTagId, VisitId};
use domain::voice::Verb;
use jiff::SignedDuration;
use outbound::{AllowList, Outbound};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use uuid::Uuid;

use crate::bids::call;
use crate::world::{Carrier, POOL, World};

const ANN: VisitId = VisitId::from_uuid(Uuid::from_u128(0x019a_aaaa_0000_7000_8000_0000_0000_000a));
const BOB: VisitId = VisitId::from_uuid(Uuid::from_u128(0x019a_aaaa_0000_7000_8000_0000_0000_000b));
const TAG: TrackingTagId = TrackingTagId::from_uuid(Uuid::from_u128(60));
/// Whom the tag pays; the number itself is another publisher's.
const BY_TAG: PublisherId = PublisherId::from_uuid(Uuid::from_u128(61));

/// A world whose number nobody was shown yet.
async fn world() -> World {
    let world = World::new(false).await;
    world.put_pool_row().await;
    world
}

fn place(world: &World) -> PoolPlace {
    PoolPlace { pool: POOL, shard: 0, number: world.number.clone() }
}

/// A lease of 300 s from now on, with a delay of 30 s.
fn lease(world: &World, visit: VisitId) -> Lease {
    Lease {
        visit,
        tag: TAG,
        campaign: world.campaign,
        publisher: Some(BY_TAG),
        since: world.now(),
        until: world.now() + SignedDuration::from_secs(300),
        delay_s: 30,
    }
}

async fn leases(world: &World, visit: VisitId) -> Leased {
    world.store.take(world.tenant, &place(world), &lease(world, visit), world.now()).await.unwrap()
}

async fn row(world: &World) -> PoolNumber {
    world.store.numbers(world.tenant, POOL, 1).await.unwrap().remove(0)
}

fn kept(params: &[(&str, &str)]) -> Params {
    params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn anns(world: &World, params: &[(&str, &str)]) -> Visit {
    let url = "https://www.example.com/plumbing?utm_source=google".to_owned();
    Visit {
        id: ANN,
        tag: TAG,
        campaign: world.campaign,
        publisher: Some(BY_TAG),
        started_at: world.now(),
        seen_at: world.now(),
        number: Some(world.number.clone()),
        attributed: true,
        params: kept(params),
        first: kept(&[("url", &url), ("utm_source", "google")]),
        last: Params::new(),
        pages: vec![PageSeen { url, referrer: "https://www.google.com/".to_owned(), at: world.now() }],
        geo: serde_json::from_value(
            json!({"country": "US", "region": "IL", "city": "Chicago", "ip": "203.0.113.7"}),
        )
        .unwrap(),
        device: serde_json::from_value(json!({"kind": "phone", "system": "iOS"})).unwrap(),
    }
}

const FROM_AN_AD: &[(&str, &str)] = &[
    ("utm_source", "google"),
    ("utm_term", "emergency plumber"),
    ("clickid", "65f0c1&d2 e3"),
    ("sub_id", "7"),
];

fn event(world: &World, leg: Leg, status: CallStatus, seconds: i64) -> LegEvent {
    LegEvent {
        leg,
        status,
        sequence: if status == CallStatus::InProgress { 2 } else { 3 },
        source: Source::Callback,
        at: world.now() + SignedDuration::from_secs(seconds),
        duration_s: status.is_terminal().then(|| u32::try_from(seconds).unwrap()),
        sid: None,
    }
}

/// The destination answers, and after so many seconds everybody has left.
async fn talks(world: &World, call: CallId, seconds: i64) {
    world.told(call, &event(world, Leg::Attempt(0), CallStatus::InProgress, 1)).await;
    world.told(call, &event(world, Leg::Attempt(0), CallStatus::Completed, seconds)).await;
    world.told(call, &event(world, Leg::Caller, CallStatus::Completed, seconds)).await;
}

async fn whose(world: &World, number: u32) -> (Option<Attribution>, Option<VisitId>) {
    let record = world.record(call(number)).await;
    (record.call.attribution, record.call.visit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_call_says_from_which_campaign_publisher_keyword_and_click_it_came() {
    let world = world().await;
    world.store.begin(world.tenant, &anns(&world, FROM_AN_AD)).await.unwrap();
    assert_eq!(leases(&world, ANN).await, Leased::Done);
    world.clock.advance(100);
    let reply = world.incoming(call(1)).await;
    assert!(matches!(reply.verbs[0], Verb::Dial(_)), "{reply:?}");

    let record = world.record(call(1)).await;
    let known = &record.call;
    assert_eq!((known.attribution, known.visit, known.tag), (Some(Attribution::Lease), Some(ANN), Some(TAG)));
    assert_eq!((known.campaign, known.publisher), (world.campaign, Some(BY_TAG)));
    for (tag, value) in [
        ("Google:Source", "google"),
        ("Google:Term", "emergency plumber"),
        ("User:clickid", "65f0c1&d2 e3"),
        ("User:sub_id", "7"),
        ("Visitor:City", "Chicago"),
        ("Technology:IsMobile", "yes"),
        ("FirstTouch:utm_source", "google"),
        ("Visit:Referrer", "https://www.google.com/"),
    ] {
        assert_eq!(known.tags.get(tag).map(String::as_str), Some(value), "{tag}");
    }
    assert_eq!(known.tags["Visit:Id"], ANN.to_string());
    assert_eq!(world.store.calls_of_visit(world.tenant, ANN).await.unwrap(), [call(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_sees_the_visits_tags_and_not_what_it_makes_up() {
    let filter = json!({"tag": "User:utm_source", "op": "equals", "value": "google"});
    let world = World::differing(json!({}), json!({"filter": filter})).await;
    world.put_pool_row().await;
    assert!(!matches!(world.incoming(call(1)).await.verbs[0], Verb::Dial(_)), "nobody's call has no tags");
    world.told(call(1), &event(&world, Leg::Caller, CallStatus::Completed, 3)).await;
    world.store.begin(world.tenant, &anns(&world, FROM_AN_AD)).await.unwrap();
    world.clock.advance(60);
    leases(&world, ANN).await;
    assert!(matches!(world.incoming(call(2)).await.verbs[0], Verb::Dial(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_after_the_lease_is_the_visitors_until_the_number_has_rested() {
    let world = world().await;
    leases(&world, ANN).await;
    world.clock.set(325);
    world.incoming(call(1)).await;
    assert_eq!(whose(&world, 1).await, (Some(Attribution::CoolDown), Some(ANN)));
    talks(&world, call(1), 10).await;
    // It rested from the end of that call.
    world.clock.set(360);
    world.incoming(call(2)).await;
    assert_eq!(whose(&world, 2).await, (Some(Attribution::CoolDown), Some(ANN)));
    talks(&world, call(2), 10).await;
    world.clock.set(500);
    world.incoming(call(3)).await;
    assert_eq!(whose(&world, 3).await, (Some(Attribution::Nobody), None));
    assert_eq!(world.record(call(3)).await.call.publisher, Some(world.publisher), "the number's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ends_while_the_call_rings_does_not_lose_the_call() {
    let world = world().await;
    leases(&world, ANN).await;
    world.clock.set(299);
    world.incoming(call(1)).await;
    // Twilio asks again after the lease, its delay, and long before the call's end.
    world.clock.set(340);
    world.incoming(call(1)).await;
    assert_eq!(whose(&world, 1).await, (Some(Attribution::Lease), Some(ANN)));
    assert_eq!(leases(&world, BOB).await, Leased::Lost, "nobody else is shown it while Ann talks");
    talks(&world, call(1), 100).await;
    let row = row(&world).await;
    assert!(row.calls.is_empty());
    assert_eq!(row.free_after, world.now() + SignedDuration::from_secs(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_just_before_the_call_leaves_it_the_visitors() {
    let world = world().await;
    let held = lease(&world, ANN);
    leases(&world, ANN).await;
    world.clock.set(100);
    assert!(world.store.release(world.tenant, &place(&world), (ANN, held.until), world.now()).await.unwrap());
    world.clock.set(101);
    world.incoming(call(1)).await;
    assert_eq!(whose(&world, 1).await, (Some(Attribution::CoolDown), Some(ANN)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_leased_anew_is_the_new_visitors_but_for_a_call_from_before() {
    let world = world().await;
    leases(&world, ANN).await;
    world.clock.set(331);
    assert_eq!(leases(&world, BOB).await, Leased::Done);
    world.incoming(call(1)).await;
    assert_eq!(whose(&world, 1).await, (Some(Attribution::Lease), Some(BOB)));
    talks(&world, call(1), 10).await;
    // A machine that is more than three seconds behind the one that leased it, or a webhook on its way since then.
    world.clock.set(327);
    world.incoming(call(2)).await;
    assert_eq!(whose(&world, 2).await, (Some(Attribution::CoolDown), Some(ANN)));
    // Up to three seconds behind it is the new visitor's.
    world.clock.set(328);
    world.incoming(call(3)).await;
    assert_eq!(whose(&world, 3).await, (Some(Attribution::Lease), Some(BOB)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_calls_at_once_the_number_waits_for_the_last_to_end() {
    let world = world().await;
    leases(&world, ANN).await;
    world.clock.set(290);
    futures::join!(world.incoming(call(1)), world.incoming(call(2)));
    for number in [1, 2] {
        assert_eq!(whose(&world, number).await, (Some(Attribution::Lease), Some(ANN)), "call {number}");
    }
    assert_eq!(row(&world).await.calls.len(), 2);
    // One closes before the other.
    world.clock.set(400);
    talks(&world, call(2), 0).await;
    world.clock.set(500);
    assert_eq!(row(&world).await.calls.into_iter().collect::<Vec<_>>(), [call(1)]);
    assert_eq!(leases(&world, BOB).await, Leased::Lost);
    world.incoming(call(3)).await;
    assert_eq!(whose(&world, 3).await, (Some(Attribution::CoolDown), Some(ANN)), "while Ann's call lasts");
    for number in [3, 1] {
        talks(&world, call(number), 10).await;
    }
    world.clock.set(541);
    assert_eq!(leases(&world, BOB).await, Leased::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_webhook_changes_nothing_also_when_the_call_is_over() {
    let world = world().await;
    leases(&world, ANN).await;
    world.clock.set(10);
    let first = world.incoming(call(1)).await;
    let (before, known) = (row(&world).await, world.record(call(1)).await.call);
    assert_eq!(world.incoming(call(1)).await, first);
    assert_eq!(row(&world).await, before);
    talks(&world, call(1), 20).await;
    let closed = row(&world).await;
    world.clock.set(200);
    assert_eq!(world.incoming(call(1)).await, first);
    let late = row(&world).await;
    assert!(late.calls.is_empty(), "the number is kept for a call that is over");
    assert_eq!((late.lease, late.free_after), (closed.lease, closed.free_after));
    assert_eq!(world.record(call(1)).await.call, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_lets_go_of_the_number_of_a_call_whose_end_nobody_told() {
    let world = world().await;
    leases(&world, ANN).await;
    world.incoming(call(1)).await;
    assert_eq!(row(&world).await.calls.len(), 1);
    world.clock.advance(6 * 3_600);
    let parent = CarrierCall {
        sid: call(1).sid(),
        status: CallStatus::Completed,
        to: world.number.as_str().to_owned(),
        started_at: None,
        ended_at: Some(world.now() - SignedDuration::from_secs(60)),
        duration_s: Some(5),
    };
    world.sweep(Carrier { parent: Some(parent), children: Vec::new() }).await;
    assert!(world.record(call(1)).await.closing.is_some());
    assert!(row(&world).await.calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_takes_keeps_no_number() {
    let world = world().await;
    let unpublished = CampaignId::from_uuid(Uuid::from_u128(99));
    let held = Lease { campaign: unpublished, ..lease(&world, ANN) };
    world.store.take(world.tenant, &place(&world), &held, world.now()).await.unwrap();
    let answer = world.try_incoming(call(1)).await.unwrap();
    assert!(matches!(answer, Answer::NotTaken(_, NotTaken::NotPublished)), "{answer:?}");
    assert!(row(&world).await.calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_row_or_a_visit_the_call_goes_on() {
    let world = World::new(false).await;
    world.incoming(call(1)).await;
    assert_eq!(whose(&world, 1).await, (Some(Attribution::Nobody), None));
    world.put_pool_row().await;
    leases(&world, ANN).await;
    world.incoming(call(2)).await;
    assert_eq!(
        whose(&world, 2).await,
        (Some(Attribution::Lease), Some(ANN)),
        "its visit was not written down"
    );
    assert!(world.record(call(2)).await.call.tags.is_empty());
    let alone = World::new(false).await;
    alone.leave_pool().await;
    alone.incoming(call(3)).await;
    assert_eq!(whose(&alone, 3).await, (Some(Attribution::StaticNumber), None));
}

// What RedTrack is told.

/// A tag that tells RedTrack everything.
struct OneTag(TagSetup);

#[async_trait]
impl Tags for OneTag {
    async fn tag(&self, id: TrackingTagId) -> PortResult<Option<TagSetup>> {
        Ok((id == self.0.id).then(|| self.0.clone()))
    }
}

/// The tracking domain is this machine: what it is sent, and what it answers.
struct RedTrack {
    asked: Arc<Mutex<Vec<String>>>,
    status: Arc<Mutex<u16>>,
    client: Outbound,
    address: String,
}

impl RedTrack {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(200)));
        let (keeps, answers) = (asked.clone(), status.clone());
        tokio::spawn(async move {
            loop {
                let Ok((mut connection, _)) = listener.accept().await else { return };
                let mut head = vec![0; 4_096];
                let length = connection.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                keeps.lock().unwrap().push(head.split(' ').nth(1).unwrap_or_default().to_owned());
                let status = *answers.lock().unwrap();
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        let client = Outbound::new(AllowList::parse(&address).unwrap()).unwrap();
        Self { asked, status, client, address }
    }

    /// Each postback's type, click id and sum, as often as it was sent.
    fn told(&self) -> Vec<(String, String, Option<String>)> {
        let asked = self.asked.lock().unwrap();
        let read = |path: &String| {
            let url = reqwest::Url::parse(&format!("http://x{path}")).unwrap();
            assert_eq!(url.path(), "/postback");
            let value = |wanted: &str| {
                url.query_pairs().find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
            };
            (value("type").unwrap(), value("clickid").unwrap(), value("sum"))
        };
        asked.iter().map(read).collect()
    }
}

#[async_trait]
impl Trackers for RedTrack {
    async fn tell(&self, url: &str, deadline: Instant) -> Result<u16, NoAnswer> {
        let here = url.replace("https://track.example.com", &format!("http://{}", self.address));
        self.client.tell(&here, deadline).await
    }
}

fn teller(world: &World, redtrack: Arc<RedTrack>) -> TellTrackers {
    let tag = json!({
        "name": "Landing pages", "campaign": world.campaign, "shows": {"pool": POOL},
        "redtrack": {"domain": "track.example.com"},
    });
    let setup = TagSetup {
        tenant: world.tenant,
        id: TAG,
        tag: serde_json::from_value(tag).unwrap(),
        source: Shown::Nothing,
        url_parameters: Vec::new(),
    };
    TellTrackers {
        calls: world.store.clone(),
        tags: Arc::new(OneTag(setup)),
        visits: world.store.clone(),
        marks: world.store.clone(),
        trackers: redtrack,
        clock: world.clock.clone(),
    }
}

const CLICK: &str = "65f0c1&d2 e3";

fn told(kind: &str, sum: Option<&str>) -> (String, String, Option<String>) {
    (kind.to_owned(), CLICK.to_owned(), sum.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn redtrack_is_told_of_each_state_of_a_call_once_with_what_the_books_pay() {
    let world = world().await;
    let redtrack = Arc::new(RedTrack::start().await);
    let teller = teller(&world, redtrack.clone());
    world.store.begin(world.tenant, &anns(&world, FROM_AN_AD)).await.unwrap();
    leases(&world, ANN).await;
    world.incoming(call(1)).await;
    assert_eq!(world.postbacks.noted(), [call(1)]);
    // Messages come twice.
    for _ in 0..2 {
        teller.tell(world.tenant, call(1)).await.unwrap();
    }
    assert_eq!(redtrack.told(), [told("RAWCall", None)]);
    world.told(call(1), &event(&world, Leg::Attempt(0), CallStatus::InProgress, 1)).await;
    assert_eq!(world.postbacks.noted().len(), 2);
    teller.tell(world.tenant, call(1)).await.unwrap();
    assert_eq!(redtrack.told()[1..], [told("AnsweredCall", None)]);
    talks(&world, call(1), 95).await;
    assert_eq!(world.postbacks.noted().last(), Some(&call(1)), "its end is noted");
    for _ in 0..3 {
        teller.tell(world.tenant, call(1)).await.unwrap();
    }
    // The target pays 20.00, of which the publisher earns 60 per cent.
    assert_eq!(redtrack.told()[2..], [told("ConvertedCall", Some("12.00"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_amount_is_made_up_and_a_call_too_short_to_convert_is_not_told_as_converted() {
    for (seconds, payout, expected) in [
        (95, json!({"on": "converted", "amount": {"fixed": 0}}), Some(told("ConvertedCall", None))),
        (20, json!({"on": "converted", "amount": {"fixed": 5_000_000}}), None),
    ] {
        let world = World::differing(json!({"payout": payout}), json!({})).await;
        world.put_pool_row().await;
        let redtrack = Arc::new(RedTrack::start().await);
        world.store.begin(world.tenant, &anns(&world, FROM_AN_AD)).await.unwrap();
        leases(&world, ANN).await;
        world.incoming(call(1)).await;
        talks(&world, call(1), seconds).await;
        teller(&world, redtrack.clone()).tell(world.tenant, call(1)).await.unwrap();
        assert_eq!(redtrack.told().get(2).cloned(), expected, "{seconds} s");
        assert_eq!(redtrack.told()[..2], [told("RAWCall", None), told("AnsweredCall", None)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_fails_never_touches_the_call_and_is_told_when_it_is_back() {
    let world = world().await;
    let redtrack = Arc::new(RedTrack::start().await);
    let teller = teller(&world, redtrack.clone());
    *redtrack.status.lock().unwrap() = 503;
    world.store.begin(world.tenant, &anns(&world, FROM_AN_AD)).await.unwrap();
    leases(&world, ANN).await;
    assert!(matches!(world.incoming(call(1)).await.verbs[0], Verb::Dial(_)));
    talks(&world, call(1), 95).await;
    assert!(teller.tell(world.tenant, call(1)).await.is_err(), "the message comes again");
    assert!(world.record(call(1)).await.closing.is_some());
    assert_eq!(redtrack.told().len(), 3, "each was tried");
    *redtrack.status.lock().unwrap() = 204;
    teller.tell(world.tenant, call(1)).await.unwrap();
    teller.tell(world.tenant, call(1)).await.unwrap();
    assert_eq!(redtrack.told().len(), 6, "each was told once more, and then no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_id_that_comes_after_the_call_is_told_all_the_same() {
    let world = world().await;
    let redtrack = Arc::new(RedTrack::start().await);
    let teller = teller(&world, redtrack.clone());
    world.store.begin(world.tenant, &anns(&world, &[("utm_source", "google")])).await.unwrap();
    leases(&world, ANN).await;
    world.incoming(call(1)).await;
    teller.tell(world.tenant, call(1)).await.unwrap();
    assert_eq!(redtrack.told(), [], "there is nothing to tell by");
    let late = Learned { at: world.now(), params: kept(&[("clickid", CLICK)]), ..Learned::default() };
    world.store.learn(world.tenant, ANN, &late).await.unwrap();
    talks(&world, call(1), 95).await;
    assert_eq!(world.postbacks.noted(), [call(1)], "its end is noted although it had no click id");
    teller.tell(world.tenant, call(1)).await.unwrap();
    assert_eq!(redtrack.told().len(), 3);
}
