//! Opening the connection before it is needed.

use app::ports::PortResult;

use crate::{Store, keys};

impl Store {
    /// Opens a connection by reading an item that does not exist, so that the first call does not wait for TLS.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn ping(&self) -> PortResult<()> {
        self.get("open a connection to the table", keys::nothing()).await.map(drop)
    }
}
