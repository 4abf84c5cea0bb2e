//! Every key of the table, built here and nowhere else.
//!
//! What must stay true: a tenant-owned partition begins with `T#<tenant>#`, also in the indexes, so that a policy on
//! leading keys can stand behind the code; only what is looked up before the tenant is known (`NUM#`, `TAG#`, `RTB#`, `ACCT#`, `KEY#`) and
//! the plumbing (`DUE#`, `KEYRING#`) do not. Numbers in sort keys are padded and times have a fixed width, so text order is their order.
//! The test `tests/access_patterns.rs` prints the table of access patterns from these functions.

use app::ports::{DUE_SHARDS, Kind};
use domain::adjustment::AdjustmentStatus;
use domain::bidder_alert::AlertKind;
use domain::blocked::BlockPattern;
use domain::call::{Leg, LegEvent, Source};
use domain::caps::CounterId;
use domain::dni::visit::Visit;
use domain::email::EmailAddress;
use domain::hash::fnv1a;
use domain::ids::{
    AccountSid, AdjustmentId, ApiKeyId, AuctionId, AuditId, BuyerId, CallId, CampaignId, InboundBidId,
    InvitationId, NumberPoolId, PublisherId, RtbTargetId, SessionId, TenantId, TrackingTagId, UserId,
    VisitId,
};
use domain::inbound::RtbId;
use domain::ledger::Party;
use domain::phone::E164;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// First index: lists (a tenant's nouns, its calls of a day, the bids of an auction).
pub const GSI1: &str = "gsi1";
/// Second index: due work and the ledger of a party.
pub const GSI2: &str = "gsi2";

/// Sort keys of a call's steps begin so.
pub const STEP: &str = "STEP#";
/// Sort keys of a call's attempts begin so.
pub const ATTEMPT: &str = "ATT#";
/// Sort keys of what a call's attempts took together begin so.
pub const JOINT: &str = "JNT#";
/// Sort keys of what we were told about a call's legs begin so.
pub const EVENT: &str = "EV#";
/// Sort keys of a call's recordings begin so.
pub const RECORDING: &str = "REC#";
/// Sort keys of a call's auctions begin so.
pub const AUCTION: &str = "AUC#";
/// Sort keys of a call's ledger entries begin so.
pub const LEDGER: &str = "LED#";
/// Sort key of the item that stands for the whole (a call, a campaign, a target).
pub const META: &str = "META";

/// Partition and sort key: of an item, or of its place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Place within it.
    pub sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

/// A time as it stands in keys: RFC 3339 in UTC with six decimals.
pub fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A UTC day as it stands in keys: `20261122`.
pub fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn utc_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The two letters with which ids of a kind begin.
pub const fn letters(kind: Kind) -> &'static str {
    match kind {
        Kind::Campaign => "CA",
        Kind::Target => "TA",
        Kind::RtbTarget => "PI",
        Kind::Number => "PN",
        Kind::Publisher => "AF",
        Kind::Buyer => "BU",
        Kind::TargetGroup => "TG",
        Kind::RingTree => "RT",
        Kind::Agent => "AG",
        Kind::NumberPool => "NU",
        Kind::BlockedNumber => "BL",
        Kind::IncomingWebhook => "WH",
        Kind::TrackingTag => "TT",
        Kind::UrlParameter => "UP",
    }
}

/// Nothing is ever stored here: reading it opens a connection.
pub fn nothing() -> Key {
    Key::new("ONCE#connect", META)
}

/// Whose a dialled number is; at the same time the claim that makes a number unique across tenants.
pub fn number(number: &E164) -> Key {
    Key::new(format!("NUM#{}", number.as_str()), "NUM")
}

/// A tracking tag, as lookups find it.
pub fn tag(tag: TrackingTagId) -> Key {
    Key::new(format!("TAG#{tag}"), "TAG")
}

/// A thing in a tenant's catalogue.
pub fn noun(tenant: TenantId, kind: Kind, id: &str) -> Key {
    Key::new(format!("T#{tenant}#{}#{id}", letters(kind)), META)
}

