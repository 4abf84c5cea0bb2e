//! The DynamoDB adapter: implements the data ports of `app::ports` on one table.
//!
//! What must stay true: all keys come from [`keys`]; whatever must be exact is one conditional write or one transaction;
//! a read that decides something is strongly consistent; a write that is repeated, also after its answer was lost,
//! changes nothing twice. The table removes expired items hours or days late, so nothing is valid because it exists:
//! whoever reads compares the time.

pub mod keys;

mod accounts;
mod audit;
mod bid_log;
mod bidder_alerts;
mod bidder_health;
mod bidder_hours;
mod blocked;
mod calls;
mod catalog;
mod connect;
mod counters;
mod direct;
mod earned;
mod failure;
mod health;
mod identity;
mod inbound;
mod item;
mod leases;
mod limits;
mod numbers;
mod pool_rows;
mod pool_use;
mod postbacks;
mod published;
mod read;
mod signature;
mod snapshots;
mod table;
mod tags;
mod visits;
mod wire;
mod write;

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;

pub use calls::Refused;
pub use published::NotWhole;
pub use table::create_table;

/// The table with a client for it. Cloning shares both, and the cache of published campaigns.
#[derive(Clone)]
pub struct Store(Arc<Inside>);

struct Inside {
    client: Client,
    direct: direct::Direct,
    table: String,
    snapshots: snapshots::Snapshots,
}

impl Store {
    /// A store on this table, with a client of its own. Opens no connection yet. Connections and time-outs are used as they are
    /// configured; the client's retries are switched off, because this crate waits by its own rules (a step gives up after
    /// 300 ms, for example).
    pub fn connect(config: &SdkConfig, table: impl Into<String>) -> Self {
        let client = aws_sdk_dynamodb::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self(Arc::new(Inside {
            client: Client::from_conf(client.build()),
            direct: direct::Direct::new(config),
            table: table.into(),
            snapshots: snapshots::Snapshots::default(),
        }))
    }

    /// For the few requests that are worth it: see [`direct`].
    pub(crate) fn direct(&self) -> &direct::Direct {
        &self.0.direct
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.0.table
    }

    pub(crate) fn snapshots(&self) -> &snapshots::Snapshots {
        &self.0.snapshots
    }
}
