//! Composes what the handlers need and runs them on Lambda.

use std::sync::Arc;

use api::{Context, handle, pages, router};
use runtime::{Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;

#[tokio::main]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Store::connect(&config, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let pages = pages::at(settings.fallback_place()?, &config);
    let context = Arc::new(Context::new(&settings, Arc::new(store), pages)?);
    let router = router(context.clone());
    run_http(move |request| handle(context.clone(), router.clone(), request)).await
}
