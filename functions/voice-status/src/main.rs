//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use app::follow_leg::FollowLeg;
use queue::SqsOutbox;
use runtime::{Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;
use voice_status::{Context, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Arc::new(Store::connect(&config, &settings.table_name));
    warm_up("database connection", store.ping()).await;
    let vault = webhook::vault(&settings, &config, store.clone())?;
    warm_up("data key", vault.warm_up()).await;
    let context = Arc::new(Context {
        door: webhook::door(&settings, store.clone(), vault, Arc::new(SystemClock))?,
        follow_leg: FollowLeg {
            numbers: store.clone(),
            calls: store.clone(),
            leases: store,
            postbacks: Arc::new(SqsOutbox::connect(&config, settings.postback_queue_url()?)),
            clock: Arc::new(SystemClock),
        },
    });
    run_http(move |request| handle(context.clone(), request)).await
}
