//! Takes a caller out of everything that we keep: their calls and the visits these came from, recordings, bids, publishers' pings about them and block-list
//! entry. Money stays.
//!
//! What must stay true: a request does a bounded amount and may be repeated, after a failure too, until it says that it is
//! complete; a call leaves the index only after everything about it is done; the proof and the audit log hold no number, and
//! say who asked before anything is erased. A call that goes
//! on, or ended a moment ago, is left for a repetition: Twilio may still tell of it.

use std::collections::BTreeSet;

use domain::blocked::BlockedNumber;
use domain::ids::{BlockedNumberId, CallId, IdError, TenantId};
use domain::phone::E164;
use jiff::{SignedDuration, Timestamp};

use crate::catalog::{self, Refused, Scribe, Tools};
use crate::ports::{
    BidHistory, CallRecord, Callers, Calls, ErasedCall, ErasureProof, InboundBids, Kind, PortError,
    PortResult, Telephony, Visits,
};

/// Calls that one request erases, at most.
pub const CALLS_AT_ONCE: usize = 20;
/// Calls that one request looks at, at most: those that go on are passed over.
const LOOKS: usize = 200;
/// Calls looked up in the index at once.
const PAGE: u16 = 50;
/// After its end nobody tells of a call any more: callbacks, recordings and the bid log have arrived.
pub const QUIET_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// What an erasure works with.
pub struct EraseCaller<'a> {
    /// The calls.
    pub calls: &'a dyn Calls,
    /// Whose they are.
    pub callers: &'a dyn Callers,
    /// What publishers said of them.
    pub bids: &'a dyn InboundBids,
    /// What bidders were asked about them, for good.
    pub history: &'a dyn BidHistory,
    /// What their browsers said.
    pub visits: &'a dyn Visits,
    /// Recordings at Twilio.
    pub telephony: &'a dyn Telephony,
    /// Who asks, the keyed hash and the time.
    pub scribe: Scribe<'a>,
}

/// What one request did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Calls that this request erased.
    pub calls: u32,
    /// Calls that go on or ended less than [`QUIET_AFTER`] ago.
    pub waiting: u32,
    /// Whether nothing of the caller is left.
    pub complete: bool,
    /// Everything so far, this request included.
    pub proof: ErasureProof,
}

impl EraseCaller<'_> {
    /// Takes the caller off the block list, where exactly this number stands there; prefixes name nobody and stay.
    ///
    /// # Errors
    /// A port did not answer, or somebody changed the entry meanwhile: ask again.
    pub async fn unblock(&self, tools: &Tools<'_>, tenant: TenantId, number: &E164) -> PortResult<()> {
        const WHAT: &str = "take a caller off the block list";
        for record in tools.catalog.list(tenant, Kind::BlockedNumber).await? {
            let entry: BlockedNumber = catalog::entry_of(&record)?;
            if entry.number.as_str() != number.as_str() {
                continue;
            }
            let id: BlockedNumberId =
                record.id.parse().map_err(|cause: IdError| PortError::corrupt(WHAT, cause))?;
            let caller = self.scribe.vault.pseudonym(tenant, number.as_str()).await?;
            self.callers.note_unblocked(tenant, &caller, id).await?;
            match catalog::delete::<BlockedNumber>(tools, tenant, id).await? {
                Ok(_) | Err(Refused::NotFound) => {}
                Err(_) => return Err(PortError::Busy { what: WHAT }),
            }
        }
        Ok(())
    }

    /// Erases a caller, as far as one request may go.
    ///
    /// # Errors
    /// A port did not answer. What was done stays done; ask again.
    pub async fn erase(&self, tenant: TenantId, number: &E164) -> PortResult<Erasure> {
        let caller = self.scribe.vault.pseudonym(tenant, number.as_str()).await?;
        // The keyed hash alone: what is erased must not go on standing in the log, not even masked. How much it was says
        // the proof, which the same hash finds.
        let entry = self.scribe.plain(tenant, "caller.erased", &caller);
        self.callers.note_request(tenant, &caller, &entry).await?;
        // What is younger may still be on its way into the history.
        let before = entry.at.checked_sub(QUIET_AFTER).unwrap_or(Timestamp::MIN);
        for (auction, at) in self.bids.auctions_about(tenant, &caller, before).await? {
            self.history.forget(tenant, auction, at).await?;
        }
        let pings = self.bids.forget_bids(tenant, &caller, number, before).await?;
        let (mut calls, mut waiting, mut looked_at) = (0, 0, 0);
        let mut after = None;
        let mut complete = false;
        while looked_at < LOOKS {
            let found = self.callers.calls_of(tenant, &caller, after, PAGE).await?;
            let Some(last) = found.last().copied() else {
                complete = waiting == 0 && pings.complete;
                break;
            };
            for call in found {
                if usize::try_from(calls).is_ok_and(|calls| calls >= CALLS_AT_ONCE) {
                    looked_at = LOOKS;
                    break;
                }
                looked_at += 1;
                if self.erase_call(tenant, &caller, call, number, entry.at).await? {
                    calls += 1;
                } else {
                    waiting += 1;
                }
            }
            after = Some(last);
        }
        if complete {
            self.callers.forget_caller(tenant, &caller).await?;
        }
        let proof = self.callers.proof(tenant, &caller).await?;
        let missing = || PortError::failed("read the proof of an erasure", "it was written and is not there");
        Ok(Erasure { calls, waiting, complete, proof: proof.ok_or_else(missing)? })
    }

    /// `false`: it must wait.
    async fn erase_call(
        &self,
        tenant: TenantId,
        caller: &str,
        call: CallId,
        number: &E164,
        now: Timestamp,
    ) -> PortResult<bool> {
        let Some(record) = self.calls.load(tenant, call).await? else {
            self.callers.forget(tenant, caller, call, ErasedCall::default()).await?;
            return Ok(true);
        };
        let quiet = record
            .closing
            .as_ref()
            .is_some_and(|closing| now.duration_since(closing.ended_at) >= QUIET_AFTER);
        if !quiet {
            return Ok(false);
        }
        let recordings = recordings_of(&record);
        for sid in &recordings {
            // Whether it was still there does not matter.
            self.telephony.delete_recording(&record.call.account_sid, sid).await?;
        }
        for auction in &record.auctions {
            self.history.forget(tenant, auction.id, auction.started_at).await?;
        }
        if let Some(visit) = record.call.visit {
            self.visits.forget_visit(tenant, visit).await?;
        }
        let bids = self.callers.scrub(tenant, call, number).await?;
        let erased = ErasedCall { recordings: u32::try_from(recordings.len()).unwrap_or(u32::MAX), bids };
        self.callers.forget(tenant, caller, call, erased).await?;
        Ok(true)
    }
}

/// The recordings that Twilio made; one of which it said that there is none is none.
fn recordings_of(record: &CallRecord) -> BTreeSet<String> {
    let absent = |sid: &str| {
        record
            .recordings
            .iter()
            .any(|event| event.sid == sid && ["absent", "failed"].contains(&event.status.as_str()))
    };
    let sids = record.recordings.iter().map(|event| event.sid.clone());
    sids.filter(|sid| !absent(sid)).collect()
}
