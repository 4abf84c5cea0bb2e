//! Prints the table of access patterns that the documents show, from the functions that build the keys.

use app::ports::Kind;
use domain::call::{CallStatus, Leg, LegEvent, Source};
use domain::caps::CounterId;
use domain::email::EmailAddress;
use domain::ids::{
    AccountSid, AdjustmentId, ApiKeyId, AuctionId, BlockedNumberId, BuyerId, CallId, CampaignId, Id,
    InboundBidId, IncomingWebhookId, InvitationId, Noun, NumberId, NumberPoolId, PublisherId, RingTreeId,
    RtbTargetId, SessionId, TargetGroupId, TargetId, TenantId, TrackingTagId, UrlParameterId, UserId,
    VisitId,
};
use domain::ledger::Party;
use domain::phone::E164;
use jiff::Timestamp;
use store::keys::{self, Key};
use uuid::Uuid;

/// Digit by which an id is made, and the name under which the table shows it.
const NAMES: [(u128, &str, &str); 21] = [
    (21, "VI", "<visit>"),
    (1, "AC", "<tenant>"),
    (2, "CA", "<campaign>"),
    (3, "TA", "<target>"),
    (4, "PI", "<bidder>"),
    (5, "PN", "<number id>"),
    (6, "AF", "<publisher>"),
    (7, "AU", "<auction>"),
    (8, "RGB", "<call>"),
    (9, "BU", "<buyer>"),
    (10, "TG", "<target group>"),
    (11, "RT", "<ring tree>"),
    (12, "BL", "<blocked number>"),
    (13, "AC", "<AccountSid>"),
    (14, "US", "<user>"),
    (15, "SE", "<session>"),
    (16, "IV", "<invitation>"),
    (17, "KY", "<key>"),
    (21, "NU", "<number pool>"),
    (22, "TT", "<tracking tag>"),
    (23, "UP", "<URL parameter>"),
];

fn id<N: Noun>(number: u128) -> Id<N> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn readable(text: &str) -> String {
    let mut text = text.to_owned();
    for (number, letters, name) in NAMES {
        text = text.replace(&format!("{letters}{number:032x}"), name);
    }
    text
}

#[derive(Default)]
struct Table(Vec<[String; 3]>);

impl Table {
    fn row(&mut self, question: &str, place: &str, key: &Key) {
        self.0.push([
            question.to_owned(),
            place.to_owned(),
            format!("{} / {}", readable(&key.pk), readable(&key.sk)),
        ]);
    }

    fn range(&mut self, question: &str, place: &str, partition: &str, part: &str) {
        let key = format!("{} / {part}", readable(partition));
        self.0.push([question.to_owned(), place.to_owned(), key]);
    }

