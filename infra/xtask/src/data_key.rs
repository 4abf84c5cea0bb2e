//! Makes another data key for tenants' secrets, under the KMS key that `VAULT_KEY_ID` names, in the table of `TABLE_NAME`.
//! What was sealed before stays and opens as before.

use std::sync::Arc;

use store::Store;
use vault::{AwsKms, DataVault, KmsKeys};

/// Makes it; the answer names it.
pub fn rotate() -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "a command line tool has no runtime settings")]
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (table, key_id) = (variable("TABLE_NAME")?, variable("VAULT_KEY_ID")?);
    let tokio = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let made = tokio.block_on(async {
        let config = runtime::aws::config().await.map_err(|error| error.to_string())?;
        let store = Arc::new(Store::connect(&config, table));
        let vault = DataVault::new(KmsKeys::new(Arc::new(AwsKms::connect(&config, key_id)), store));
        vault.rotate().await.map_err(|error| runtime::run::Chain(&error).to_string())
    })?;
    Ok(format!("The data key is {made} now. Functions seal with it from their next start on."))
}
