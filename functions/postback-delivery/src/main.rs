//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use app::tell_trackers::TellTrackers;
use outbound::{AllowList, Outbound};
use postback_delivery::{Context, handle};
use runtime::{Cause, Settings, aws, logs, run_sqs, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Arc::new(Store::connect(&config, &settings.table_name));
    warm_up("database connection", store.ping()).await;
    let context = Arc::new(Context {
        tell_trackers: TellTrackers {
            calls: store.clone(),
            tags: store.clone(),
            visits: store.clone(),
            marks: store,
            trackers: Arc::new(Outbound::new(AllowList::parse(&settings.outbound_allow)?)?),
            clock: Arc::new(SystemClock),
        },
    });
    run_sqs(move |event| handle(context.clone(), event)).await
}
