//! A vault whose key everybody knows.

use app::api_keys;
use app::ports::{PortError, PortResult, Sealed, Vault};
use app::secret::Secret;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::TenantId;

/// Seals reversibly, so that neither the text nor its usual encodings can be seen in what is sealed.
#[derive(Debug, Default, Clone, Copy)]
pub struct FakeVault;

fn mask(tenant: TenantId, purpose: &str, bytes: &[u8]) -> Vec<u8> {
    let key = api_keys::hash(&format!("{tenant}/{purpose}"));
    bytes.iter().zip(key.bytes().cycle()).map(|(byte, key)| byte ^ key ^ 0x80).collect()
}

#[async_trait]
impl Vault for FakeVault {
    async fn seal(&self, tenant: TenantId, purpose: &str, secret: &Secret) -> PortResult<Sealed> {
        let mark = &api_keys::hash(&format!("{tenant}/{purpose}"))[..8];
        let masked = mask(tenant, purpose, secret.expose().as_bytes());
        Ok(Sealed(format!("{mark}.{}", STANDARD.encode(masked))))
    }

    async fn open(&self, tenant: TenantId, purpose: &str, sealed: &Sealed) -> PortResult<Secret> {
        const WHAT: &str = "open a sealed secret";
        let mark = &api_keys::hash(&format!("{tenant}/{purpose}"))[..8];
        let text = sealed.0.strip_prefix(mark).and_then(|rest| rest.strip_prefix('.'));
        let text = text.ok_or_else(|| PortError::failed(WHAT, "sealed for something else"))?;
        let masked = STANDARD.decode(text).map_err(|cause| PortError::corrupt(WHAT, cause))?;
        let plain = String::from_utf8(mask(tenant, purpose, &masked));
        plain.map(Secret::new).map_err(|cause| PortError::corrupt(WHAT, cause))
    }

    async fn pseudonym(&self, tenant: TenantId, value: &str) -> PortResult<String> {
        Ok(api_keys::hash(&format!("{tenant}/pseudonym/{value}"))[..32].to_owned())
    }
}
