//! Port of the index of callers: which calls are somebody's, and taking the person out of them.

use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{BlockedNumberId, CallId, TenantId};
use domain::phone::E164;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PortResult;

/// What was done to one call; counted once, however often it was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasedCall {
    /// Recordings that were removed at Twilio.
    pub recordings: u32,
    /// Logged bids whose texts were removed.
    pub bids: u32,
}

/// Proof that a caller was erased. It holds no number: only who knows one, and the key, can tell whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureProof {
    /// The keyed hash of the number.
    pub caller: String,
    /// When it was asked for first.
    pub first_at: Timestamp,
    /// When it was asked for last.
    pub last_at: Timestamp,
    /// Who asked last.
    pub by: String,
    /// Calls that were erased.
    pub calls: u32,
    /// Recordings that were removed.
    pub recordings: u32,
    /// Logged bids whose texts were removed.
    pub bids: u32,
    /// Entries of the block list that were removed.
    pub unblocked: u32,
}

/// Callers and their calls. `caller` is the keyed hash of a number (see [`super::Vault::pseudonym`]) under which a call
/// is noted in the write that creates it.
#[async_trait]
pub trait Callers: Send + Sync {
    /// Calls of a caller that are not erased yet, by id, after this one.
    async fn calls_of(
        &self,
        tenant: TenantId,
        caller: &str,
        after: Option<CallId>,
        limit: u16,
    ) -> PortResult<Vec<CallId>>;

    /// Takes the caller out of a call that is over: who called and from where (the state stays), and the number wherever
    /// else it stands, the bid log included; addresses of recordings too. The ledger holds none of it and is not touched.
    /// How many logged bids the call has. Doing it again changes nothing.
    async fn scrub(&self, tenant: TenantId, call: CallId, number: &E164) -> PortResult<u32>;

    /// The call is done: out of the index and into the proof, in one write. `false` when that was done before.
    async fn forget(
        &self,
        tenant: TenantId,
        caller: &str,
        call: CallId,
        erased: ErasedCall,
    ) -> PortResult<bool>;

    /// Removes what is known of a caller on campaigns: their next call is their first.
    async fn forget_caller(&self, tenant: TenantId, caller: &str) -> PortResult<()>;

    /// Notes who asked, in the proof and in the audit log, in one write: whoever is erased, it is known who wanted it.
    async fn note_request(&self, tenant: TenantId, caller: &str, entry: &AuditEntry) -> PortResult<()>;

    /// Counts an entry of the block list, by its id, in the proof; the same one counts once.
    async fn note_unblocked(&self, tenant: TenantId, caller: &str, entry: BlockedNumberId) -> PortResult<()>;

    /// The proof, once something was asked for.
    async fn proof(&self, tenant: TenantId, caller: &str) -> PortResult<Option<ErasureProof>>;
}
