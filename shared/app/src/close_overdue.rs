//! Closes calls whose last callback never came: asks Twilio what became of them.
//!
//! Idempotency: what Twilio says is stored as events like any other, and closing is once-only. Capacity is given back
//! only after Twilio was asked.

use std::sync::Arc;
use std::time::Duration;

use domain::call::{Attempt, CallStatus, Leg, LegEvent, Source, leg_end};
use domain::ids::CallSid;
use domain::phone::Destination;
use futures::StreamExt;
use futures::stream;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::close_call;
use crate::ports::{
    CallRecord, Calls, CarrierCall, DUE_SHARDS, DueCall, Leases, PortResult, PostbackQueue, Telephony,
};
use crate::trail::Chain;

/// Calls looked at per shard and run.
const PER_SHARD: u16 = 25;

/// A call that is really still going on is looked at again after this time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Calls looked at at the same time.
const AT_ONCE: usize = 5;

/// Longest look at one call: Twilio may be slow, and a run has a minute for all.
const ONE_LOOK: Duration = Duration::from_secs(5);

/// How one look ended.
enum Look {
    Closed,
    StillGoing,
    Failed,
}

/// Closes overdue calls.
#[derive(Clone)]
pub struct CloseOverdue {
    /// The calls.
    pub calls: Arc<dyn Calls>,
    /// The numbers of pools.
    pub leases: Arc<dyn Leases>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// Twilio.
    pub telephony: Arc<dyn Telephony>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Calls closed.
    pub closed: u32,
    /// Calls that are really still going on.
    pub still_going: u32,
    /// Calls that could not be looked at; they stay due.
    pub failed: u32,
}

impl CloseOverdue {
    /// Looks at what is due in every shard, a few calls at a time. A call or a shard that cannot be looked at does not keep
    /// the others from it: it is put off, so that it does not stand at the head of the queue for ever.
    pub async fn run(&self) -> Swept {
        let mut swept = Swept::default();
        for shard in 0..DUE_SHARDS {
            let due = match self.calls.due(shard, self.clock.now(), PER_SHARD).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(shard, error = %Chain(&error), "overdue calls could not be listed");
                    swept.failed += 1;
                    continue;
                }
            };
            let mut looks = stream::iter(due).map(|due| self.look_in_time(due)).buffer_unordered(AT_ONCE);
            while let Some(look) = looks.next().await {
                match look {
                    Look::Closed => swept.closed += 1,
                    Look::StillGoing => swept.still_going += 1,
                    Look::Failed => swept.failed += 1,
                }
            }
        }
        swept
    }

    async fn look_in_time(&self, due: DueCall) -> Look {
        let error = match tokio::time::timeout(ONE_LOOK, self.look_at(&due)).await {
            Ok(Ok(true)) => return Look::Closed,
            Ok(Ok(false)) => return Look::StillGoing,
            Ok(Err(error)) => Chain(&error).to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::error!(call = %due.call, error, "overdue call could not be closed");
        if let Err(error) = self.put_off(&due).await {
            tracing::error!(call = %due.call, error = %Chain(&error), "overdue call could not be put off");
        }
        Look::Failed
    }

    fn closing(&self) -> close_call::Tools<'_> {
        close_call::Tools { calls: &*self.calls, leases: &*self.leases, postbacks: &*self.postbacks }
    }

    async fn put_off(&self, due: &DueCall) -> PortResult<()> {
        let now = self.clock.now();
        self.calls.postpone(due.tenant, due.call, now.checked_add(LOOK_AGAIN).unwrap_or(now)).await
    }

    async fn look_at(&self, due: &DueCall) -> PortResult<bool> {
        if close_call::close_if_over(&self.closing(), due.tenant, due.call).await? {
            return Ok(true);
        }
        let Some(record) = self.calls.load(due.tenant, due.call).await? else { return Ok(true) };
        let sid = due.call.sid();
        let (parent, children) = futures::try_join!(
            self.telephony.call(&due.account_sid, &sid),
            self.telephony.children(&due.account_sid, &sid),
        )?;
        let now = self.clock.now();
        let goes_on = parent.as_ref().is_some_and(|parent| !parent.status.is_terminal());
        let ends = match goes_on {
            // The caller stays; what was dialled before may be over all the same, and then holds nobody's capacity.
            true => ends_of_attempts(&overdue_attempts(&record, &children, now), &record, &children, now),
            false => missing_ends(&record, parent.as_ref(), &children, now),
        };
        for event in ends {
            self.calls.record_event(due.tenant, due.call, &event).await?;
        }
        if close_call::close_if_over(&self.closing(), due.tenant, due.call).await? {
            return Ok(true);
        }
        self.put_off(due).await?;
        Ok(false)
    }
}

