//! API keys.

use std::collections::HashMap;
use std::sync::Mutex;

use app::ports::{ApiKey, Identity, PortResult};
use async_trait::async_trait;

use super::locked;

/// Keys by their token's hash.
#[derive(Debug, Default)]
pub struct FakeIdentity(Mutex<HashMap<String, ApiKey>>);

#[async_trait]
impl Identity for FakeIdentity {
    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>> {
        Ok(locked(&self.0).get(token_hash).cloned())
    }

    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()> {
        locked(&self.0).insert(token_hash.to_owned(), key.clone());
        Ok(())
    }
}
