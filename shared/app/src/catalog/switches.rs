//! Live flags, and limits that live beside them, follow what is stored: the call path looks at them, so pausing,
//! activating and changing a publisher's caps need no publishing.
//!
//! What must stay true: a thing that is born paused is never live for a moment; whatever order savers and setters come in,
//! the flags end where the last save put them; a flag whose thing (or part of a thing) is gone holds nobody up.

use domain::caps::CounterId;
use domain::ids::{Id, TenantId};
use domain::target::Status;
use futures::future::try_join_all;

use super::{Entry, Tools, entry_of};
use crate::ports::PortResult;

/// Flags set at the same time, at most.
const PARALLEL: usize = 16;

/// Before it is stored for the first time: flags of what is born paused, and live limits.
pub(super) async fn before_birth<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    entry: &E,
) -> PortResult<()> {
    let switches = entry.switches(id);
    if let (Some((own, _)), Some(limits)) = (switches.first(), entry.live_limits()) {
        tools.counters.set_limits(tenant, own, Some(&limits)).await?;
    }
    let paused = switches.into_iter().filter(|(_, status)| *status == Status::Paused);
    set(tools, tenant, &paused.collect::<Vec<_>>()).await
}

/// Before a change is stored: parts that it takes out leave no flag behind. Whether any flag was touched; then a change
/// that was not stored after all must be followed by [`follow`].
pub(super) async fn before_change<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    (old, new): (&E, &E),
) -> PortResult<bool> {
    let stays = new.switches(id);
    let gone: Vec<(CounterId, Status)> = old
        .switches(id)
        .into_iter()
        .filter(|(of, status)| *status == Status::Paused && !stays.iter().any(|(other, _)| other == of))
        .map(|(of, _)| (of, Status::Active))
        .collect();
    set(tools, tenant, &gone).await?;
    Ok(!gone.is_empty())
}

/// Before it is removed: what was published with it sends no more calls there.
pub(super) async fn before_removal<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    entry: &E,
) -> PortResult<()> {
    let own = entry.switches(id).into_iter().take(1).map(|(of, _)| (of, Status::Paused));
    set(tools, tenant, &own.collect::<Vec<_>>()).await
}

/// Sets the flags from what is stored. Two savers may set flags in another order than they saved; each looks again after
/// setting, so whoever sets last has seen the last status.
pub(super) async fn follow<E: Entry>(tools: &Tools<'_>, tenant: TenantId, id: Id<E::Noun>) -> PortResult<()> {
    const ROUNDS: u8 = 5;
    let printed = id.to_string();
    for _ in 0..ROUNDS {
        let Some(record) = tools.catalog.get(tenant, E::KIND, &printed).await? else { return Ok(()) };
        let entry = entry_of::<E>(&record)?;
        let wanted = entry.switches(id);
        let of: Vec<CounterId> = wanted.iter().map(|(of, _)| *of).collect();
        let found = tools.counters.usage(tenant, &of).await?;
        let is_paused = |of: &CounterId| found.get(of).is_some_and(|row| row.paused);
        let differ: Vec<(CounterId, Status)> =
            wanted.into_iter().filter(|(of, status)| is_paused(of) != (*status == Status::Paused)).collect();
        let limits = entry.live_limits();
        let own =
            of.first().filter(|of| found.get(of).and_then(|row| row.limits.as_ref()) != limits.as_ref());
        if differ.is_empty() && own.is_none() {
            return Ok(());
        }
        if let Some(own) = own {
            tools.counters.set_limits(tenant, own, limits.as_ref()).await?;
        }
        set(tools, tenant, &differ).await?;
    }
    Ok(())
}

async fn set(tools: &Tools<'_>, tenant: TenantId, flags: &[(CounterId, Status)]) -> PortResult<()> {
    for some in flags.chunks(PARALLEL) {
        let writes =
            some.iter().map(|(of, status)| tools.counters.set_paused(tenant, of, *status == Status::Paused));
        try_join_all(writes).await?;
    }
    Ok(())
}
