//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::bid_log::KeepBids;
use bid_log::{Context, handle};
use objects::{BidArchive, Objects};
use runtime::{ArchivePlace, Cause, Settings, aws, logs, run_sqs, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Store::connect(&config, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let archive = match settings.archive_place()? {
        ArchivePlace::Bucket(bucket) => Objects::in_bucket(&config, bucket),
        ArchivePlace::Dir(folder) => Objects::in_folder(folder),
    };
    let history = Arc::new(BidArchive::new(archive));
    let context = Arc::new(Context { keep_bids: KeepBids { log: Arc::new(store), history } });
    run_sqs(move |event| handle(context.clone(), event)).await
}
