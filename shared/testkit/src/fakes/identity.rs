//! API keys and sessions.

use std::collections::HashMap;
use std::sync::Mutex;

use app::ports::{ApiKey, Identity, PortResult, Session};
use async_trait::async_trait;

use super::locked;

/// Keys and sessions by their token's hash.
#[derive(Debug, Default)]
pub struct FakeIdentity {
    keys: Mutex<HashMap<String, ApiKey>>,
    sessions: Mutex<HashMap<String, Session>>,
}

impl FakeIdentity {
    /// Signs somebody in.
    pub fn insert_session(&self, token_hash: &str, session: Session) {
        locked(&self.sessions).insert(token_hash.to_owned(), session);
    }
}

#[async_trait]
impl Identity for FakeIdentity {
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>> {
        Ok(locked(&self.sessions).get(token_hash).cloned())
    }

    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>> {
        Ok(locked(&self.keys).get(token_hash).cloned())
    }

    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()> {
        locked(&self.keys).insert(token_hash.to_owned(), key.clone());
        Ok(())
    }
}
