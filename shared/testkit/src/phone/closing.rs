//! How a call enters the account's books, leaves the list of live calls, and becomes a journey.

use std::sync::Arc;

use super::call::Call;
use super::journey::{CallStatus, EndedBy, Journey, LegOutcome, Outcome};
use super::leg::Leg;
use super::locked;
use super::recorder::whole_seconds;
use super::state::CallRecord;

impl Call {
    /// Enters the call into the account's books.
    pub(super) fn register(self: &Arc<Self>) {
        let created = self.clock.started();
        self.network.keep(CallRecord {
            sid: self.sid.clone(),
            parent: None,
            from: self.script.from.clone(),
            to: self.script.to.clone(),
            status: CallStatus::Ringing,
            phone_number_sid: self.number.sid.clone(),
            answered_by: None,
            forwarded_from: self.script.forwarded_from.clone(),
            created,
            updated: created,
            ended: None,
            seconds: 0,
        });
        locked(&self.network.live).insert(self.sid.clone(), self.clone());
    }

    /// Enters a leg into the account's books.
    pub(super) fn register_leg(self: &Arc<Self>, leg: &Arc<Leg>) {
        let created = self.clock.moment(self.clock.now());
        self.network.keep(CallRecord {
            sid: leg.sid.clone(),
            parent: Some(self.sid.clone()),
            from: leg.caller_id.clone(),
            to: leg.noun.destination.clone(),
            status: CallStatus::Initiated,
            phone_number_sid: self.number.sid.clone(),
            answered_by: None,
            forwarded_from: None,
            created,
            updated: created,
            ended: None,
            seconds: 0,
        });
        locked(&self.legs).push(leg.clone());
        locked(&self.network.live).insert(leg.sid.clone(), self.clone());
    }

    /// Takes the call and its legs off the list of live calls. The books keep them.
    pub(super) fn forget(&self) {
        let mut live = locked(&self.network.live);
        live.remove(&self.sid);
        for leg in locked(&self.legs).iter() {
            live.remove(&leg.sid);
        }
    }

    /// Everything that happened.
    pub(super) fn journey(&self) -> Journey {
        let pages = self.log.finish();
        let legs = locked(&self.legs).iter().map(|leg| outcome_of(leg)).collect();
        let seconds = whole_seconds(self.answered_for());
        let state = locked(&self.state);
        Journey {
            call_sid: self.sid.clone(),
            account_sid: self.network.config.account_sid.clone(),
            from: self.script.from.clone(),
            to: self.script.to.clone(),
            started_at: self.clock.started(),
            events: pages.events,
            requests: pages.requests,
            documents: pages.documents,
            legs,
            outcome: Outcome {
                status: state.status,
                answered: state.answered_at.is_some(),
                seconds,
                ended_by: state.ended_by.unwrap_or(EndedBy::Failure),
                connected: state.connection.clone(),
                fallback_used: state.fallback_used,
                failed: state.failed,
            },
        }
    }
}

fn outcome_of(leg: &Leg) -> LegOutcome {
    LegOutcome {
        call_sid: leg.sid.clone(),
        destination: leg.noun.destination.clone(),
        caller_id: leg.caller_id.clone(),
        status: leg.status(),
        sip_code: leg.sip_code(),
        seconds: whole_seconds(leg.talked()),
        bridged: leg.was_bridged(),
    }
}
