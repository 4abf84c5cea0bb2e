//! Data keys that KMS encrypted, kept in the table: neither alone opens anything.

use std::fmt;
use std::sync::Arc;

use app::ports::{PortError, PortResult, WrappedKey, WrappedKeys};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use crate::keys::{DataKey, KEY_LENGTH, KeyId, KeySource};

const GENERATE: &str = "make a data key with KMS";
const DECRYPT: &str = "decrypt a data key with KMS";
const READ: &str = "read the wrapped data keys";
const NEXT: &str = "make another data key";

/// Bound to every wrapped key: KMS decrypts it for this use only, and says so in its log.
const USE: (&str, &str) = ("use", "callcenter-pro tenant secrets");

/// A data key, plain and wrapped. Not for printing.
pub struct Generated {
    /// For use now.
    pub plain: [u8; KEY_LENGTH],
    /// For keeping.
    pub wrapped: Vec<u8>,
}

/// The two things we ask of a key management service.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// A new data key.
    async fn generate(&self) -> PortResult<Generated>;

    /// The plain form of a wrapped one.
    async fn decrypt(&self, wrapped: &[u8]) -> PortResult<[u8; KEY_LENGTH]>;
}

/// AWS KMS with one of its keys.
#[derive(Debug, Clone)]
pub struct AwsKms {
    client: Client,
    key_id: String,
}

/// The answer is not a key of 256 bits.
#[derive(Debug, thiserror::Error)]
#[error("KMS gave no data key of {KEY_LENGTH} bytes")]
struct NotAKey;

impl AwsKms {
    /// With this key (its id, ARN or alias).
    pub fn connect(config: &SdkConfig, key_id: impl Into<String>) -> Self {
        Self { client: Client::new(config), key_id: key_id.into() }
    }
}

fn plain(what: &'static str, blob: Option<Blob>) -> PortResult<[u8; KEY_LENGTH]> {
    let bytes = blob.map(Blob::into_inner).unwrap_or_default();
    <[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).map_err(|_| PortError::failed(what, NotAKey))
}

#[async_trait]
impl KeyService for AwsKms {
    async fn generate(&self) -> PortResult<Generated> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let answer = Box::pin(request.encryption_context(USE.0, USE.1).send()).await;
        let answer = answer.map_err(|cause| PortError::failed(GENERATE, cause))?;
        let wrapped = answer.ciphertext_blob.ok_or_else(|| PortError::failed(GENERATE, NotAKey))?;
        Ok(Generated { plain: plain(GENERATE, answer.plaintext)?, wrapped: wrapped.into_inner() })
    }

    async fn decrypt(&self, wrapped: &[u8]) -> PortResult<[u8; KEY_LENGTH]> {
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(wrapped));
        let answer = Box::pin(request.encryption_context(USE.0, USE.1).send()).await;
        plain(DECRYPT, answer.map_err(|cause| PortError::failed(DECRYPT, cause))?.plaintext)
    }
}

/// Data keys wrapped by a key management service.
pub struct KmsKeys {
    service: Arc<dyn KeyService>,
    rows: Arc<dyn WrappedKeys>,
}

impl fmt::Debug for KmsKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KmsKeys")
    }
}

/// A number is missing among the stored keys.
#[derive(Debug, thiserror::Error)]
#[error("the data key number {0} is missing")]
struct Gap(usize);

/// Somebody else was faster.
#[derive(Debug, thiserror::Error)]
#[error("another data key was made at the same moment; look whether one is enough")]
struct Overtaken;

impl KmsKeys {
    /// Keys wrapped by this service, kept there.
    pub fn new(service: Arc<dyn KeyService>, rows: Arc<dyn WrappedKeys>) -> Self {
        Self { service, rows }
    }

    async fn read(&self, known: usize) -> PortResult<Vec<DataKey>> {
        let rows = self.rows.wrapped_keys().await?;
        let mut keys = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let id = KeyId::numbered(row.number).filter(|id| id.index() == index);
            let id = id.ok_or_else(|| PortError::corrupt(READ, Gap(index + 1)))?;
            if index >= known {
                keys.push(DataKey::derive(id, &self.service.decrypt(&row.wrapped).await?)?);
            }
        }
        Ok(keys)
    }

    /// Makes the key after the first `known`; `None` when somebody else has made (or may have made) one meanwhile.
    async fn make(&self, known: usize) -> PortResult<Option<DataKey>> {
        let number = u32::try_from(known + 1).map_err(|cause| PortError::failed(NEXT, cause))?;
        let id = KeyId::numbered(number).ok_or_else(|| PortError::failed(NEXT, Gap(known + 1)))?;
        let generated = self.service.generate().await?;
        let kept = self.rows.keep_wrapped_key(&WrappedKey { number, wrapped: generated.wrapped }).await?;
        if kept { DataKey::derive(id, &generated.plain).map(Some) } else { Ok(None) }
    }
}

#[async_trait]
impl KeySource for KmsKeys {
    async fn keys_after(&self, known: usize, make: bool) -> PortResult<Vec<DataKey>> {
        let found = self.read(known).await?;
        if known > 0 || !found.is_empty() || !make {
            return Ok(found);
        }
        match self.make(0).await? {
            Some(key) => Ok(vec![key]),
            None => self.read(0).await,
        }
    }

    async fn make_next(&self, known: usize) -> PortResult<KeyId> {
        let made = self.make(known).await?;
        made.map(|key| key.id()).ok_or_else(|| PortError::failed(NEXT, Overtaken))
    }
}
