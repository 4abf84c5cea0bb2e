//! DynamoDB on this machine: an embedded server, spoken to by the real SDK over loopback.
//!
//! In memory for tests, on a file for the local platform. It knows neither throttling nor transaction conflicts: put
//! [`crate::faults::FaultProxy`] before it for those. It also does not remove expired items by itself, which is good:
//! nothing may depend on that.

mod bulk;
mod pool;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use dynoxide::Database;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The database did not come up.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Its storage cannot be opened.
    #[error("the embedded database cannot open {}: {reason}", place.display())]
    Storage {
        /// Where it should be.
        place: PathBuf,
        /// What the database says.
        reason: String,
    },
    /// Its port is not free.
    #[error("the embedded database cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// The table cannot be made.
    #[error("the table cannot be made")]
    Table(#[source] app::ports::PortError),
}

/// How long an orderly end may take.
const IN_ORDER: Duration = Duration::from_secs(2);

/// A DynamoDB server in this process. Dropping it ends it; [`stop`](Self::stop) ends it in order.
pub struct EmbeddedDatabase {
    database: Database,
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl EmbeddedDatabase {
    /// In memory, on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn in_memory() -> Result<Self, DatabaseError> {
        Self::serve(Database::memory(), Path::new(":memory:"), loopback(0)).await
    }

    /// On a file, which is made when it does not exist; what was acknowledged survives the process being killed.
    /// Port 0 takes a free one.
    ///
    /// # Errors
    /// When the file cannot be opened or the port is taken.
    pub async fn on_file(path: &Path, port: u16) -> Result<Self, DatabaseError> {
        Self::serve(Database::new(&path.to_string_lossy()), path, loopback(port)).await
    }

    async fn serve(
        opened: Result<Database, dynoxide::DynoxideError>,
        place: &Path,
        address: SocketAddr,
    ) -> Result<Self, DatabaseError> {
        let database = opened
            .map_err(|error| DatabaseError::Storage { place: place.to_owned(), reason: error.to_string() })?;
        let cannot_listen = |cause| DatabaseError::Listen { address, cause };
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let (shutdown, asked) = oneshot::channel();
        let served = database.clone();
        let server = tokio::spawn(async move {
            let until = async {
                // Also when the sender is gone: then nobody needs the server any more.
                let _ = asked.await;
            };
            let _ = dynoxide::server::serve_with_shutdown(listener, served, until).await;
        });
        Ok(Self { database, address, shutdown: Some(shutdown), server })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it when the requests under way are answered, or after two seconds.
    pub async fn stop(mut self) {
        self.shutdown.take();
        let _ = tokio::time::timeout(IN_ORDER, &mut self.server).await;
    }
}

impl Drop for EmbeddedDatabase {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The configuration for a database at this URL: plain HTTP, no retries of its own, keys that mean nothing.
pub fn config_at(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "testkit");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// A client for a database at this URL.
pub fn client_at(endpoint: &str) -> Client {
    Client::new(&config_at(endpoint))
}

/// An empty table in memory, ready for a test.
pub struct TestDatabase {
    database: EmbeddedDatabase,
    client: Client,
}

/// The table's name in tests.
pub const TABLE: &str = "callcenter";

impl TestDatabase {
    /// Up, with its table.
    ///
    /// # Errors
    /// When the server or the table cannot be made.
    pub async fn start() -> Result<Self, DatabaseError> {
        let database = EmbeddedDatabase::in_memory().await?;
        let client = client_at(&database.endpoint());
        store::create_table(&client, TABLE).await.map_err(DatabaseError::Table)?;
        Ok(Self { database, client })
    }

    /// The server's URL.
    pub fn endpoint(&self) -> String {
        self.database.endpoint()
    }

    /// A client for it.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A store on its table, with an empty cache of its own.
    pub fn store(&self) -> Store {
        Self::store_through(&self.endpoint())
    }

    /// A store on its table that goes through another address, such as a fault proxy's.
    pub fn store_through(endpoint: &str) -> Store {
        Store::connect(&config_at(endpoint), TABLE)
    }
}