/// The ends that nobody told us, as Twilio's records have them. A leg that Twilio does not know never was: it failed.
pub fn missing_ends(
    record: &CallRecord,
    parent: Option<&CarrierCall>,
    children: &[CarrierCall],
    now: Timestamp,
) -> Vec<LegEvent> {
    let mut events = Vec::new();
    if leg_end(Leg::Caller, &record.events).is_none() {
        events.push(as_event(Leg::Caller, parent, now));
    }
    let attempts: Vec<&Attempt> = record.attempts.iter().collect();
    events.extend(ends_of_attempts(&attempts, record, children, now));
    events
}

/// Of a call that goes on, the attempts that may be over: those that Twilio knows; and those dialled long ago, if Twilio
/// knows nothing that was dialled and is still going on. A leg that is only about to be dialled is none of them.
fn overdue_attempts<'a>(
    record: &'a CallRecord,
    children: &[CarrierCall],
    now: Timestamp,
) -> Vec<&'a Attempt> {
    let nothing_goes_on = children.iter().all(|child| child.status.is_terminal());
    let long_ago = |attempt: &Attempt| {
        attempt.dialled_at.checked_add(LOOK_AGAIN).is_ok_and(|latest| latest <= now) && nothing_goes_on
    };
    let is_known = |attempt: &Attempt| children.iter().any(|child| went_to(child, &attempt.destination));
    record.attempts.iter().filter(|attempt| is_known(attempt) || long_ago(attempt)).collect()
}

fn ends_of_attempts(
    attempts: &[&Attempt],
    record: &CallRecord,
    children: &[CarrierCall],
    now: Timestamp,
) -> Vec<LegEvent> {
    let mut events = Vec::new();
    let sid_of = |attempt: &Attempt| {
        let leg = Leg::Attempt(attempt.number);
        record.events.iter().filter(|event| event.leg == leg).find_map(|event| event.sid.clone())
    };
    let mut claimed: Vec<CallSid> = record.attempts.iter().filter_map(sid_of).collect();
    for attempt in attempts {
        let leg = Leg::Attempt(attempt.number);
        if leg_end(leg, &record.events).is_some() {
            continue;
        }
        let child = match sid_of(attempt) {
            Some(sid) => children.iter().find(|child| child.sid == sid),
            None => children
                .iter()
                .filter(|child| !claimed.contains(&child.sid) && went_to(child, &attempt.destination))
                .min_by_key(|child| child.started_at),
        };
        if let Some(child) = child {
            claimed.push(child.sid.clone());
        }
        if child.is_none_or(|child| child.status.is_terminal()) {
            events.push(as_event(leg, child, now));
        }
    }
    events
}

fn went_to(child: &CarrierCall, destination: &Destination) -> bool {
    match destination {
        Destination::Number(number) => child.to == number.as_str(),
        Destination::Sip(uri) => child.to.starts_with(uri.as_str()),
    }
}

fn as_event(leg: Leg, told: Option<&CarrierCall>, now: Timestamp) -> LegEvent {
    LegEvent {
        leg,
        status: told.map_or(CallStatus::Failed, |told| told.status),
        sequence: 0,
        source: Source::CarrierCheck,
        at: told.and_then(|told| told.ended_at).unwrap_or(now),
        duration_s: told.and_then(|told| told.duration_s),
        sid: told.map(|told| told.sid.clone()),
    }
}