    fn print(&self) -> String {
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (question, place) = (width(0), width(1));
        let line = |row: &[String; 3]| format!("{:question$} | {:place$} | {}", row[0], row[1], row[2]);
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn the_table_of_access_patterns() {
    let tenant: TenantId = id(1);
    let campaign: CampaignId = id(2);
    let target: TargetId = id(3);
    let bidder: RtbTargetId = id(4);
    let number_id: NumberId = id(5);
    let publisher: PublisherId = id(6);
    let auction: AuctionId = id(7);
    let buyer: BuyerId = id(9);
    let group: TargetGroupId = id(10);
    let tree: RingTreeId = id(11);
    let blocked: BlockedNumberId = id(12);
    let webhook: IncomingWebhookId = id(19);
    let pool: NumberPoolId = id(21);
    let tag: TrackingTagId = id(22);
    let parameter: UrlParameterId = id(23);
    let call: CallId = format!("RGB{:032x}", 8).parse().expect("a call id");
    let dialled: E164 = "+14155550100".parse().expect("a number");
    let now: Timestamp = "2026-11-22T09:05:07.123456Z".parse().expect("a time");
    let day = jiff::civil::date(2026, 11, 22);
    let event = LegEvent {
        leg: Leg::Attempt(1),
        status: CallStatus::Completed,
        sequence: 3,
        source: Source::Callback,
        at: now,
        duration_s: None,
        sid: None,
    };
    let mut table = Table::default();

    table.row("whose is the dialled number", "get", &keys::number(&dialled));
    table.row("whose is the tracking tag", "get", &keys::tag(tag));
    table.row("a pool's numbers, leased", "query", &keys::pool_number(tenant, pool, 3, &dialled));
    table.row("newest published version of a campaign", "get", &keys::published(tenant, campaign));
    table.range(
        "a published body: its record and chunks",
        "query",
        &keys::campaign_partition(tenant, campaign),
        &format!("{}…", keys::publication_prefix(5)),
    );
    table.row("· the record", "", &keys::publication(tenant, campaign, 5));
    table.row("· a chunk", "", &keys::chunk(tenant, campaign, 5, &"ab".repeat(32), 0));
    table.row("what a published campaign uses", "", &keys::in_use(tenant, campaign));
    table.row("published campaigns and what they use", "gsi1", &keys::in_use_in_list(tenant, campaign));
    table.row("counters and live flag", "batch get", &keys::counter(tenant, &CounterId::from(target)));
    let earned = |publisher| keys::earned(tenant, (campaign, publisher), day, &target.to_string(), call);
    table.row("what destinations earned on a campaign", "query", &earned(None));
    table.row("· from one publisher's calls", "query", &earned(Some(publisher)));

    table.range("a call with everything", "query", &keys::call_partition(tenant, call), "…");
    table.row("· as it began, how it ended", "", &keys::call(tenant, call));
    table.row("· a step with its answer", "get", &keys::step(tenant, call, 1));
    table.row("· an attempt with its reservation", "", &keys::attempt(tenant, call, 1));
    table.row("· what we were told of a leg", "", &keys::event(tenant, call, &event));
    table.row("· what we were told of a recording", "", &keys::recording(tenant, call, "RE…", "completed"));
    table.row("· an auction", "", &keys::auction(tenant, call, 1));
    table.row("· a ledger entry", "", &keys::ledger(tenant, call, 1));
    table.row("a day's calls, newest first", "gsi1", &keys::call_in_day(tenant, now, call));
    table.row("calls that should have closed", "gsi2", &keys::due_closing(call, now));
    let party = Party::Publisher(publisher);
    table.row("ledger of a party and month", "gsi2", &keys::ledger_in_month(tenant, party, now, call, 1));

    let adjustment: AdjustmentId = id(18);
    let listed = |list| keys::adjustment_in_list(list, now, adjustment);
    table.row("an adjustment", "get", &keys::adjustment(tenant, adjustment));
    let requested = keys::adjustments(tenant, domain::adjustment::AdjustmentStatus::Requested);
    table.row("adjustments with a status, newest first", "gsi1", &listed(requested));
    table.row("a buyer's disputes, newest first", "gsi2", &listed(keys::disputes(tenant, buyer)));

    table.row("a caller's calls", "query", &keys::call_of_caller(tenant, "<keyed hash>", call));
    table.row("proof that a caller was erased", "get", &keys::erasure_proof(tenant, "<keyed hash>"));

    let things = [
        (Kind::Campaign, campaign.to_string()),
        (Kind::Target, target.to_string()),
        (Kind::RtbTarget, bidder.to_string()),
        (Kind::Number, number_id.to_string()),
        (Kind::Publisher, publisher.to_string()),
        (Kind::Buyer, buyer.to_string()),
        (Kind::TargetGroup, group.to_string()),
        (Kind::RingTree, tree.to_string()),
        (Kind::BlockedNumber, blocked.to_string()),
        (Kind::IncomingWebhook, webhook.to_string()),
        (Kind::NumberPool, pool.to_string()),
        (Kind::TrackingTag, tag.to_string()),
        (Kind::UrlParameter, parameter.to_string()),
    ];
    for (kind, id) in things {
        let noun = keys::letters(kind);
        table.row(&format!("a thing of the catalogue: {noun}"), "get", &keys::noun(tenant, kind, &id));
        table.row(&format!("a tenant's {noun}"), "gsi1", &keys::noun_in_list(tenant, kind, &id));
    }
    table.row("how many of a kind there are", "condition", &keys::count(tenant, Kind::Target));
    let beginning = "+1415".parse().expect("a pattern");
    table.row("who is blocked: a caller's beginnings", "batch get", &keys::block(tenant, &beginning));
    table.row("is the name taken", "condition", &keys::name_claim(tenant, Kind::Campaign, "<name>"));

    table.row("bidders due for a look", "gsi2", &keys::due_health(now));
    table.row("pools due for a look", "gsi2", &keys::due_pool(now));
    let begins = domain::bidder_hour::hour_of(now);
    table.row("how a pool was used, by the hour", "query", &keys::pool_hour(tenant, pool, begins));
    table.row("what was seen of a bidder", "query", &keys::health_check(tenant, bidder, now));
    let hour = domain::bidder_hour::hour_of(now);
    table.row("how a bidder did, by the hour", "query", &keys::bidder_hour(tenant, bidder, hour));
    let kind = domain::bidder_alert::AlertKind::ErrorRate;
    table.row("the open alert of a bidder", "batch get", &keys::open_alert(tenant, bidder, kind));
    table.row("· an alert", "", &keys::alert(tenant, bidder, kind, now));
    table.row("alerts of a tenant, newest first", "gsi1", &keys::alert_in_list(tenant, bidder, kind, now));
    table.row("a bidder's bids of a day", "query", &keys::bid(tenant, bidder, now, auction));
    table.row("an auction's bids", "gsi1", &keys::bid_in_auction(tenant, auction, bidder));
    let rtb_id = "0123456789abcdef".repeat(2).try_into().expect("an id");
    let ping: InboundBidId = id(20);
    table.row("whose is the address for pings", "get", &keys::rtb_address(&rtb_id));
    let of_publisher = keys::rtb_of_publisher(tenant, campaign, publisher);
    table.row("a campaign's addresses for pings", "query", &of_publisher);
    table.row("the bid of a ping", "get", &keys::inbound_bid(tenant, "<keyed hash>"));
    let promise = keys::promise(tenant, &dialled, "<keyed hash>");
    table.row("what is promised on a number", "batch get", &promise);
    table.row("a publisher's pings, newest first", "query", &keys::ping(tenant, publisher, now, ping));
    let of_campaign = keys::ping_of_campaign(tenant, campaign, now, ping);
    table.row("a campaign's pings, newest first", "gsi1", &of_campaign);
    let about_caller = keys::asked_about_at(tenant, "<keyed hash>", now, ping);
    table.row("bids and pings about a caller, to erase them", "gsi2", &about_caller);
    let (visit, tag): (VisitId, TrackingTagId) = (id(21), id(22));
    table.row("a tracking tag, for lookups", "get", &keys::tag(tag));
    let of_day = keys::visit_in_day(tenant, day, visit);
    table.row("a day's visits, newest first; its id says on which day", "query", &of_day);
    table.row("visits of a click, newest first", "gsi1", &keys::visit_of_click(tenant, "x", visit));
    table.row("a visit's calls", "query", &keys::call_of_visit(tenant, visit, now, call));
    table.row("what a tracker was told of a call", "condition", &keys::postback(tenant, call, "RAWCall"));
    table.row("whose is the API key", "get", &keys::api_key("<sha-256>"));
    let user: UserId = id(14);
    let session: SessionId = id(15);
    let invitation: InvitationId = id(16);
    let key: ApiKeyId = id(17);
    let email: EmailAddress = "jo@acme.example".parse().expect("an address");
    table.row("an account's API keys", "gsi1", &keys::in_list(keys::listed_keys(tenant), key));
    table.row("· a key in the list", "get", &keys::listed_key(tenant, key));
    table.row("the account, its users and owners counted", "get", &keys::account(tenant));
    table.row("who signs in with an address", "get", &keys::email(&email));
    table.row("whose is the session", "get", &keys::session("<sha-256>"));
    table.row("what a one-time token is good for", "get", &keys::one_time_token("<sha-256>"));
    table.range("a user with everything", "query", &keys::user_partition(tenant, user), "…");
    table.row("· as they are shown", "", &keys::user(tenant, user));
    table.row("· what they prove themselves with", "", &keys::credentials(tenant, user));
    table.row("· a session", "", &keys::session_of_user(tenant, user, session));
    table.row("an account's users", "gsi1", &keys::in_list(keys::users(tenant), user));
    table.row("an invitation", "get", &keys::invitation(tenant, invitation));
    table.row("an account's invitations", "gsi1", &keys::in_list(keys::invitations(tenant), invitation));
    table.row("is the address invited", "condition", &keys::invited(tenant, &email));
    let account: AccountSid = format!("AC{:032x}", 13).parse().expect("a sid");
    table.row("whose is the Twilio account", "get", &keys::twilio_account(&account));
    table.row("a tenant's Twilio accounts", "gsi1", &keys::twilio_account_in_list(tenant, &account));
    table.row("the vault's wrapped data keys", "query", &keys::wrapped_key(1));
    assert_eq!(keys::bids_of_day(tenant, bidder, day), keys::bid(tenant, bidder, now, auction).pk);

    insta::assert_snapshot!(table.print());
}

#[test]
fn times_in_keys_sort_like_time() {
    let written = [
        "2026-11-22T09:05:07Z",
        "2026-11-22T09:05:07.000001Z",
        "2026-11-22T09:05:07.5Z",
        "2026-11-22T09:05:08Z",
    ]
    .map(|text| keys::time(text.parse().expect("a time")));
    assert!(written.is_sorted(), "{written:?}");
    assert!(written.iter().all(|time| time.len() == written[0].len()));
}

#[test]
fn open_calls_are_spread_evenly_over_the_shards() {
    let mut counts = [0_u32; app::ports::DUE_SHARDS as usize];
    for number in 0..8_000_u32 {
        let call = format!("RGB{number:032x}").parse().expect("a call id");
        counts[usize::from(keys::shard_of(call))] += 1;
    }
    assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
}
