//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::check_bidders::CheckBidders;
use app::clock::SystemClock;
use outbound::{AllowList, Outbound};
use rtb_health::{Context, handle};
use runtime::{Cause, Settings, aws, logs, run_schedule, warm_up};
use store::Store;

#[tokio::main]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let store = Store::connect(&aws::config().await?, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let store = Arc::new(store);
    let context = Arc::new(Context {
        check_bidders: CheckBidders {
            health: store.clone(),
            catalog: store,
            bidders: Arc::new(Outbound::new(AllowList::parse(&settings.outbound_allow)?)?),
            clock: Arc::new(SystemClock),
        },
    });
    run_schedule(move |tick| handle(context.clone(), tick)).await
}
