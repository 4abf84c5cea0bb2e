//! Tells trackers what became of the calls of their clicks.
//!
//! Idempotency: a marker beside the call for each kind of postback. What is due is found out from the call itself, so a message
//! may come twice, late, and in any order. What must stay true: nothing that a tracker does or leaves undone touches the call.

use std::sync::Arc;
use std::time::Duration;

use domain::dni::redtrack::{Booked, Postback, Progress};
use domain::ids::{CallId, TenantId};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::close_call::is_connected;
use crate::ports::{CallRecord, Calls, PortError, PortResult, PostbackMarks, Tags, Trackers, Turn, Visits};

/// How long a tracker may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// A worker that has not told of a postback for so long has died over it.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(60);
const WHAT: &str = "tell a tracker of a call";

/// Tells trackers.
#[derive(Clone)]
pub struct TellTrackers {
    /// The calls.
    pub calls: Arc<dyn Calls>,
    /// Who is to be told.
    pub tags: Arc<dyn Tags>,
    /// Where a click id may have come later than the call.
    pub visits: Arc<dyn Visits>,
    /// What was told.
    pub marks: Arc<dyn PostbackMarks>,
    /// The way out.
    pub trackers: Arc<dyn Trackers>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl TellTrackers {
    /// Tells whatever is new of a call.
    ///
    /// # Errors
    /// Something could not be told, or somebody else is at it: try again later. What was told stays told.
    pub async fn tell(&self, tenant: TenantId, call: CallId) -> PortResult<()> {
        let Some(record) = self.calls.load(tenant, call).await? else { return Ok(()) };
        let (Some(tag), Some(click)) = (record.call.tag, self.click_of(&record).await?) else {
            return Ok(());
        };
        let setup = self.tags.tag(tag).await?.filter(|setup| setup.tenant == tenant);
        let Some(redtrack) = setup.and_then(|setup| setup.tag.redtrack) else { return Ok(()) };
        let mut failed = None;
        for postback in redtrack.due(&click, &progress(&record)) {
            if let Err(error) = self.tell_once(tenant, call, &postback).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The click of a call; of one that came before its click id was known, its visit's.
    async fn click_of(&self, record: &CallRecord) -> PortResult<Option<String>> {
        if let Some(click) = record.call.click_id() {
            return Ok(Some(click.to_owned()));
        }
        let Some(visit) = record.call.visit else { return Ok(None) };
        let visit = self.visits.visit(record.call.tenant, visit).await?;
        Ok(visit.and_then(|visit| visit.click_id().map(str::to_owned)))
    }

    async fn tell_once(&self, tenant: TenantId, call: CallId, postback: &Postback) -> PortResult<()> {
        let now = self.clock.now();
        let stale = now.checked_sub(STALE_AFTER).unwrap_or(now);
        match self.marks.take_on(tenant, call, postback.kind, now, stale).await? {
            Turn::Done => return Ok(()),
            Turn::Theirs => return Err(PortError::Busy { what: WHAT }),
            Turn::Ours => {}
        }
        let refused = match self.trackers.tell(&postback.url, Instant::now() + ANSWERS_WITHIN).await {
            Ok(200..=299) => {
                return self.marks.note_sent(tenant, call, postback.kind, self.clock.now()).await;
            }
            Ok(status) => PortError::failed(WHAT, format!("{} was answered with {status}", postback.kind)),
            Err(error) => PortError::failed(WHAT, error),
        };
        self.marks.give_up(tenant, call, postback.kind).await?;
        Err(refused)
    }
}

fn progress(record: &CallRecord) -> Progress {
    let booked = record.closing.as_ref().map(|closing| {
        let billed = record.attempts.iter().find(|attempt| Some(attempt.number) == closing.billed_attempt);
        Booked {
            converted: closing.settlement.converted,
            rule: billed.map(|attempt| attempt.terms.conversion),
            reported: closing.reported,
            connected_s: closing.connected_seconds,
            payout: closing.settlement.payout,
        }
    });
    let connected = match &record.closing {
        Some(closing) => closing.connected,
        None => is_connected(record),
    };
    Progress { connected, booked }
}
