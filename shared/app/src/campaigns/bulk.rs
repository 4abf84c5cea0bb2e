//! The same deed to many things of one kind, each with its own outcome.

use std::time::Duration;

use domain::ids::{CampaignId, Id, TenantId};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::switch;
use crate::catalog::{self, Entry, Outcome, Refused, Tools, Warning};
use crate::ports::{Kind, PortError};

/// Most things at once.
pub const MAX_BULK: usize = 100;
/// No thing is begun after so long: with what follows from the last one the answer must come within the function's time.
const PATIENCE: Duration = Duration::from_secs(6);
/// Tries against others who change the same thing.
const ROUNDS: u8 = 5;

/// What is done to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkAction {
    /// Switch off.
    Pause,
    /// Switch on; campaigns only when they could place a call.
    Activate,
    /// Put away; campaigns only.
    Archive,
    /// Remove what nothing uses.
    Delete,
}

/// What became of one thing.
#[derive(Debug)]
pub enum BulkOutcome {
    /// It is done, or was so already.
    Done(Vec<Warning>),
    /// It was refused.
    Refused(Refused),
    /// A port did not answer; it may be done.
    Failed(PortError),
    /// It was not begun: there was no time left.
    NotBegun,
}

/// Does it to each of these things, one after the other.
pub async fn bulk<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    action: BulkAction,
    ids: &[Id<E::Noun>],
) -> Vec<BulkOutcome> {
    let until = Instant::now() + PATIENCE;
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        if Instant::now() >= until {
            outcomes.push(BulkOutcome::NotBegun);
            continue;
        }
        outcomes.push(match one::<E>(tools, tenant, action, *id).await {
            Ok(Ok(warnings)) => BulkOutcome::Done(warnings),
            Ok(Err(refused)) => BulkOutcome::Refused(refused),
            Err(error) => BulkOutcome::Failed(error),
        });
    }
    outcomes
}

async fn one<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    action: BulkAction,
    id: Id<E::Noun>,
) -> Outcome<Vec<Warning>> {
    let campaign = (E::KIND == Kind::Campaign).then(|| CampaignId::from_uuid(id.uuid()));
    let stored = match (action, campaign) {
        (BulkAction::Delete, _) => return catalog::delete::<E>(tools, tenant, id).await,
        (BulkAction::Pause, Some(id)) => switch::pause(tools, tenant, id).await?,
        (BulkAction::Activate, Some(id)) => switch::activate(tools, tenant, id).await?,
        (BulkAction::Archive, _) => set_status::<E>(tools, tenant, id, "archived").await?,
        (BulkAction::Pause, None) => set_status::<E>(tools, tenant, id, "paused").await?,
        (BulkAction::Activate, None) => set_status::<E>(tools, tenant, id, "active").await?,
    };
    Ok(stored.map(|stored| stored.warnings))
}

/// A patch of the status alone, made to what is stored now. What has no such status refuses it by its own rules.
async fn set_status<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    status: &str,
) -> Outcome<catalog::Stored> {
    for _ in 0..ROUNDS {
        let Some(record) = catalog::get::<E>(tools, tenant, id).await? else {
            return Ok(Err(Refused::NotFound));
        };
        let patch = Map::from_iter([
            ("version".to_owned(), json!(record.version)),
            ("status".to_owned(), Value::String(status.to_owned())),
        ]);
        match catalog::update::<E>(tools, tenant, id, patch).await? {
            Err(Refused::Changed { .. }) => {}
            outcome => return Ok(outcome),
        }
    }
    Ok(Err(Refused::Changed { current: None }))
}
