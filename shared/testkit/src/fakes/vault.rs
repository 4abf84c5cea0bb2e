//! Secrets that are none: sealing hides nothing, and keyed hashes have no key.

use app::ports::{PortError, PortResult, Sealed, Vault};
use app::secret::Secret;
use async_trait::async_trait;
use domain::ids::TenantId;
use sha1::{Digest, Sha1};

/// Seals and opens by tenant and purpose, and knows a value again, without any key.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeVault;

fn label(tenant: TenantId, purpose: &str) -> String {
    format!("fake.{tenant}.{purpose}.")
}

#[async_trait]
impl Vault for FakeVault {
    async fn seal(&self, tenant: TenantId, purpose: &str, secret: &Secret) -> PortResult<Sealed> {
        let reversed: String = secret.expose().chars().rev().collect();
        Ok(Sealed(label(tenant, purpose) + &reversed))
    }

    async fn open(&self, tenant: TenantId, purpose: &str, sealed: &Sealed) -> PortResult<Secret> {
        let reversed = sealed.0.strip_prefix(&label(tenant, purpose));
        let reversed =
            reversed.ok_or_else(|| PortError::failed("open a secret", "sealed for something else"))?;
        Ok(Secret::new(reversed.chars().rev().collect::<String>()))
    }

    async fn pseudonym(&self, tenant: TenantId, value: &str) -> PortResult<String> {
        let hash = Sha1::digest(format!("{tenant} {value}"));
        Ok(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}
