//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::clock::SystemClock;
use app::close_overdue::CloseOverdue;
use housekeeping::{Context, handle};
use runtime::{Cause, Settings, aws, logs, run_schedule, warm_up};
use store::Store;
use twilio::rest::{Pace, RestClient};
use twilio::telephony::TwilioTelephony;

#[tokio::main]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let store = Store::connect(&aws::config().await?, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let twilio = RestClient::new(&settings.twilio_api_base, Pace::default())?;
    let context = Arc::new(Context {
        close_overdue: CloseOverdue {
            calls: Arc::new(store),
            telephony: Arc::new(TwilioTelephony::new(twilio, settings.twilio_accounts()?.request_tokens())),
            clock: Arc::new(SystemClock),
        },
    });
    run_schedule(move |tick| handle(context.clone(), tick)).await
}