/// First index: the things of a kind, by id.
pub fn noun_in_list(tenant: TenantId, kind: Kind, id: &str) -> Key {
    Key::new(nouns(tenant, kind), id)
}

/// First index: partition of the things of a kind.
pub fn nouns(tenant: TenantId, kind: Kind) -> String {
    format!("T#{tenant}#{}", letters(kind))
}

/// How many things of a kind a tenant has.
pub fn count(tenant: TenantId, kind: Kind) -> Key {
    Key::new(format!("T#{tenant}#COUNT#{}", letters(kind)), "COUNT")
}

/// Which callers are blocked by a pattern; at the same time the claim that makes the pattern unique.
pub fn block(tenant: TenantId, pattern: &BlockPattern) -> Key {
    Key::new(format!("T#{tenant}#BLK#{}", pattern.as_str()), "BLK")
}

/// Claim of a name that no other thing of the kind may have.
pub fn name_claim(tenant: TenantId, kind: Kind, name: &str) -> Key {
    Key::new(format!("T#{tenant}#NAME#{}#{name}", letters(kind)), "CLAIM")
}

/// Pointer to a campaign's newest published version.
pub fn published(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(campaign_partition(tenant, campaign), "PTR")
}

/// What a campaign's newest published version uses; in the first index, all of a tenant's stand together.
pub fn in_use(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(campaign_partition(tenant, campaign), "USES")
}

/// First index: a campaign among a tenant's published ones.
pub fn in_use_in_list(tenant: TenantId, campaign: CampaignId) -> Key {
    Key::new(in_use_of(tenant), campaign.to_string())
}

/// First index: partition of a tenant's published campaigns.
pub fn in_use_of(tenant: TenantId) -> String {
    format!("T#{tenant}#USES")
}

/// One publication: which body is this version's. Sorts before its chunks.
pub fn publication(tenant: TenantId, campaign: CampaignId, version: u64) -> Key {
    Key::new(campaign_partition(tenant, campaign), format!("{}!", publication_prefix(version)))
}

/// A chunk of a published body. The body's fingerprint stands in the key, so that two publications that race for one
/// version cannot overwrite each other's chunks.
pub fn chunk(tenant: TenantId, campaign: CampaignId, version: u64, sha256: &str, index: usize) -> Key {
    let fingerprint = sha256.get(..16).unwrap_or(sha256);
    let sk = format!("{}{fingerprint}#{index:03}", publication_prefix(version));
    Key::new(campaign_partition(tenant, campaign), sk)
}

/// A publication and its chunks have sort keys that begin so.
pub fn publication_prefix(version: u64) -> String {
    format!("SNAP#{version:010}#")
}

/// Partition of a campaign's published bodies.
pub fn campaign_partition(tenant: TenantId, campaign: CampaignId) -> String {
    format!("T#{tenant}#CA#{campaign}")
}

/// Counters and live flag of a capped thing.
pub fn counter(tenant: TenantId, of: &CounterId) -> Key {
    Key::new(format!("T#{tenant}#CAP#{of}"), "CAP")
}

/// Over so many items the sums of what a destination earned are spread: calls of a busy one settle at the same moment.
pub const EARNED_SHARDS: u8 = 4;

/// Partition of what the destinations of a campaign earned in a month (any day of it will do): from all its calls, or from
/// those of one publisher.
pub fn earned_in_month(
    tenant: TenantId,
    (campaign, publisher): (CampaignId, Option<PublisherId>),
    month: Date,
) -> String {
    let whose = publisher.map_or_else(|| "ALL".to_owned(), |publisher| publisher.to_string());
    format!("T#{tenant}#EARN#{campaign}#{whose}#{}", month.strftime("%Y%m"))
}

/// What a destination earned in it, as far as it is counted on the call's shard.
pub fn earned(
    tenant: TenantId,
    whose: (CampaignId, Option<PublisherId>),
    month: Date,
    destination: &str,
    call: CallId,
) -> Key {
    let shard = shard_of(call) % EARNED_SHARDS;
    Key::new(earned_in_month(tenant, whose, month), format!("{destination}#{shard}"))
}

