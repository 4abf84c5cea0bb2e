//! From a configuration to a connected store.

use app::ports::PortResult;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;

use crate::{Store, keys};

impl Store {
    /// A store on this table, with a client of its own. Opens no connection yet.
    pub fn connect(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self::new(Client::new(config), table)
    }

    /// Opens a connection by reading an item that does not exist, so that the first call does not wait for TLS.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn ping(&self) -> PortResult<()> {
        self.get("open a connection to the table", keys::nothing()).await.map(drop)
    }
}
