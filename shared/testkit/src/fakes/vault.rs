//! The vault: what it seals cannot be read by eye, and opens only for the same tenant and purpose.

use app::ports::{PortError, PortResult, Sealed, Vault};
use app::secret::Secret;
use async_trait::async_trait;
use domain::ids::TenantId;

/// A vault without a key.
#[derive(Debug, Default)]
pub struct FakeVault;

fn label(tenant: TenantId, purpose: &str) -> String {
    format!("fake.{tenant}.{purpose}.")
}

#[async_trait]
impl Vault for FakeVault {
    async fn seal(&self, tenant: TenantId, purpose: &str, secret: &Secret) -> PortResult<Sealed> {
        let hex: String = secret.expose().bytes().map(|byte| format!("{:02x}", !byte)).collect();
        Ok(Sealed(format!("{}{hex}", label(tenant, purpose))))
    }

    async fn open(&self, tenant: TenantId, purpose: &str, sealed: &Sealed) -> PortResult<Secret> {
        let wrong = || PortError::corrupt("open a sealed secret", "it was sealed for something else");
        let hex = sealed.0.strip_prefix(&label(tenant, purpose)).ok_or_else(wrong)?;
        let bytes: Option<Vec<u8>> = (0..hex.len())
            .step_by(2)
            .map(|at| Some(!u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?))
            .collect();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
        Ok(Secret::new(text))
    }

    async fn pseudonym(&self, tenant: TenantId, value: &str) -> PortResult<String> {
        // FNV-1a over both, twice with another start: the same for the same, and no way back by looking.
        let hash = |start: u64| {
            let bytes = tenant.uuid().into_bytes().into_iter().chain(value.bytes());
            bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        Ok(format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x84222325_cbf29ce4)))
    }
}
