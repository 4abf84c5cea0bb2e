//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use app::lease_number::{ANSWER_WITHIN, LeaseNumber, Memory};
use aws_config::SdkConfig;
use dni_lookup::{Context, handle};
use runtime::{Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    serve(aws::config().await?).await
}

/// Runs until the process ends.
pub async fn serve(config: SdkConfig) -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let store = Arc::new(Store::connect(&config, &settings.table_name));
    warm_up("database connection", store.ping()).await;
    let vault = webhook::vault(&settings, &config, store.clone())?;
    warm_up("data key", vault.warm_up()).await;
    let context = Arc::new(Context {
        lease_number: LeaseNumber {
            tags: store.clone(),
            leases: store.clone(),
            visits: store,
            vault,
            clock: Arc::new(SystemClock),
            memory: Arc::new(Memory::default()),
            patience: ANSWER_WITHIN,
        },
    });
    run_http(move |request| handle(context.clone(), request)).await
}
