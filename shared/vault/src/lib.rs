//! The vault: tenants' secrets sealed with AES-256-GCM under a data key of the installation.
//!
//! The data key is not in the table in a form that is of use: either KMS has encrypted it ([`KmsKeys`]), or it is in a file
//! beside ([`FileKeys`], for the local platform). It is decrypted once per process; sealing and opening cost no round trip
//! after that. What must stay true:
//!
//! * A sealed text opens only under the tenant and the purpose it was sealed for: both, and the data key's id, are bound to
//!   it as associated data.
//! * Nonces are random, 96 bits, one per sealing. At a million secrets a repetition has a chance of 2⁻⁵⁷.
//! * Several data keys may exist. The newest seals; a sealed text names the one that opens it. Pseudonyms are always made
//!   with the first one, so that they stay the same.
//! * Opening never makes a data key, so whoever only opens needs no permission to.
//! * Neither keys nor secrets are in a debug print or an error.

mod file;
mod keys;
mod kms;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use app::ports::{PortError, PortResult, Sealed, Vault};
use app::secret::Secret;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::TenantId;
use tokio::sync::Mutex;

pub use file::FileKeys;
pub use keys::{DataKey, KeyId, KeySource};
pub use kms::{AwsKms, Generated, KeyService, KmsKeys};

use keys::SEALED_FORM;

const SEAL: &str = "seal a secret";
const OPEN: &str = "open a sealed secret";
const PSEUDONYM: &str = "make a pseudonym";

/// Why a sealed text does not open. Says nothing about what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// Not `v1.<key id>.<base64url>`, or cut off.
    #[error("it has not the form of a sealed text")]
    Form,
    /// Its data key is none of this installation's.
    #[error("it was sealed with a data key that this installation does not have")]
    UnknownKey,
    /// The tag does not fit.
    #[error("it was changed, or sealed for another tenant or another purpose")]
    NotGenuine,
}

/// There is no data key, although one was just made or read.
#[derive(Debug, thiserror::Error)]
#[error("the installation has no data key")]
struct NoKey;

/// The vault over one source of data keys.
pub struct DataVault {
    source: Box<dyn KeySource>,
    /// Oldest first.
    ring: RwLock<Arc<Vec<DataKey>>>,
    loading: Mutex<()>,
}

impl fmt::Debug for DataVault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataVault").field("data_keys", &self.ring().len()).finish_non_exhaustive()
    }
}

impl DataVault {
    /// A vault whose data keys come from there. Nothing is asked yet.
    pub fn new(source: impl KeySource + 'static) -> Self {
        Self { source: Box::new(source), ring: RwLock::default(), loading: Mutex::new(()) }
    }

    /// Decrypts the data keys that exist, so that the first request need not wait for it. Makes none.
    ///
    /// # Errors
    /// The source does not answer.
    pub async fn warm_up(&self) -> PortResult<()> {
        self.ring_with(false, |ring| !ring.is_empty()).await.map(drop)
    }

    /// Makes a new data key, with which everything is sealed from now on by processes that start from now on. What was
    /// sealed before stays as it is and opens as before.
    ///
    /// # Errors
    /// The source does not answer, or somebody made a new one at the same moment.
    pub async fn rotate(&self) -> PortResult<KeyId> {
        let ring = self.ring_with(true, |ring| !ring.is_empty()).await?;
        let made = self.source.make_next(ring.len()).await?;
        self.ring_with(false, |ring| ring.len() > made.index()).await?;
        Ok(made)
    }

    fn ring(&self) -> Arc<Vec<DataKey>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The data keys, read (again) when those at hand are not enough. Many callers wait for one reading; a failed reading
    /// is forgotten, so the next caller tries again.
    async fn ring_with(
        &self,
        make: bool,
        enough: impl Fn(&[DataKey]) -> bool,
    ) -> PortResult<Arc<Vec<DataKey>>> {
        let ring = self.ring();
        if enough(&ring) {
            return Ok(ring);
        }
        let _one_at_a_time = self.loading.lock().await;
        let ring = self.ring();
        if enough(&ring) {
            return Ok(ring);
        }
        let mut all = Vec::clone(&ring);
        all.extend(self.source.keys_after(ring.len(), make).await?);
        let all = Arc::new(all);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = all.clone();
        Ok(all)
    }
}

#[async_trait]
impl Vault for DataVault {
    async fn seal(&self, tenant: TenantId, purpose: &str, secret: &Secret) -> PortResult<Sealed> {
        let ring = self.ring_with(true, |ring| !ring.is_empty()).await?;
        let key = ring.last().ok_or_else(|| PortError::failed(SEAL, NoKey))?;
        let bound = bound(key.id(), tenant, purpose);
        let bytes =
            key.seal(&bound, secret.expose().as_bytes()).map_err(|cause| PortError::failed(SEAL, cause))?;
        Ok(Sealed(format!("{SEALED_FORM}.{}.{}", key.id(), URL_SAFE_NO_PAD.encode(bytes))))
    }

    async fn open(&self, tenant: TenantId, purpose: &str, sealed: &Sealed) -> PortResult<Secret> {
        let corrupt = |why: Unopened| PortError::corrupt(OPEN, why);
        let (id, bytes) = parts(&sealed.0).ok_or_else(|| corrupt(Unopened::Form))?;
        let ring = self.ring_with(false, |ring| ring.len() > id.index()).await?;
        let key = ring.get(id.index()).ok_or_else(|| corrupt(Unopened::UnknownKey))?;
        let opened = key.open(&bound(id, tenant, purpose), bytes).map_err(corrupt)?;
        let text = String::from_utf8(opened).map_err(|_| corrupt(Unopened::NotGenuine))?;
        Ok(Secret::new(text))
    }

    async fn pseudonym(&self, tenant: TenantId, value: &str) -> PortResult<String> {
        let ring = self.ring_with(true, |ring| !ring.is_empty()).await?;
        let key = ring.first().ok_or_else(|| PortError::failed(PSEUDONYM, NoKey))?;
        let tag = key.keyed_hash(&[tenant.to_string().as_bytes(), b"\0", value.as_bytes()]);
        Ok(tag.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What a sealed text is bound to. Tenant and key id have fixed alphabets without NUL, and the purpose is last, so no two
/// bindings read the same.
fn bound(key: KeyId, tenant: TenantId, purpose: &str) -> Vec<u8> {
    format!("{SEALED_FORM}\0{key}\0{tenant}\0{purpose}").into_bytes()
}

fn parts(sealed: &str) -> Option<(KeyId, Vec<u8>)> {
    let rest = sealed.strip_prefix(SEALED_FORM)?.strip_prefix('.')?;
    let (key, text) = rest.split_once('.')?;
    Some((key.parse().ok()?, URL_SAFE_NO_PAD.decode(text).ok()?))
}
