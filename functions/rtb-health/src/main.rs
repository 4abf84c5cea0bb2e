//! Composes what the handler needs and runs it on Lambda.

use std::sync::Arc;

use app::check_bidders::CheckBidders;
use app::clock::SystemClock;
use app::ports::Mailer;
use app::watch_bidders::WatchBidders;
use mail::{FolderMailer, SesMailer};
use outbound::{AllowList, Outbound};
use rtb_health::{Context, handle};
use runtime::{Cause, MailPlace, Settings, aws, logs, run_schedule, warm_up};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Cause> {
    logs::init();
    let settings = Settings::from_env()?;
    let config = aws::config().await?;
    let store = Store::connect(&config, &settings.table_name);
    warm_up("database connection", store.ping()).await;
    let store = Arc::new(store);
    let mailer: Arc<dyn Mailer> = match settings.mail_place()? {
        MailPlace::Ses(from) => Arc::new(SesMailer::connect(&config, from.as_str())),
        MailPlace::Dir(folder) => Arc::new(FolderMailer::new(folder.as_path())),
    };
    let watch_bidders = WatchBidders {
        health: store.clone(),
        alerts: store.clone(),
        identity: store.clone(),
        mailer,
        clock: Arc::new(SystemClock),
        app_origin: settings.app_origin()?.to_owned(),
    };
    let context = Arc::new(Context {
        check_bidders: CheckBidders {
            health: store.clone(),
            catalog: store,
            bidders: Arc::new(Outbound::new(AllowList::parse(&settings.outbound_allow)?)?),
            then: Arc::new(watch_bidders),
            clock: Arc::new(SystemClock),
        },
    });
    run_schedule(move |tick| handle(context.clone(), tick)).await
}
