//! Whether bidders work: failures in a row stand on the bidder's counter row, where they are read with everything else that
//! decides about a call. Only failures and the first answer after them are written.

use app::ports::PortResult;
use domain::breaker::Health;
use domain::ids::{RtbTargetId, TenantId};
use jiff::Timestamp;

use crate::Store;
use crate::item::{Item, number, number_of, text};
use crate::keys;
use crate::write::{Deed, STAMP, Write, stamped};

const FAILURES: &str = "failures";
const RETRY_AT: &str = "retry_at";

/// What a counter row says of its bidder's health.
pub(crate) fn health_of(item: &Item) -> Health {
    let retry_at = item.get(RETRY_AT).and_then(|value| value.as_s().ok());
    Health {
        failures: number_of(item, FAILURES).unwrap_or(0),
        retry_at: retry_at.and_then(|at| at.parse().ok()),
    }
}

impl Store {
    /// Moves the time of the next look on, if nobody has since it was `seen`.
    pub(crate) async fn move_look(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        seen: Timestamp,
        until: Timestamp,
    ) -> PortResult<bool> {
        let key = keys::counter(tenant, &bidder.into());
        let write = Write::new(Deed::Change(key, "SET #retry_at = :until".to_owned()))
            .only_if("#retry_at = :seen")
            .name("#retry_at", RETRY_AT)
            .value(":seen", text(keys::time(seen)))
            .value(":until", text(keys::time(until)));
        self.change("claim the look at a bidder", write).await
    }

    pub(crate) async fn put_health(
        &self,
        tenant: TenantId,
        bidder: RtbTargetId,
        health: &Health,
    ) -> PortResult<()> {
        let key = keys::counter(tenant, &bidder.into());
        let failing = health.failures > 0;
        let clause = match (failing, health.retry_at) {
            (false, _) => " REMOVE #failures, #retry_at",
            (true, None) => ", #failures = :failures REMOVE #retry_at",
            (true, Some(_)) => ", #failures = :failures, #retry_at = :retry_at",
        };
        let mut write = Write::new(Deed::Change(key, format!("SET {STAMP}{clause}")))
            .name("#failures", FAILURES)
            .name("#retry_at", RETRY_AT);
        if failing {
            write = write.value(":failures", number(health.failures));
            if let Some(at) = health.retry_at {
                write = write.value(":retry_at", text(keys::time(at)));
            }
        }
        self.change("note whether a bidder works", stamped(write, crate::counters::KIND, tenant)).await?;
        Ok(())
    }
}
