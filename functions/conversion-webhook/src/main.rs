//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use conversion_webhook::handle;
use queue::SqsOutbox;
use reports::Reports;
use runtime::{Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Arc::new(Store::connect(&config, &settings.table_name));
    warm_up("database connection", store.ping()).await;
    let vault = webhook::vault(&settings, &config, store.clone())?;
    warm_up("data key", vault.warm_up()).await;
    let reports = Arc::new(Reports {
        vault,
        limiter: store.clone(),
        catalog: store.clone(),
        calls: store.clone(),
        books: store,
        postbacks: Arc::new(SqsOutbox::connect(&config, settings.postback_queue_url()?)),
        clock: Arc::new(SystemClock),
    });
    run_http(move |request| handle(reports.clone(), request)).await
}
