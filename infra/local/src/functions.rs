//! All functions, composed as each one's `main.rs` composes it, from the settings that the template gives it.
//!
//! What must stay true: a function gets no variable that the template does not give it, so that one missing there is missed
//! here; each has a store (and cache) of its own, as separate processes have.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::answer_call::AnswerCall;
use app::answer_ping::AnswerPing;
use app::bid_log::KeepBids;
use app::check_bidders::CheckBidders;
use app::clock::{Clock, SystemClock};
use app::close_overdue::CloseOverdue;
use app::dial_next::DialNext;
use app::follow_leg::FollowLeg;
use app::lease_number::{ANSWER_WITHIN, LeaseNumber, Memory};
use app::pools::SamplePools;
use app::ports::Mailer;
use app::run_auction::RunAuction;
use app::tell_trackers::TellTrackers;
use app::twilio_accounts::Directory;
use app::watch_bidders::WatchBidders;
use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::BoxFuture;
use mail::{Announce, FolderMailer};
use objects::{BidArchive, Objects};
use outbound::{AllowList, Outbound};
use queue::SqsOutbox;
use runtime::{ArchivePlace, Cause, HttpRequest, HttpResponse, MailPlace, Settings, Tick};
use store::Store;
use twilio::rest::{Pace, RestClient};
use twilio::telephony::TwilioTelephony;
use webhook::Door;

use crate::template::Template;
use crate::tracker::SimulatedTrackers;

type Http = dyn Fn(HttpRequest) -> BoxFuture<'static, HttpResponse> + Send + Sync;
type Sqs = dyn Fn(SqsEvent) -> BoxFuture<'static, SqsBatchResponse> + Send + Sync;
type Schedule = dyn Fn(Tick) -> BoxFuture<'static, Result<(), Cause>> + Send + Sync;

/// A function's handler over its composed context.
#[derive(Clone)]
pub enum Handler {
    /// Answers requests.
    Http(Arc<Http>),
    /// Consumes messages.
    Sqs(Arc<Sqs>),
    /// Works at ticks.
    Schedule(Arc<Schedule>),
}

/// Where the stand-ins for AWS are.
pub struct Services {
    /// For DynamoDB.
    pub database: SdkConfig,
    /// For SQS.
    pub queue: SdkConfig,
    /// Told of each e-mail, if anybody is.
    pub announce_mail: Option<Arc<Announce>>,
    /// Told instead of the tags' trackers.
    pub trackers: SimulatedTrackers,
}

/// Composes every function of the template.
///
/// # Errors
/// A function that this platform does not know, or a setting that is missing or wrong.
pub fn compose(
    template: &Template,
    environment: &BTreeMap<&str, String>,
    services: &Services,
) -> Result<BTreeMap<String, Handler>, Cause> {
    let mut handlers = BTreeMap::new();
    for (id, function) in &template.functions {
        let given = |variable: &str| {
            // What is a service of the cloud is a file or a folder here.
            let declared = match variable {
                "FALLBACK_DIR" => "FALLBACK_BUCKET",
                "ARCHIVE_DIR" => "ARCHIVE_BUCKET",
                "VAULT_KEY_FILE" => "VAULT_KEY_ID",
                "MAIL_DIR" => "MAIL_FROM",
                other => other,
            };
            function.variables.contains(declared).then(|| environment.get(variable).cloned()).flatten()
        };
        let settings = Settings::from_lookup(given).map_err(|error| format!("{id}: {error}"))?;
        let handler = one(id, &settings, services).map_err(|error| format!("{id}: {error}"))?;
        handlers.insert(id.clone(), handler);
    }
    Ok(handlers)
}

