//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::answer_ping::AnswerPing;
use app::clock::SystemClock;
use outbound::{AllowList, Outbound};
use queue::SqsOutbox;
use rtb_inbound::{Context, handle};
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
    let context = Arc::new(Context {
        once: store.clone(),
        answer_ping: AnswerPing {
            accounts: store.clone(),
            bids: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            blocked: store.clone(),
            calls: store.clone(),
            numbers: store.clone(),
            limiter: store,
            bidders: Arc::new(Outbound::new(AllowList::parse(&settings.outbound_allow)?)?),
            outbox: Arc::new(SqsOutbox::connect(&config, settings.bid_log_queue_url()?)),
            vault,
            clock: Arc::new(SystemClock),
        },
    });
    run_http(move |request| handle(context.clone(), request)).await
}
