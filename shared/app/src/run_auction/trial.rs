//! An auction without a call: the bidders are really asked, as for a caller who waits, and everything they were sent and
//! answered is shown.
//!
//! What must stay true: nothing is spent. No call and no step is stored, nothing is logged as a bid, no capacity and no place
//! in a bidder's limits is kept, no failure counts against a bidder, and nobody is asked to confirm: that would promise the
//! call.

use domain::auction::{Auction, Bid, BidRequest, BidderResult, Refusal};
use domain::ids::{CampaignId, RingTreeId, RtbTargetId, TenantId};
use domain::money::Currency;
use domain::plan::Tree;
use domain::routing::{Asked, Decisions, Stop, TurnedAway};
use domain::snapshot::Snapshot;
use domain::validate::Problem;

use super::asking::{Asker, Asking, Occasion};
use super::heard;
use crate::catalog::{Outcome, Refused, Tools};
use crate::ports::{Bidders, Calls, Limiter};
use crate::preview_route::{Hypothetical, ThoughtUp, think_up, walk};

/// Longest deadline, milliseconds: nobody waits on the line.
pub const MAX_DEADLINE_MS: u32 = 5_000;

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// For whom.
    pub caller: Hypothetical,
    /// The ring tree; without one the auction that such a call comes to first.
    pub ring_tree: Option<RingTreeId>,
    /// At most [`MAX_DEADLINE_MS`]; without one that of a call.
    pub deadline_ms: Option<u32>,
}

/// The ways out that a trial needs besides those of every deed.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// The call archive, for what is known of the caller.
    pub calls: &'a dyn Calls,
    /// The bidders.
    pub bidders: &'a dyn Bidders,
    /// Where requests to bidders are counted that limit them.
    pub limiter: &'a dyn Limiter,
}

/// What a bidder was sent and answered.
#[derive(Debug)]
pub struct Exchange {
    /// Who.
    pub bidder: RtbTargetId,
    /// What was sent, its secrets hidden; callers' numbers are whole. `None`: it was not asked.
    pub request: Option<BidRequest>,
    /// HTTP status.
    pub status: Option<u16>,
    /// What came back: at most 4 KB, numbers masked.
    pub answer: Option<String>,
    /// Whether a call would ask it to confirm its bid.
    pub to_confirm: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Tried {
    /// The version it ran on; `None` is the campaign as it is set up, because it was never published.
    pub version: Option<u64>,
    /// What the campaign's money is in.
    pub currency: Currency,
    /// Why such a call would be given to nobody; then nobody was asked.
    pub turned_away: Option<TurnedAway>,
    /// The auction; `None`: such a call comes to none.
    pub auction: Option<Auction>,
    /// Who was sent what, in the order of the auction's results.
    pub exchanges: Vec<Exchange>,
    /// What would be done with the call, in this order, each if everything before it did not work out.
    pub stops: Vec<Stop>,
    /// Who would be passed over, and why.
    pub passed: Decisions,
}

/// Asks the bidders of one auction of a campaign: of its newest published version, or of the campaign as it is set up when it
/// was never published.
///
/// # Errors
/// A port did not answer.
pub async fn try_auction(
    tools: &Tools<'_>,
    ways: Ways<'_>,
    tenant: TenantId,
    id: CampaignId,
    trial: &Trial,
) -> Outcome<Tried> {
    let thought_up = match think_up(tools, ways.calls, tenant, id, &trial.caller).await? {
        Ok(thought_up) => thought_up,
        Err(refused) => return Ok(Err(refused)),
    };
    let named = match trial.ring_tree.map(|id| tree_of(&thought_up.snapshot, id)) {
        Some(None) => return Ok(Err(Refused::Invalid(vec![no_such_tree()]))),
        Some(Some(tree)) => Some(tree),
        None => None,
    };
    let currency = thought_up.snapshot.campaign.currency;
    let nothing = |version, turned_away| Tried {
        version,
        currency,
        turned_away,
        auction: None,
        exchanges: Vec::new(),
        stops: Vec::new(),
        passed: Decisions { turned_away, ..Decisions::default() },
    };
    if thought_up.turned_away.is_some() {
        return Ok(Ok(nothing(thought_up.version, thought_up.turned_away)));
    }
    let (stops, passed) = walk(&thought_up, trial.caller.at, &[]);
    let first = stops.iter().find_map(|stop| match stop {
        Stop::Ask(tree) => Some(*tree),
        Stop::Dial(_) => None,
    });
    let ThoughtUp { snapshot, version, call, usage, tags, .. } = &thought_up;
    let Some((tree, settings)) = named.or(first).and_then(|tree| Some((tree, snapshot.auction(tree)?)))
    else {
        return Ok(Ok(Tried { stops, passed, ..nothing(*version, None) }));
    };
    let asker = Asker {
        bidders: ways.bidders,
        counters: tools.counters,
        limiter: ways.limiter,
        vault: tools.vault,
        clock: tools.clock,
        occasion: Occasion::Trial,
    };
    let deadline_ms =
        trial.deadline_ms.unwrap_or_else(|| settings.deadline_on_call_ms()).min(MAX_DEADLINE_MS);
    let asking = Asking {
        call,
        step: 0,
        tree,
        settings,
        deadline_ms,
        now: trial.caller.at,
        tags,
        tried: &[],
        snapshot,
        usage,
    };
    let outcome = asker.ask_everyone(&asking).await;
    // They were good when they came. The time that was thought up says nothing of when they end.
    let bids: Vec<Bid> =
        outcome.auction.ranking.iter().map(|bid| Bid { expires_at: None, ..bid.clone() }).collect();
    let (stops, passed) = walk(&thought_up, trial.caller.at, &[Asked { tree, bids: &bids }]);
    let heard = outcome.exchanges.into_iter().zip(&outcome.auction.results);
    let exchanges = heard.map(|(heard, result)| exchange(heard, result, snapshot)).collect();
    Ok(Ok(Tried { auction: Some(outcome.auction), exchanges, stops, passed, ..nothing(*version, None) }))
}

fn exchange(heard: heard::Exchange, result: &BidderResult, snapshot: &Snapshot) -> Exchange {
    let bidder = result.bidder;
    // A bid that there are too few of is a bid all the same.
    let bids = matches!(result.refusal, None | Some(Refusal::TooFewBidders));
    let confirmation = snapshot.rtb_targets.get(&bidder).and_then(|bidder| bidder.confirmation.as_ref());
    Exchange {
        bidder,
        to_confirm: bids && confirmation.is_some_and(|confirmation| confirmation.enabled),
        request: heard.request,
        status: heard.status,
        answer: heard.response,
    }
}

/// Where the campaign asks a ring tree's bidders; `None`: it does not.
fn tree_of(snapshot: &Snapshot, id: RingTreeId) -> Option<Tree> {
    match snapshot.campaign.ring_tree {
        Some(first) if first == id => Some(Tree::First),
        _ => snapshot.ring_trees.contains_key(&id).then_some(Tree::Planned(id)),
    }
}

fn no_such_tree() -> Problem {
    Problem {
        field: "ring_tree".to_owned(),
        rule: "exists".to_owned(),
        message: "the campaign asks no such ring tree: name one of its published plan, or none".to_owned(),
    }
}