/// Partition of a call and everything that belongs to it.
pub fn call_partition(tenant: TenantId, call: CallId) -> String {
    format!("T#{tenant}#CALL#{call}")
}

/// A call as it began and how it ended.
pub fn call(tenant: TenantId, call: CallId) -> Key {
    Key::new(call_partition(tenant, call), META)
}

/// A step of a call with its answer.
pub fn step(tenant: TenantId, call: CallId, number: u16) -> Key {
    Key::new(call_partition(tenant, call), format!("{STEP}{number:05}"))
}

/// An attempt with its reservation.
pub fn attempt(tenant: TenantId, call: CallId, number: u16) -> Key {
    Key::new(call_partition(tenant, call), format!("{ATTEMPT}{number:05}"))
}

/// What attempts took together.
pub fn joint(tenant: TenantId, call: CallId, number: u16) -> Key {
    Key::new(call_partition(tenant, call), format!("{JOINT}{number:05}"))
}

/// What we were told about a leg. The key is the once-only marker.
pub fn event(tenant: TenantId, call: CallId, event: &LegEvent) -> Key {
    let leg = match event.leg {
        Leg::Caller => "caller".to_owned(),
        Leg::Attempt(number) => format!("a{number:05}"),
    };
    let source = match event.source {
        Source::Callback => "callback",
        Source::CarrierCheck => "carrier_check",
        Source::DialAction => "dial_action",
    };
    let sk = format!("{EVENT}{leg}#{:010}#{}#{source}", event.sequence, event.status);
    Key::new(call_partition(tenant, call), sk)
}

/// What we were told about a recording. The key is the once-only marker.
pub fn recording(tenant: TenantId, call: CallId, sid: &str, status: &str) -> Key {
    Key::new(call_partition(tenant, call), format!("{RECORDING}{sid}#{status}"))
}

/// The auction that a step ran.
pub fn auction(tenant: TenantId, call: CallId, step: u16) -> Key {
    Key::new(call_partition(tenant, call), format!("{AUCTION}{step:05}"))
}

/// A ledger entry of a call.
pub fn ledger(tenant: TenantId, call: CallId, number: u16) -> Key {
    Key::new(call_partition(tenant, call), format!("{LEDGER}{number:05}"))
}

/// Second index: what is owed to or by a party in a month, by time.
pub fn ledger_in_month(tenant: TenantId, party: Party, at: Timestamp, call: CallId, number: u16) -> Key {
    Key::new(ledger_of_month(tenant, party, utc_date(at)), format!("{}#{call}#{number:05}", time(at)))
}

/// Second index: partition of a party's ledger of a UTC month; any day of it will do.
pub fn ledger_of_month(tenant: TenantId, party: Party, month: Date) -> String {
    format!("T#{tenant}#LED#{}#{}", party.id(), month.strftime("%Y%m"))
}

/// An adjustment.
pub fn adjustment(tenant: TenantId, id: AdjustmentId) -> Key {
    Key::new(format!("T#{tenant}#AJ#{id}"), META)
}

/// First index: partition of the adjustments with a status.
pub fn adjustments(tenant: TenantId, status: AdjustmentStatus) -> String {
    format!("T#{tenant}#ADJ#{}", status.as_str())
}

/// Second index: partition of a buyer's disputes.
pub fn disputes(tenant: TenantId, buyer: BuyerId) -> String {
    format!("T#{tenant}#DISPUTES#{buyer}")
}

/// An adjustment's place in one of those lists, by time.
pub fn adjustment_in_list(list: String, at: Timestamp, id: AdjustmentId) -> Key {
    Key::new(list, format!("{}#{id}", time(at)))
}

/// First index: partition of the calls that began on a UTC day. The last part is a shard; one is enough so far.
pub fn calls_of_day(tenant: TenantId, date: Date) -> String {
    format!("T#{tenant}#CALLS#{}#0", day(date))
}

