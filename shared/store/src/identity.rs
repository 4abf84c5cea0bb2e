//! API keys, found by the SHA-256 of their token: the token itself is never stored.
//!
//! The key is returned also after its `expires_at`, because the broom is late and there is no clock here: whoever asks
//! compares.

use app::ports::{ApiKey, Identity, PortResult, Session};
use async_trait::async_trait;

use crate::Store;
use crate::item::{Draft, body, json};
use crate::keys;
use crate::read::unusable;

/// A SHA-256 as lower-case hex; nothing else may become part of a key.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[async_trait]
impl Identity for Store {
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>> {
        const WHAT: &str = "look up a session";
        if !is_hash(token_hash) {
            return Ok(None);
        }
        let item = self.get(WHAT, keys::session(token_hash)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>> {
        const WHAT: &str = "look up an API key";
        if !is_hash(token_hash) {
            return Ok(None);
        }
        let item = self.get(WHAT, keys::api_key(token_hash)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()> {
        const WHAT: &str = "store an API key";
        if !is_hash(token_hash) {
            return Err(unusable(WHAT, "the token's hash is not 64 lower-case hex digits"));
        }
        let draft = Draft::new(keys::api_key(token_hash), "api_key", Some(key.tenant));
        let mut draft = draft.with("body", json(WHAT, key)?);
        if let Some(end) = key.expires_at {
            draft = draft.expires(end);
        }
        self.put(WHAT, draft.build()).await
    }
}
