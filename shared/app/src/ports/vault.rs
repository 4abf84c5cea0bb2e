//! Keeping tenants' secrets: what is stored is encrypted, and the key is not in the table.

use async_trait::async_trait;
use domain::ids::TenantId;
use serde::{Deserialize, Serialize};

use super::PortResult;
use crate::secret::Secret;

/// A secret as it is stored: useless without the vault's key, the tenant and the purpose it was sealed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

/// Encrypts under a data key that is decrypted once per process; no round trip after that.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals a secret. `purpose` names its use (`twilio_token`, `totp_seed`): it opens only under the same tenant and
    /// purpose, so that a sealed text that is moved to another row is worthless.
    async fn seal(&self, tenant: TenantId, purpose: &str, secret: &Secret) -> PortResult<Sealed>;

    /// Opens what [`Vault::seal`] made. An error when it was changed, or sealed for another tenant or purpose.
    async fn open(&self, tenant: TenantId, purpose: &str, sealed: &Sealed) -> PortResult<Secret>;

    /// A keyed hash (32 lower-case hex digits) by which a personal value is recognised again, but not found out.
    async fn pseudonym(&self, tenant: TenantId, value: &str) -> PortResult<String>;
}
