//! The demo tenant: who it is, its owner, its API key; and the simulated Twilio accounts. Made at the first start and kept
//! beside the database.
//!
//! What must stay true: the secrets are random and made on this machine; the file is readable by its owner only.

use std::io::Write as _;
use std::path::Path;

use app::api_keys;
use app::clock::Clock;
use app::identity::sign_up::{self, SignUp};
use app::identity::{NotDone, Tools, Visitor};
use app::ports::{ApiKey, Identity};
use app::secret::Secret;
use domain::audit::{Actor, By, Origin};
use domain::ids::{AccountSid, ApiKeyId, TenantId};
use domain::money::Currency;
use domain::people::AccountSettings;
use runtime::Cause;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const FILE: &str = "demo.json";
/// Who owns the demo account. Nobody's address.
const OWNER: &str = "owner@demo.example";

/// A simulated Twilio account.
#[derive(Clone, Serialize, Deserialize)]
pub struct TwilioAccount {
    /// `AC…`
    pub account_sid: AccountSid,
    /// Signs the simulator's webhooks, opens its REST API.
    pub auth_token: String,
}

impl TwilioAccount {
    fn new() -> Result<Self, Cause> {
        Ok(Self { account_sid: format!("AC{}", random_hex()?).parse()?, auth_token: random_hex()? })
    }
}

/// The demo tenant.
#[derive(Clone, Serialize, Deserialize)]
pub struct Demo {
    /// Whose everything is.
    pub tenant: TenantId,
    /// Who signs in as its owner.
    pub owner_email: String,
    /// With which password.
    pub owner_password: String,
    /// Its simulated Twilio account.
    #[serde(flatten)]
    pub twilio: TwilioAccount,
    /// Another one, for an account that somebody opens themselves.
    pub spare: TwilioAccount,
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
        Ok(Self {
            tenant: TenantId::from_uuid(clock.new_id()),
            owner_email: OWNER.to_owned(),
            owner_password: random_hex()?,
            twilio: TwilioAccount::new()?,
            spare: TwilioAccount::new()?,
            api_key: api_keys::new_token().map_err(|error| error.to_string())?,
            bidders_at: String::new(),
        })
    }

    /// The tenant of a folder. What its file does not have is made and kept: everything at the first start, later only what
    /// an earlier version did not have.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn of_folder(folder: &Path, clock: &dyn Clock) -> Result<Self, Cause> {
        let path = folder.join(FILE);
        let unreadable = |error: serde_json::Error| {
            Cause::from(format!("{} cannot be read ({error}); `reset` starts anew", path.display()))
        };
        let known: Map<String, Value> = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(unreadable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display()).into()),
        };
        let mut whole = serde_json::to_value(Self::new(clock)?)?;
        if let Some(whole) = whole.as_object_mut() {
            whole.extend(known);
        }
        let demo: Self = serde_json::from_value(whole).map_err(unreadable)?;
        demo.save(folder)?;
        Ok(demo)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), Cause> {
        write_private(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Opens the account for its owner, as signing up does. Doing it again changes nothing.
    ///
    /// # Errors
    /// The database does not answer, or somebody else signs in with the owner's address.
    pub async fn open_account(&self, tools: &Tools<'_>) -> Result<(), Cause> {
        if tools.identity.account(self.tenant).await?.is_some() {
            return Ok(());
        }
        let sign_up = SignUp {
            email: self.owner_email.parse()?,
            name: "Demo owner".to_owned(),
            settings: AccountSettings {
                name: "Demo".to_owned(),
                currency: Currency::USD,
                time_zone: "America/New_York".to_owned(),
            },
        };
        let visitor = Visitor { by: By { actor: Actor::Visitor, origin: Origin::default() }, address: None };
        let not_opened = |not_done| match not_done {
            NotDone::Refused(why) => Cause::from(format!("the demo account cannot be opened: {why:?}")),
            NotDone::Failed(error) => error.into(),
        };
        let token = sign_up::prepare(tools, self.tenant, sign_up).await.map_err(not_opened)?;
        let password = Secret::new(self.owner_password.clone());
        sign_up::confirm(tools, &visitor, &token, &password).await.map_err(not_opened).map(drop)
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

/// 32 hexadecimal digits by chance.
fn random_hex() -> Result<String, Cause> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