fn one(id: &str, settings: &Settings, services: &Services) -> Result<Handler, Cause> {
    let store = Arc::new(Store::connect(&services.database, &settings.table_name));
    Ok(match id {
        "VoiceInbound" => voice_inbound(settings, store, services)?,
        "RtbAuction" => rtb_auction(settings, store, services)?,
        "RtbInbound" => rtb_inbound(settings, store, services)?,
        "VoiceDialResult" => voice_dial_result(settings, store, services)?,
        "VoiceStatus" => voice_status(settings, store, services)?,
        "ConversionWebhook" => conversion_webhook(settings, store, services)?,
        "DniLookup" => dni_lookup(settings, store, services)?,
        "VisitEvents" => visit_events(settings, store, services)?,
        "Api" => api(settings, store, services)?,
        "BidLog" => {
            let history = Arc::new(archive(settings, services)?);
            let context = Arc::new(bid_log::Context { keep_bids: KeepBids { log: store, history } });
            Handler::Sqs(Arc::new(move |event| Box::pin(bid_log::handle(context.clone(), event))))
        }
        "PostbackDelivery" => postback_delivery(store, services),
        "RtbHealth" => rtb_health(settings, store, services)?,
        "Housekeeping" => housekeeping(settings, store, services)?,
        _ => return Err("the template has this function, but infra/local does not compose it".into()),
    })
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn postbacks(settings: &Settings, services: &Services) -> Result<Arc<SqsOutbox>, Cause> {
    Ok(Arc::new(SqsOutbox::connect(&services.queue, settings.postback_queue_url()?)))
}

fn door(settings: &Settings, store: &Arc<Store>, services: &Services) -> Result<Door, Cause> {
    let vault = webhook::vault(settings, &services.database, store.clone())?;
    Ok(webhook::door(settings, store.clone(), vault, clock())?)
}

fn voice_inbound(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let vault = webhook::vault(settings, &services.database, store.clone())?;
    let context = Arc::new(voice_inbound::Context {
        door: webhook::door(settings, store.clone(), vault.clone(), clock())?,
        answer_call: AnswerCall {
            numbers: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            bids: store.clone(),
            blocked: store.clone(),
            calls: store.clone(),
            leases: store.clone(),
            visits: store,
            postbacks: postbacks(settings, services)?,
            vault,
            clock: clock(),
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(voice_inbound::handle(context.clone(), request)))))
}

fn rtb_auction(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let vault = webhook::vault(settings, &services.database, store.clone())?;
    let context = Arc::new(rtb_auction::Context {
        door: webhook::door(settings, store.clone(), vault.clone(), clock())?,
        run_auction: RunAuction {
            limiter: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            calls: store,
            bidders: Arc::new(outbound(settings)?),
            outbox: Arc::new(SqsOutbox::connect(&services.queue, settings.bid_log_queue_url()?)),
            vault,
            clock: clock(),
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(rtb_auction::handle(context.clone(), request)))))
}

fn rtb_inbound(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = Arc::new(rtb_inbound::Context {
        once: store.clone(),
        answer_ping: AnswerPing {
            vault: webhook::vault(settings, &services.database, store.clone())?,
            accounts: store.clone(),
            bids: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            blocked: store.clone(),
            calls: store.clone(),
            numbers: store.clone(),
            limiter: store,
            bidders: Arc::new(outbound(settings)?),
            outbox: Arc::new(SqsOutbox::connect(&services.queue, settings.bid_log_queue_url()?)),
            clock: clock(),
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(rtb_inbound::handle(context.clone(), request)))))
}

fn voice_dial_result(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = Arc::new(voice_dial_result::Context {
        door: door(settings, &store, services)?,
        dial_next: DialNext {
            published: store.clone(),
            counters: store.clone(),
            calls: store.clone(),
            leases: store,
            postbacks: postbacks(settings, services)?,
            clock: clock(),
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(voice_dial_result::handle(context.clone(), request)))))
}

fn voice_status(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = Arc::new(voice_status::Context {
        door: door(settings, &store, services)?,
        follow_leg: FollowLeg {
            numbers: store.clone(),
            calls: store.clone(),
            leases: store,
            postbacks: postbacks(settings, services)?,
            clock: clock(),
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(voice_status::handle(context.clone(), request)))))
}

fn dni_lookup(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let vault = webhook::vault(settings, &services.database, store.clone())?;
    let context = Arc::new(dni_lookup::Context {
        lease_number: LeaseNumber {
            tags: store.clone(),
            leases: store.clone(),
            visits: store,
            vault,
            clock: clock(),
            memory: Arc::new(Memory::default()),
            patience: ANSWER_WITHIN,
        },
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(dni_lookup::handle(context.clone(), request)))))
}

