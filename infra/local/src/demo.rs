//! The demo tenant: who it is, its Twilio account, its API key. Made at the first start and kept beside the database.
//!
//! What must stay true: the secrets are random and made on this machine; the file is readable by its owner only.

use std::io::Write as _;
use std::path::Path;

use app::api_keys;
use app::clock::Clock;
use app::ports::{ApiKey, Identity};
use domain::ids::{AccountSid, ApiKeyId, TenantId};
use runtime::Cause;
use serde::{Deserialize, Serialize};

const FILE: &str = "demo.json";

/// The demo tenant.
#[derive(Clone, Serialize, Deserialize)]
pub struct Demo {
    /// Whose everything is.
    pub tenant: TenantId,
    /// Its simulated Twilio account.
    pub account_sid: AccountSid,
    /// Signs the simulator's webhooks, opens its REST API.
    pub auth_token: String,
    /// Opens our API.
    pub api_key: String,
    /// The bidder simulator's address when the bidders were made; empty before.
    #[serde(default)]
    pub bidders_at: String,
}

impl Demo {
    /// A new tenant.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(clock: &dyn Clock) -> Result<Self, Cause> {
        let random = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(|error| error.to_string());
        let (mut account, mut token) = ([0; 16], [0; 16]);
        random(&mut account)?;
        random(&mut token)?;
        Ok(Self {
            tenant: TenantId::from_uuid(clock.new_id()),
            account_sid: format!("AC{}", hex(&account)).parse()?,
            auth_token: hex(&token),
            api_key: api_keys::new_token().map_err(|error| error.to_string())?,
            bidders_at: String::new(),
        })
    }

    /// The tenant of a folder, made when there is none.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn of_folder(folder: &Path, clock: &dyn Clock) -> Result<Self, Cause> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                format!("{} cannot be read ({error}); `reset` starts anew", path.display()).into()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let demo = Self::new(clock)?;
                demo.save(folder)?;
                Ok(demo)
            }
            Err(error) => Err(format!("{} cannot be read: {error}", path.display()).into()),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), Cause> {
        write_private(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Lets the key in, with every scope. Doing it again changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn admit(&self, identity: &dyn Identity, clock: &dyn Clock) -> Result<(), Cause> {
        let hash = api_keys::hash(&self.api_key);
        if identity.api_key(&hash).await?.is_none() {
            let key = ApiKey {
                id: ApiKeyId::from_uuid(clock.new_id()),
                tenant: self.tenant,
                name: "demo".to_owned(),
                scopes: vec!["*".to_owned()],
                created_at: clock.now(),
                expires_at: None,
                last_used_at: None,
            };
            identity.store_api_key(&hash, &key).await?;
        }
        Ok(())
    }
}

/// Writes a whole file that only its owner may read.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Cause> {
    let unfinished = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