/// First index: a call among those of its day, by start.
pub fn call_in_day(tenant: TenantId, started_at: Timestamp, call: CallId) -> Key {
    Key::new(calls_of_day(tenant, utc_date(started_at)), format!("{}#{call}", time(started_at)))
}

/// Sort keys of a caller's calls begin so.
pub const CALL_OF_CALLER: &str = "IDX#call#";

/// Partition of what is known of a caller, by the keyed hash of the number.
pub fn caller_partition(tenant: TenantId, caller: &str) -> String {
    format!("T#{tenant}#CLR#{caller}")
}

/// A call of a caller that has not been erased.
pub fn call_of_caller(tenant: TenantId, caller: &str, call: CallId) -> Key {
    Key::new(caller_partition(tenant, caller), format!("{CALL_OF_CALLER}{call}"))
}

/// What is known of a caller on a campaign.
pub fn caller_on_campaign(tenant: TenantId, caller: &str, campaign: CampaignId) -> Key {
    Key::new(caller_partition(tenant, caller), format!("{CALLER_ON_CAMPAIGN}{campaign}"))
}

/// Sort keys of what is known of a caller on campaigns begin so.
pub const CALLER_ON_CAMPAIGN: &str = "CA#";

/// Proof that a caller was erased.
pub fn erasure_proof(tenant: TenantId, caller: &str) -> Key {
    Key::new(format!("T#{tenant}#ERASED#{caller}"), "PROOF")
}

/// Second index: open calls by the time at which somebody must look after them.
pub fn due_closing(call: CallId, due_at: Timestamp) -> Key {
    Key::new(due_closings(shard_of(call)), time(due_at))
}

/// Second index: partition of one shard of open calls.
pub fn due_closings(shard: u8) -> String {
    format!("DUE#CLOSE#{shard}")
}

/// The shard of a call: FNV-1a of its printed id, the same on every machine.
pub fn shard_of(call: CallId) -> u8 {
    u8::try_from(fnv1a(&call.to_string()) % u64::from(DUE_SHARDS)).unwrap_or(0)
}

/// Second index: partition of bidders by the time at which their health is looked at next.
pub const DUE_HEALTH: &str = "DUE#HEALTH#0";

/// Second index: a bidder among those to be looked at.
pub fn due_health(at: Timestamp) -> Key {
    Key::new(DUE_HEALTH, time(at))
}

/// Partition of what was seen of a bidder.
pub fn health_checks(tenant: TenantId, bidder: RtbTargetId) -> String {
    format!("T#{tenant}#HEALTH#{bidder}")
}

/// One look at a bidder.
pub fn health_check(tenant: TenantId, bidder: RtbTargetId, at: Timestamp) -> Key {
    Key::new(health_checks(tenant, bidder), time(at))
}

/// Partition of a bidder's logged bids of a UTC day.
pub fn bids_of_day(tenant: TenantId, bidder: RtbTargetId, date: Date) -> String {
    format!("T#{tenant}#BIDS#{bidder}#{}", day(date))
}

/// A logged bid, by time.
pub fn bid(tenant: TenantId, bidder: RtbTargetId, at: Timestamp, auction: AuctionId) -> Key {
    Key::new(bids_of_day(tenant, bidder, utc_date(at)), format!("{}#{auction}", time(at)))
}

/// First index: partition of the bids of an auction.
pub fn bids_of_auction(tenant: TenantId, auction: AuctionId) -> String {
    format!("T#{tenant}#AUCTION#{auction}")
}

/// First index: a bidder's part in an auction.
pub fn bid_in_auction(tenant: TenantId, auction: AuctionId, bidder: RtbTargetId) -> Key {
    Key::new(bids_of_auction(tenant, auction), bidder.to_string())
}

/// Sort keys of a pool's numbers begin so.
pub const POOL_NUMBER: &str = "N#";

/// Partition of one shard of a pool's numbers.
pub fn pool_shard(tenant: TenantId, pool: NumberPoolId, shard: u16) -> String {
    format!("T#{tenant}#POOL#{pool}#{shard}")
}