fn reports(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<reports::Reports, Cause> {
    Ok(reports::Reports {
        vault: webhook::vault(settings, &services.database, store.clone())?,
        limiter: store.clone(),
        catalog: store.clone(),
        calls: store.clone(),
        books: store,
        postbacks: postbacks(settings, services)?,
        clock: clock(),
    })
}

fn visit_events(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = Arc::new(visit_events::Context {
        tags: store.clone(),
        visits: store.clone(),
        reports: reports(settings, store, services)?,
    });
    Ok(Handler::Http(Arc::new(move |request| Box::pin(visit_events::handle(context.clone(), request)))))
}

fn postback_delivery(store: Arc<Store>, services: &Services) -> Handler {
    let context = Arc::new(postback_delivery::Context {
        tell_trackers: TellTrackers {
            calls: store.clone(),
            tags: store.clone(),
            visits: store.clone(),
            marks: store,
            trackers: Arc::new(services.trackers.clone()),
            clock: clock(),
        },
    });
    Handler::Sqs(Arc::new(move |event| Box::pin(postback_delivery::handle(context.clone(), event))))
}

fn conversion_webhook(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = Arc::new(reports(settings, store, services)?);
    Ok(Handler::Http(Arc::new(move |request| Box::pin(conversion_webhook::handle(context.clone(), request)))))
}

fn archive(settings: &Settings, services: &Services) -> Result<BidArchive, Cause> {
    Ok(BidArchive::new(match settings.archive_place()? {
        ArchivePlace::Bucket(bucket) => Objects::in_bucket(&services.database, bucket),
        ArchivePlace::Dir(folder) => Objects::in_folder(folder),
    }))
}

fn mailer(settings: &Settings, services: &Services) -> Result<Arc<dyn Mailer>, Cause> {
    Ok(match (settings.mail_place()?, &services.announce_mail) {
        (MailPlace::Dir(folder), Some(announce)) => {
            let announce = announce.clone();
            Arc::new(FolderMailer::new(folder.as_path()).announcing(move |line| announce(line)))
        }
        (place, _) => api::mailer::at(place, &services.database),
    })
}

/// What the API works with; the platform itself does some deeds with it, too.
///
/// # Errors
/// A setting is missing or cannot be used.
pub fn api_context(
    settings: &Settings,
    store: Arc<Store>,
    services: &Services,
) -> Result<Arc<api::Context>, Cause> {
    let outside = api::context::Outside {
        pages: api::pages::at(settings.fallback_place()?, &services.database),
        history: Arc::new(archive(settings, services)?),
        mailer: mailer(settings, services)?,
        vault: webhook::vault(settings, &services.database, store.clone())?,
        postbacks: postbacks(settings, services)?,
    };
    Ok(Arc::new(api::Context::new(settings, store, outside)?))
}

fn api(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let context = api_context(settings, store, services)?;
    let router = api::router(context.clone());
    Ok(Handler::Http(Arc::new(move |request| {
        Box::pin(api::handle(context.clone(), router.clone(), request))
    })))
}

fn rtb_health(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let watch_bidders = WatchBidders {
        health: store.clone(),
        alerts: store.clone(),
        identity: store.clone(),
        mailer: mailer(settings, services)?,
        clock: clock(),
        app_origin: settings.app_origin()?.to_owned(),
    };
    let context = Arc::new(rtb_health::Context {
        check_bidders: CheckBidders {
            health: store.clone(),
            catalog: store,
            bidders: Arc::new(outbound(settings)?),
            then: Arc::new(watch_bidders),
            clock: clock(),
        },
    });
    Ok(Handler::Schedule(Arc::new(move |tick| Box::pin(rtb_health::handle(context.clone(), tick)))))
}

fn housekeeping(settings: &Settings, store: Arc<Store>, services: &Services) -> Result<Handler, Cause> {
    let twilio = RestClient::new(&settings.twilio_api_base, Pace::default())?;
    let vault = webhook::vault(settings, &services.database, store.clone())?;
    let accounts = Directory::new(store.clone(), vault, clock());
    let sample_pools = SamplePools { pools: store.clone(), catalog: store.clone(), clock: clock() };
    let context = Arc::new(housekeeping::Context {
        sample_pools,
        close_overdue: CloseOverdue {
            calls: store.clone(),
            leases: store,
            postbacks: postbacks(settings, services)?,
            telephony: Arc::new(TwilioTelephony::new(twilio, Arc::new(accounts))),
            clock: clock(),
        },
    });
    Ok(Handler::Schedule(Arc::new(move |tick| Box::pin(housekeeping::handle(context.clone(), tick)))))
}

fn outbound(settings: &Settings) -> Result<Outbound, Cause> {
    Ok(Outbound::new(AllowList::parse(&settings.outbound_allow)?)?)
}
