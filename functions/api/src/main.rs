//! Composes what the handlers need and runs them on Lambda.

use std::sync::Arc;

use api::context::Outside;
use api::{Context, handle, mailer, pages, router};
use objects::{BidArchive, Objects};
use queue::SqsOutbox;
use runtime::{ArchivePlace, Cause, Settings, aws, logs, run_http, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Store::connect(&config, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let store = Arc::new(store);
    let vault = webhook::vault(&settings, &config, store.clone())?;
    warm_up("data key", vault.warm_up()).await;
    let archive = match settings.archive_place()? {
        ArchivePlace::Bucket(bucket) => Objects::in_bucket(&config, bucket),
        ArchivePlace::Dir(folder) => Objects::in_folder(folder),
    };
    let outside = Outside {
        pages: pages::at(settings.fallback_place()?, &config),
        history: Arc::new(BidArchive::new(archive)),
        mailer: mailer::at(settings.mail_place()?, &config),
        vault,
        postbacks: Arc::new(SqsOutbox::connect(&config, settings.postback_queue_url()?)),
    };
    let context = Arc::new(Context::new(&settings, store, outside)?);
    let router = router(context.clone());
    run_http(move |request| handle(context.clone(), router.clone(), request)).await
}
