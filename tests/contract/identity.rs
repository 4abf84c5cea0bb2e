//! API keys are found by the fingerprint of their token.

use app::ports::{ApiKey, Identity};

use crate::support::*;

#[tokio::test]
async fn a_key_is_found_by_its_tokens_hash_only() {
    let database = database().await;
    let store = database.store();
    let key = ApiKey {
        id: id(1),
        tenant: tenant(),
        name: "for the tests".to_owned(),
        scopes: vec!["calls:read".to_owned()],
        created_at: noon(),
        expires_at: Some(after(5)),
        last_used_at: None,
    };
    let hash = "0123456789abcdef".repeat(4);
    store.store_api_key(&hash, &key).await.expect("stored");
    assert_eq!(store.api_key(&hash).await.expect("a read"), Some(key.clone()));
    for other in [String::new(), "f".repeat(64), hash.to_uppercase(), format!("{hash}#")] {
        assert_eq!(store.api_key(&other).await.expect("a read"), None);
    }
    assert!(store.store_api_key("plain token", &key).await.is_err());
}