/// A number of a pool with its lease. A hash stands first, so that a place drawn by chance is near each number as often as near
/// any other.
pub fn pool_number(tenant: TenantId, pool: NumberPoolId, shard: u16, number: &E164) -> Key {
    let hash = fnv1a(number.as_str()) & 0xffff;
    Key::new(pool_shard(tenant, pool, shard), format!("{POOL_NUMBER}{hash:04x}#{}", number.as_str()))
}

/// Second index: partition of pools by the time at which they are looked at next.
pub const DUE_POOL: &str = "DUE#POOL#0";

/// Second index: a pool among those to be looked at.
pub fn due_pool(at: Timestamp) -> Key {
    Key::new(DUE_POOL, time(at))
}

/// Partition of how a pool was used.
pub fn pool_hours(tenant: TenantId, pool: NumberPoolId) -> String {
    format!("T#{tenant}#POOL#{pool}#USE")
}

/// An hour of a pool, by when it began.
pub fn pool_hour(tenant: TenantId, pool: NumberPoolId, begins: Timestamp) -> Key {
    Key::new(pool_hours(tenant, pool), time(begins))
}

/// Partition of the visits that began on a UTC day. The last part is a shard; one is enough so far.
pub fn visits_of_day(tenant: TenantId, date: Date) -> String {
    format!("T#{tenant}#VI#{}#0", day(date))
}

/// A visit among those of a day.
pub fn visit_in_day(tenant: TenantId, date: Date, visit: VisitId) -> Key {
    Key::new(visits_of_day(tenant, date), visit.to_string())
}

/// A visit: its id says on which day it began.
pub fn visit(tenant: TenantId, visit: VisitId) -> Key {
    visit_in_day(tenant, Visit::day_of(visit), visit)
}

/// First index: partition of the visits that came from a click of a tracker, by a hash, because any text may be one.
pub fn visits_of_click(tenant: TenantId, click: &str) -> String {
    format!("T#{tenant}#CLICK#{}", app::api_keys::hash(click))
}

/// First index: a visit among those of its click, by time.
pub fn visit_of_click(tenant: TenantId, click: &str, visit: VisitId) -> Key {
    Key::new(visits_of_click(tenant, click), visit.to_string())
}

/// Sort keys of a visit's calls begin so.
pub const CALL_OF_VISIT: &str = "CALL#";

/// Partition of what belongs to a visit.
pub fn visit_partition(tenant: TenantId, visit: VisitId) -> String {
    format!("T#{tenant}#VISIT#{visit}")
}

/// A call of a visit, by its start.
pub fn call_of_visit(tenant: TenantId, visit: VisitId, started_at: Timestamp, call: CallId) -> Key {
    Key::new(visit_partition(tenant, visit), format!("{CALL_OF_VISIT}{}#{call}", time(started_at)))
}

/// What a tracker was told of a call: the once-only marker of a kind of postback.
pub fn postback(tenant: TenantId, call: CallId, kind: &str) -> Key {
    Key::new(call_partition(tenant, call), format!("POSTBACK#{kind}"))
}

/// An API key, by the SHA-256 of its token.
pub fn api_key(token_hash: &str) -> Key {
    Key::new(format!("KEY#{token_hash}"), "KEY")
}

/// A signed-in person's session, by the SHA-256 of its token.
pub fn session(token_hash: &str) -> Key {
    Key::new(format!("SESS#{token_hash}"), "SESS")
}

/// Sort keys of a user's sessions begin so.
pub const SESSION: &str = "SESS#";
/// Sort key of what a user proves themselves with.
pub const CREDENTIALS: &str = "CRED";

/// The account itself: its settings, and how many users and owners it has.
pub fn account(tenant: TenantId) -> Key {
    Key::new(format!("T#{tenant}#ACCOUNT"), META)
}

/// Who signs in with an address; at the same time the claim that makes it unique across tenants.
pub fn email(email: &EmailAddress) -> Key {
    Key::new(format!("EMAIL#{}", email.as_str()), "EMAIL")
}

/// A token that is good for one deed, by its SHA-256.
pub fn one_time_token(token_hash: &str) -> Key {
    Key::new(format!("TOK#{token_hash}"), "TOK")
}

