//! Composes what the handlers need and runs them on Lambda.

use std::sync::Arc;

use api::{Context, handle, pages, router};
use runtime::{Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;
use vault::{DataVault, FileKeys};

#[tokio::main]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Store::connect(&config, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let pages = pages::at(settings.fallback_place()?, &config);
    let key_file = std::env::var_os("VAULT_KEY_FILE").ok_or("VAULT_KEY_FILE is missing")?;
    let vault = Arc::new(DataVault::new(FileKeys::new(key_file)));
    let context = Arc::new(Context::new(&settings, Arc::new(store), pages, vault)?);
    let router = router(context.clone());
    run_http(move |request| handle(context.clone(), router.clone(), request)).await
}
