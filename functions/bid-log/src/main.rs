//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::bid_log::KeepBids;
use bid_log::{Context, handle};
use runtime::{Cause, Settings, aws, logs, run_sqs, warm_up};
use store::Store;

#[tokio::main]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let store = Store::connect(&aws::config().await?, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let context = Arc::new(Context { keep_bids: KeepBids { log: Arc::new(store) } });
    run_sqs(move |event| handle(context.clone(), event)).await
}