/// Partition of a user with credentials and sessions.
pub fn user_partition(tenant: TenantId, user: UserId) -> String {
    format!("T#{tenant}#US#{user}")
}

/// A user as they are shown.
pub fn user(tenant: TenantId, user: UserId) -> Key {
    Key::new(user_partition(tenant, user), META)
}

/// What a user proves themselves with.
pub fn credentials(tenant: TenantId, user: UserId) -> Key {
    Key::new(user_partition(tenant, user), CREDENTIALS)
}

/// A session in its user's list.
pub fn session_of_user(tenant: TenantId, user: UserId, session: SessionId) -> Key {
    Key::new(user_partition(tenant, user), format!("{SESSION}{session}"))
}

/// First index: partition of an account's users.
pub fn users(tenant: TenantId) -> String {
    format!("T#{tenant}#US")
}

/// An invitation.
pub fn invitation(tenant: TenantId, id: InvitationId) -> Key {
    Key::new(format!("T#{tenant}#IV#{id}"), META)
}

/// First index: partition of an account's invitations.
pub fn invitations(tenant: TenantId) -> String {
    format!("T#{tenant}#IV")
}

/// Claim of an address that is invited once.
pub fn invited(tenant: TenantId, email: &EmailAddress) -> Key {
    Key::new(format!("T#{tenant}#NAME#IV#{}", email.as_str()), "CLAIM")
}

/// An API key in its account's list.
pub fn listed_key(tenant: TenantId, id: ApiKeyId) -> Key {
    Key::new(format!("T#{tenant}#KY#{id}"), META)
}

/// First index: partition of an account's API keys.
pub fn listed_keys(tenant: TenantId) -> String {
    format!("T#{tenant}#KY")
}

/// First index: a user, an invitation or an API key in its list.
pub fn in_list(list: String, id: impl std::fmt::Display) -> Key {
    Key::new(list, id.to_string())
}

/// Partition of the audit log of a UTC month; any day of it will do.
pub fn audit_of_month(tenant: TenantId, month: Date) -> String {
    format!("T#{tenant}#AUD#{}", month.strftime("%Y%m"))
}

/// An entry of the audit log, by time.
pub fn audit_entry(tenant: TenantId, at: Timestamp, id: AuditId) -> Key {
    Key::new(audit_of_month(tenant, utc_date(at)), format!("{}#{id}", time(at)))
}

/// Partition of a bidder's hours.
pub fn bidder_hours(tenant: TenantId, bidder: RtbTargetId) -> String {
    format!("T#{tenant}#HOURS#{bidder}")
}

/// An hour of a bidder, by when it began.
pub fn bidder_hour(tenant: TenantId, bidder: RtbTargetId, begins: Timestamp) -> Key {
    Key::new(bidder_hours(tenant, bidder), time(begins))
}

/// Which alert of a kind a bidder has open.
pub fn open_alert(tenant: TenantId, bidder: RtbTargetId, kind: AlertKind) -> Key {
    Key::new(format!("T#{tenant}#ALERT#{bidder}"), format!("OPEN#{}", kind.as_str()))
}

/// An alert of a bidder, by when it was opened.
pub fn alert(tenant: TenantId, bidder: RtbTargetId, kind: AlertKind, opened_at: Timestamp) -> Key {
    Key::new(format!("T#{tenant}#ALERT#{bidder}"), format!("{}#{}", time(opened_at), kind.as_str()))
}

/// First index: partition of a tenant's alerts.
pub fn alerts(tenant: TenantId) -> String {
    format!("T#{tenant}#ALERTS")
}

/// First index: an alert among those of its tenant, by when it was opened.
pub fn alert_in_list(tenant: TenantId, bidder: RtbTargetId, kind: AlertKind, opened_at: Timestamp) -> Key {
    Key::new(alerts(tenant), format!("{}#{bidder}#{}", time(opened_at), kind.as_str()))
}

/// Whose an address for pings is.
pub fn rtb_address(id: &RtbId) -> Key {
    Key::new(format!("RTB#{}", id.expose()), "RTB")
}

