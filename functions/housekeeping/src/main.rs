//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use app::close_overdue::CloseOverdue;
use app::pools::SamplePools;
use app::twilio_accounts::Directory;
use housekeeping::{Context, handle};
use queue::SqsOutbox;
use runtime::{Cause, Settings, aws, logs, run_schedule, warm_up};
use store::Store;
use twilio::rest::{Pace, RestClient};
use twilio::telephony::TwilioTelephony;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Arc::new(Store::connect(&config, &settings.table_name));
    warm_up("database connection", store.ping()).await;
    let vault = webhook::vault(&settings, &config, store.clone())?;
    warm_up("data key", vault.warm_up()).await;
    let accounts = Directory::new(store.clone(), vault, Arc::new(SystemClock));
    let twilio = RestClient::new(&settings.twilio_api_base, Pace::default())?;
    let sample_pools =
        SamplePools { pools: store.clone(), catalog: store.clone(), clock: Arc::new(SystemClock) };
    let context = Arc::new(Context {
        sample_pools,
        close_overdue: CloseOverdue {
            calls: store.clone(),
            leases: store,
            postbacks: Arc::new(SqsOutbox::connect(&config, settings.postback_queue_url()?)),
            telephony: Arc::new(TwilioTelephony::new(twilio, Arc::new(accounts))),
            clock: Arc::new(SystemClock),
        },
    });
    run_schedule(move |tick| handle(context.clone(), tick)).await
}
