//! The caller of a routing case: who calls, from where, sent by whom, and what is known of them.

use std::collections::{BTreeMap, HashMap};

use domain::blocked::{Block, BlockPattern};
use domain::call::Call;
use domain::caps::{CounterId, LiveLimits, Usage};
use domain::duplicates::{CallerHistory, News, Reached};
use domain::ids::{BlockedNumberId, PublisherId};
use domain::routing::{Via, recognise};
use domain::snapshot::Snapshot;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::routing::row;

/// What differs from the usual caller, whose number is +14155550100 and of whom nothing is known.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Caller {
    /// As Twilio writes it.
    from: Option<String>,
    /// State, ZIP code and country as Twilio says.
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    /// Twilio's `StirVerstat`.
    verstat: Option<String>,
    /// Further tags of the call, as `User:age`.
    pub tags: BTreeMap<String, String>,
    /// Their earlier calls to the campaign.
    earlier: Vec<Earlier>,
    /// The tenant's block list: the beginning of a number, a number, or `anonymous`.
    blocked: Vec<Blocked>,
    /// Who sent the call.
    pub publisher: Option<Publisher>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    /// Seconds before this call.
    ago: i64,
    /// Whom they were connected to.
    to: Option<String>,
    #[serde(default)]
    converted: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blocked {
    number: BlockPattern,
    /// Seconds from now; absent is for ever. Below zero it has run out.
    expires_in: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publisher {
    /// What is agreed with it on the campaign.
    pub terms: Value,
    /// What the counter of those terms says, as of a target.
    usage: BTreeMap<String, Value>,
    /// Its own caps over all campaigns, with their time zone, and what their counter says.
    limits: Option<LiveLimits>,
    overall: BTreeMap<String, Value>,
    /// What it was paid: payouts by `hour`, `day`, `month`, `total`, amounts by `earned_hour` and so on.
    paid: BTreeMap<String, Value>,
}

pub fn publisher() -> PublisherId {
    PublisherId::from_uuid(Uuid::from_u128(500))
}

impl Caller {
    /// The call as it is with them, once they are recognised.
    pub fn call(&self, mut call: Call, snapshot: &Snapshot, names: &BTreeMap<String, Via>) -> Call {
        call.from = self.from.clone().unwrap_or(call.from);
        (call.from_state, call.from_zip) = (self.state.clone(), self.zip.clone());
        (call.from_country, call.verstat) = (self.country.clone(), self.verstat.clone());
        call.publisher = self.publisher.is_some().then(publisher);
        call.payout = snapshot.campaign.payout_for(call.publisher);
        call.payout_limit = snapshot.campaign.payout_limit_for(call.publisher);
        let mut history = CallerHistory::default();
        for (number, earlier) in self.earlier.iter().enumerate() {
            let at = call.started_at - SignedDuration::from_secs(earlier.ago);
            let connected = earlier.to.as_ref().map(|name| Reached { at, via: names[name] });
            let converted = connected.filter(|_| earlier.converted);
            let id = format!("RGB{:032x}", 1_000 + number).parse().unwrap();
            history.after(id, at, News::Ended { connected, converted });
        }
        recognise(&mut call, snapshot, &history);
        call
    }

    /// Whether the block list names them.
    pub fn is_blocked(&self, call: &Call) -> bool {
        let patterns = BlockPattern::of_caller(&call.from);
        self.blocked.iter().filter(|blocked| patterns.contains(&blocked.number)).any(|blocked| {
            let until = |seconds| call.started_at + SignedDuration::from_secs(seconds);
            let expires_at = blocked.expires_in.map(until);
            Block { blocked_number: BlockedNumberId::from_uuid(Uuid::nil()), expires_at }
                .holds(call.started_at)
        })
    }

    /// The rows about the publisher.
    pub fn count(&self, usage: &mut HashMap<CounterId, Usage>, snapshot: &Snapshot, now: Timestamp) {
        let Some(sender) = &self.publisher else { return };
        let zone = snapshot.campaign.time_zone.as_str();
        let campaign = snapshot.campaign_id;
        let of = |id: CounterId, says: &BTreeMap<String, Value>, zone: &str| {
            (!says.is_empty()).then(|| (id, row(says, zone, now)))
        };
        usage.extend(of(CounterId::Terms(campaign, publisher()), &sender.usage, zone));
        usage.extend(of(CounterId::Paid(campaign, publisher()), &sender.paid, zone));
        if let Some(limits) = &sender.limits {
            let counted = row(&sender.overall, &limits.time_zone, now);
            usage.insert(publisher().into(), Usage { limits: Some(limits.clone()), ..counted });
        } else {
            usage.extend(of(publisher().into(), &sender.overall, "UTC"));
        }
    }
}