/// Sort keys of a campaign's addresses for pings begin so.
pub const RTB_OF_PUBLISHER: &str = "RTB#";

/// The address for pings that a publisher has on a campaign.
pub fn rtb_of_publisher(tenant: TenantId, campaign: CampaignId, publisher: PublisherId) -> Key {
    Key::new(campaign_partition(tenant, campaign), format!("{RTB_OF_PUBLISHER}{publisher}"))
}

/// The last bid that pings with this fingerprint were given.
pub fn inbound_bid(tenant: TenantId, fingerprint: &str) -> Key {
    Key::new(format!("T#{tenant}#BID#{fingerprint}"), META)
}

/// What a tenant has promised on a number for a caller, by the keyed hash, or for any.
pub fn promise(tenant: TenantId, number: &E164, caller: &str) -> Key {
    Key::new(format!("T#{tenant}#PROMISE#{}", number.as_str()), format!("BID#{caller}"))
}

/// What is promised on a SIP address: it names its bid. Read before the tenant is known.
pub fn sip_promise(id: InboundBidId) -> Key {
    Key::new(format!("SIP#{id}"), META)
}

/// Partition of a publisher's pings of a UTC day.
pub fn pings_of_publisher(tenant: TenantId, publisher: PublisherId, date: Date) -> String {
    format!("T#{tenant}#PING#{publisher}#{}", day(date))
}

/// First index: partition of a campaign's pings of a UTC day.
pub fn pings_of_campaign(tenant: TenantId, campaign: CampaignId, date: Date) -> String {
    format!("T#{tenant}#PING#{campaign}#{}", day(date))
}

/// Sort key of a ping, by time.
pub fn ping_place(at: Timestamp, id: InboundBidId) -> String {
    format!("{}#{id}", time(at))
}

/// A line of the log of pings.
pub fn ping(tenant: TenantId, publisher: PublisherId, at: Timestamp, id: InboundBidId) -> Key {
    Key::new(pings_of_publisher(tenant, publisher, utc_date(at)), ping_place(at, id))
}

/// First index: a line among those of its campaign.
pub fn ping_of_campaign(tenant: TenantId, campaign: CampaignId, at: Timestamp, id: InboundBidId) -> Key {
    Key::new(pings_of_campaign(tenant, campaign, utc_date(at)), ping_place(at, id))
}

/// Second index: partition of what publishers asked about a caller, by the keyed hash.
pub fn asked_about(tenant: TenantId, caller: &str) -> String {
    format!("T#{tenant}#CLR#{caller}#ASKED")
}

/// Second index: a bid, or a line of the log of pings, among those about its caller.
pub fn asked_about_at(tenant: TenantId, caller: &str, at: Timestamp, id: InboundBidId) -> Key {
    Key::new(asked_about(tenant, caller), ping_place(at, id))
}

/// A window in which requests are counted.
pub fn rate_window(key: &str, window: Timestamp) -> Key {
    Key::new(format!("RL#{key}#{}", time(window)), "RL")
}

/// The record of a request that must happen once.
pub fn once(key: &str) -> Key {
    Key::new(format!("ONCE#{key}"), "ONCE")
}

/// A connected Twilio account: whose it is, its sealed tokens.
pub fn twilio_account(account: &AccountSid) -> Key {
    Key::new(format!("ACCT#{account}"), "ACCT")
}

/// First index: partition of a tenant's Twilio accounts.
pub fn twilio_accounts(tenant: TenantId) -> String {
    format!("T#{tenant}#ACCT")
}

/// First index: a Twilio account among those of its tenant.
pub fn twilio_account_in_list(tenant: TenantId, account: &AccountSid) -> Key {
    Key::new(twilio_accounts(tenant), account.as_str())
}

/// Partition of the vault's wrapped data keys.
pub const KEYRING: &str = "KEYRING#1";

/// A wrapped data key.
pub fn wrapped_key(number: u32) -> Key {
    Key::new(KEYRING, format!("KEY#{number:04}"))
}
