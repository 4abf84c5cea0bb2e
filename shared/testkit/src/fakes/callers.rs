//! Whose calls are whose, for handlers: what scrubbing does to stored calls is tested on the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use app::ports::{Callers, ErasedCall, ErasureProof, PortResult};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::ids::{BlockedNumberId, CallId, TenantId};
use domain::phone::E164;

use super::{FakeDesk, locked};

type Of = (TenantId, String);

/// An index and proofs in memory.
#[derive(Debug, Default)]
pub struct FakeCallers {
    index: Mutex<BTreeMap<Of, BTreeSet<CallId>>>,
    proofs: Mutex<BTreeMap<Of, ErasureProof>>,
    unblocked: Mutex<BTreeMap<Of, BTreeSet<BlockedNumberId>>>,
    desk: Arc<FakeDesk>,
}

impl FakeCallers {
    /// Nobody yet; requests are noted in this desk's audit log.
    pub fn noting_in(desk: Arc<FakeDesk>) -> Self {
        Self { desk, ..Self::default() }
    }

    /// Notes a call of a caller.
    pub fn note(&self, tenant: TenantId, caller: &str, call: CallId) {
        locked(&self.index).entry((tenant, caller.to_owned())).or_default().insert(call);
    }
}

#[async_trait]
impl Callers for FakeCallers {
    async fn calls_of(
        &self,
        tenant: TenantId,
        caller: &str,
        after: Option<CallId>,
        limit: u16,
    ) -> PortResult<Vec<CallId>> {
        let index = locked(&self.index);
        let calls = index.get(&(tenant, caller.to_owned())).cloned().unwrap_or_default();
        Ok(calls
            .into_iter()
            .filter(|call| after.is_none_or(|after| *call > after))
            .take(limit.into())
            .collect())
    }

    async fn forget_caller(&self, _: TenantId, _: &str) -> PortResult<()> {
        Ok(())
    }

    async fn scrub(&self, _: TenantId, _: CallId, _: &E164) -> PortResult<u32> {
        Ok(0)
    }

    async fn forget(
        &self,
        tenant: TenantId,
        caller: &str,
        call: CallId,
        erased: ErasedCall,
    ) -> PortResult<bool> {
        let of = (tenant, caller.to_owned());
        let was_there = locked(&self.index).get_mut(&of).is_some_and(|calls| calls.remove(&call));
        if let Some(proof) = locked(&self.proofs).get_mut(&of).filter(|_| was_there) {
            proof.calls += 1;
            proof.recordings += erased.recordings;
            proof.bids += erased.bids;
        }
        Ok(was_there)
    }

    async fn note_request(&self, tenant: TenantId, caller: &str, entry: &AuditEntry) -> PortResult<()> {
        self.desk.enter(entry);
        let mut proofs = locked(&self.proofs);
        let proof = proofs.entry((tenant, caller.to_owned())).or_insert_with(|| ErasureProof {
            caller: caller.to_owned(),
            first_at: entry.at,
            last_at: entry.at,
            by: entry.actor.to_string(),
            calls: 0,
            recordings: 0,
            bids: 0,
            unblocked: 0,
        });
        proof.last_at = entry.at;
        proof.by = entry.actor.to_string();
        Ok(())
    }

    async fn note_unblocked(&self, tenant: TenantId, caller: &str, entry: BlockedNumberId) -> PortResult<()> {
        locked(&self.unblocked).entry((tenant, caller.to_owned())).or_default().insert(entry);
        Ok(())
    }

    async fn proof(&self, tenant: TenantId, caller: &str) -> PortResult<Option<ErasureProof>> {
        let of = (tenant, caller.to_owned());
        let unblocked = locked(&self.unblocked).get(&of).map_or(0, BTreeSet::len);
        let proof = locked(&self.proofs).get(&of).cloned();
        Ok(proof
            .map(|proof| ErasureProof { unblocked: u32::try_from(unblocked).unwrap_or(u32::MAX), ..proof }))
    }
}
