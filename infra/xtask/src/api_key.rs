//! Makes an API key in the table that `TABLE_NAME` names, for an account that is there. The token is printed once; the
//! table keeps its hash.

use app::api_keys;
use app::clock::{Clock, SystemClock};
use app::ports::{ApiKey, Identity};
use domain::ids::{ApiKeyId, TenantId};
use store::Store;

/// Reads the options, makes the key, stores it.
pub fn run(options: &[&str]) -> Result<String, String> {
    let option = |name: &str| {
        let at = options.iter().position(|word| *word == name)?;
        options.get(at + 1).map(|value| (*value).to_owned())
    };
    let tenant: TenantId = option("--tenant")
        .ok_or("--tenant AC… is missing")?
        .parse()
        .map_err(|error: domain::ids::IdError| error.to_string())?;
    let name = option("--name").ok_or("--name \"what it is for\" is missing")?;
    let scopes = option("--scopes").unwrap_or_else(|| "*".to_owned());
    #[expect(clippy::disallowed_methods, reason = "a command line tool has no runtime settings")]
    let table = std::env::var("TABLE_NAME").map_err(|_| "TABLE_NAME is not set: which table?")?;

    let clock = SystemClock;
    let token = api_keys::new_token().map_err(|error| error.to_string())?;
    let key = ApiKey {
        id: ApiKeyId::from_uuid(clock.new_id()),
        tenant,
        name,
        scopes: scopes.split(',').map(str::to_owned).collect(),
        created_at: clock.now(),
        expires_at: None,
        last_used_at: None,
    };
    let tokio = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    tokio.block_on(async {
        let config = runtime::aws::config().await.map_err(|error| error.to_string())?;
        let store = Store::connect(&config, &table);
        if store.account(tenant).await.map_err(|error| error.to_string())?.is_none() {
            return Err(format!(
                "there is no account {tenant} in the table {table}. Accounts are opened by signing up \
                 (POST /api/auth/sign-up); GET /api/account tells an account's id"
            ));
        }
        store.store_api_key(&api_keys::hash(&token), &key).await.map_err(|error| error.to_string())
    })?;
    Ok(format!("{token}\nKeep it: it is not shown again. Id {}, scopes {}.", key.id, key.scopes.join(", ")))
}
