//! Putting it together, and taking it apart in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app::clock::{Clock, SystemClock};
use axum::Router;
use domain::ids::TenantId;
use runtime::{Cause, Settings};
use store::Store;
use testkit::bidders::{BidderSimulator, RunningBidders};
use testkit::database::EmbeddedDatabase;
use testkit::faults::FaultProxy;
use testkit::phone::PhoneNetwork;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::client::ApiClient;
use crate::demo::Demo;
use crate::functions::{self, Services};
use crate::gateway::Gateway;
use crate::lambda::Lambda;
use crate::listen::{self, Listeners};
use crate::options::{Options, Schedules, Storage};
use crate::queue::{self, DeadLetter, Queues, Source};
use crate::routes::Routes;
use crate::serve::Server;
use crate::simulator::Networks;
use crate::template::{Event, TEMPLATE, Template};
use crate::tracker::SimulatedTrackers;
use crate::{fallback, number_script, schedules, seed, shop, simulator, spare};

/// The product's table.
const TABLE: &str = "callcenter";
const DATABASE_FILE: &str = "callcenter.db";
const FALLBACK_FOLDER: &str = "fallback";
/// What stays when the table has forgotten it, as files.
const ARCHIVE_FOLDER: &str = "archive";
const KEY_FILE: &str = "vault.key";
const MAIL_FOLDER: &str = "mail";
const BID_LOG_QUEUE: &str = "BidLogQueue";
const POSTBACK_QUEUE: &str = "PostbackQueue";

/// A running platform.
pub struct Platform {
    demo: Demo,
    folder: PathBuf,
    api_address: SocketAddr,
    routes: Routes,
    beside: Router,
    gateway: Mutex<Option<Server>>,
    lambda: Lambda,
    fallback: Server,
    phone_server: Server,
    networks: Networks,
    bidders: RunningBidders,
    queue_server: Server,
    queues: Queues,
    database: EmbeddedDatabase,
    faults: Option<FaultProxy>,
    store: Store,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    temporary: Option<TemporaryFolder>,
}

/// Goes away with the platform, however that ends.
struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Everything that exists before the functions do.
struct Ground {
    demo: Demo,
    folder: PathBuf,
    temporary: Option<TemporaryFolder>,
    database: EmbeddedDatabase,
    faults: Option<FaultProxy>,
    services: Services,
    store: Store,
    queues: Queues,
}

/// What answers at the API's address beside the functions: the number script; a page with it (`/_sim/shop`); what trackers were
/// told (`/_sim/postbacks`); and the simulated bidders (`/_sim/rtb/{scenario}`), for whoever wants to see what they say.
/// Auctions ask them at their own address, the only one that is allowed.
fn beside(bidders: &RunningBidders, trackers: &SimulatedTrackers, api: ApiClient) -> Router {
    bidders.router().merge(number_script::router()).merge(trackers.router()).merge(shop::router(api))
}

fn front(routes: &Routes, lambda: &Lambda, beside: &Router) -> Router {
    Gateway::new(routes.clone(), lambda.clone()).router().merge(beside.clone())
}

impl Platform {
    /// Starts one; it answers when this returns.
    ///
    /// # Errors
    /// What could not be had, in words for a person.
    pub async fn start(options: Options) -> Result<Self, Cause> {
        let template = Template::parse(TEMPLATE)?;
        let listeners = Listeners::bind(options.ports).await?;
        let queue_url = format!("http://{}", listeners.queue.local_addr()?);
        let mut ground = lay(&options, listeners.database_port, &queue_url).await?;

        let networks = Networks::new(&ground.demo, options.time_scale);
        let phone_server = Server::start(listeners.phone, simulator::router(&networks))?;
        let bidders = BidderSimulator::new().serve(listeners.bidders)?;
        let fallback_folder = ground.folder.join(FALLBACK_FOLDER);
        let fallback = Server::start(listeners.fallback, fallback::router(&fallback_folder))?;
        let queue_server = Server::start(listeners.queue, queue::router(ground.queues.clone()))?;

        let api_address = listeners.api.local_addr()?;
        let environment = BTreeMap::from([
            ("STAGE", "local".to_owned()),
            ("TABLE_NAME", TABLE.to_owned()),
            ("PUBLIC_BASE_URL", format!("http://{api_address}")),
            ("API_REQUESTS_PER_MINUTE", options.api_requests_per_minute.to_string()),
            ("FALLBACK_BASE_URL", format!("http://{}{}", fallback.address(), fallback::PATH)),
            ("FALLBACK_DIR", fallback_folder.to_string_lossy().into_owned()),
            ("ARCHIVE_DIR", ground.folder.join(ARCHIVE_FOLDER).to_string_lossy().into_owned()),
            ("BID_LOG_QUEUE_URL", format!("{queue_url}/000000000000/{BID_LOG_QUEUE}")),
            ("POSTBACK_QUEUE_URL", format!("{queue_url}/000000000000/{POSTBACK_QUEUE}")),
            ("VAULT_KEY_FILE", ground.folder.join(KEY_FILE).to_string_lossy().into_owned()),
            ("MAIL_DIR", ground.folder.join(MAIL_FOLDER).to_string_lossy().into_owned()),
            ("APP_ORIGIN", format!("http://{api_address}")),
            ("TWILIO_API_BASE", format!("http://{}", phone_server.address())),
            ("OUTBOUND_ALLOW", allowed(&bidders, &options)),
        ]);
        let lambda = Lambda::new(functions::compose(&template, &environment, &ground.services)?, &template);
        let routes = Routes::of(&template);
        let api = ApiClient::new(&format!("http://{api_address}"), &ground.demo.api_key)?;
        let beside = beside(&bidders, &ground.services.trackers, api.clone());
        let gateway = Server::start(listeners.api, front(&routes, &lambda, &beside))?;

        let settings = Settings::from_lookup(|variable| environment.get(variable).cloned())?;
        let context = functions::api_context(&settings, Arc::new(ground.store.clone()), &ground.services)?;
        ground.demo.open_account(&context.identity_tools()).await?;
        furnish(&mut ground, &options, &api, &networks.demo, &bidders.address().to_string()).await?;
        spare::ring_again(&context, &ground.demo.spare.account_sid, &networks.spare).await?;

        let stop = watch::Sender::new(false);
        let tasks = background(&template, &options, &ground.queues, &lambda, &stop);
        Ok(Self {
            demo: ground.demo,
            folder: ground.folder,
            api_address,
            routes,
            beside,
            gateway: Mutex::new(Some(gateway)),
            lambda,
            fallback,
            phone_server,
            networks,
            bidders,
            queue_server,
            queues: ground.queues,
            database: ground.database,
            faults: ground.faults,
            store: ground.store,
            stop,
            tasks,
            temporary: ground.temporary,
        })
    }

    /// Where the API and Twilio's webhooks are.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api_address)
    }

    /// Where the static documents are.
    pub fn fallback_url(&self) -> String {
        format!("http://{}{}", self.fallback.address(), fallback::PATH)
    }

    /// Where Twilio's REST API is simulated, and calls are placed (`/_sim/calls`).
    pub fn phone_url(&self) -> String {
        format!("http://{}", self.phone_server.address())
    }

    /// Where the embedded DynamoDB is, without the fault layer.
    pub fn database_url(&self) -> String {
        self.database.endpoint()
    }

    /// The simulated telephone network of the demo tenant's Twilio account.
    pub fn phone(&self) -> &PhoneNetwork {
        &self.networks.demo
    }

    /// The simulated telephone network of the spare Twilio account.
    pub fn spare_phone(&self) -> &PhoneNetwork {
        &self.networks.spare
    }

    /// The simulated bidders.
    pub fn bidders(&self) -> &RunningBidders {
        &self.bidders
    }

    /// The fault layer, when it was asked for.
    pub fn faults(&self) -> Option<&FaultProxy> {
        self.faults.as_ref()
    }

    /// The product's table, without the fault layer.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The file with the data key of tenants' secrets; not in the database.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join(KEY_FILE)
    }

    /// The folder of the e-mails that were sent.
    pub fn mail_folder(&self) -> PathBuf {
        self.folder.join(MAIL_FOLDER)
    }

    /// The demo tenant.
    pub fn tenant(&self) -> TenantId {
        self.demo.tenant
    }

    /// The demo tenant's API key, with every scope.
    pub fn api_key(&self) -> &str {
        &self.demo.api_key
    }

    /// With what the demo tenant's owner signs in: e-mail address and password.
    pub fn demo_owner(&self) -> (&str, &str) {
        (&self.demo.owner_email, &self.demo.owner_password)
    }

    /// The AccountSid and the auth token of the demo tenant's simulated Twilio account.
    pub fn twilio_account(&self) -> (&str, &str) {
        (self.demo.twilio.account_sid.as_str(), &self.demo.twilio.auth_token)
    }

    /// The same of the spare one, which an account that somebody opens themselves can connect.
    pub fn spare_twilio_account(&self) -> (&str, &str) {
        (self.demo.spare.account_sid.as_str(), &self.demo.spare.auth_token)
    }

    /// What `infra/first-call.md` needs to know of this platform: variables and their values.
    pub fn first_call_variables(&self) -> [(&'static str, String); 5] {
        let (account_sid, auth_token) = self.spare_twilio_account();
        let mail = self.mail_folder();
        let mail = std::path::absolute(&mail).unwrap_or(mail);
        [
            ("API", self.api_url()),
            ("PHONE", self.phone_url()),
            ("MAIL", mail.to_string_lossy().into_owned()),
            ("TWILIO_SID", account_sid.to_owned()),
            ("TWILIO_TOKEN", auth_token.to_owned()),
        ]
    }

    /// A client of the API with the demo key.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn api(&self) -> Result<ApiClient, Cause> {
        ApiClient::new(&self.api_url(), self.api_key())
    }

    /// `POST /a/{b}` and its function, for every route.
    pub fn routes(&self) -> impl Iterator<Item = (String, &str)> {
        self.routes.listed()
    }

    /// Runs a scheduled function now, by its logical id.
    ///
    /// # Errors
    /// There is none, or its work failed.
    pub async fn tick(&self, function: &str) -> Result<(), Cause> {
        schedules::tick(function, &self.lambda).await
    }

    /// Waits until the bid log's queue is empty; `false` when it is not by then.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn queue_drained(&self, within: Duration) -> Result<bool, Cause> {
        let until = tokio::time::Instant::now() + within;
        while self.queues.length(BID_LOG_QUEUE).await? > 0 {
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(true)
    }

    /// The queues, for tests that put something into them.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// What the bid log's consumer could not store.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Cause> {
        self.queues.dead_letters("BidLogDeadLetters").await
    }

    /// Kills the API and all functions, as if their process had died: connections break, nothing under way goes on. The
    /// telephone network and the static documents stay.
    pub async fn kill_api(&self) {
        let gateway = self.gateway.lock().await.take();
        if let Some(gateway) = gateway {
            gateway.kill().await;
        }
        self.lambda.kill();
    }

    /// Brings the API back at its address.
    ///
    /// # Errors
    /// Somebody else took its port meanwhile.
    pub async fn restart_api(&self) -> Result<(), Cause> {
        let mut gateway = self.gateway.lock().await;
        if gateway.is_none() {
            let listener = listen::take(self.api_address.port(), "API").await?;
            self.lambda.revive();
            *gateway = Some(Server::start(listener, front(&self.routes, &self.lambda, &self.beside))?);
        }
        Ok(())
    }

    /// Ends it in order: what was asked is answered, what was begun is finished, what was acknowledged is kept.
    pub async fn shutdown(mut self) {
        if let Some(gateway) = self.gateway.lock().await.take() {
            gateway.stop().await;
        }
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.lambda.idle().await;
        self.queue_server.stop().await;
        // A call that is still simulated cannot go on: its other side is gone.
        self.phone_server.kill().await;
        self.fallback.kill().await;
        self.bidders.stop().await;
        drop(self.faults.take());
        self.database.stop().await;
        drop(self.temporary.take());
    }
}

/// Whom functions may ask: the simulated bidders, and whoever else was named.
fn allowed(bidders: &RunningBidders, options: &Options) -> String {
    let simulated = bidders.address().to_string();
    std::iter::once(simulated).chain(options.reaches.iter().cloned()).collect::<Vec<_>>().join(",")
}

async fn lay(options: &Options, database_port: u16, queue_url: &str) -> Result<Ground, Cause> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (folder, temporary, demo, database) = match &options.storage {
        Storage::Memory => {
            let folder = std::env::temp_dir().join(format!("callcenter-{}", clock.new_id().simple()));
            tokio::fs::create_dir_all(&folder).await?;
            (
                folder.clone(),
                Some(TemporaryFolder(folder)),
                Demo::new(clock.as_ref())?,
                EmbeddedDatabase::in_memory().await?,
            )
        }
        Storage::Folder(folder) => {
            let failed = |error| format!("the folder {} cannot be made: {error}", folder.display());
            tokio::fs::create_dir_all(folder).await.map_err(failed)?;
            let demo = Demo::of_folder(folder, clock.as_ref())?;
            let database = EmbeddedDatabase::on_file(&folder.join(DATABASE_FILE), database_port).await?;
            (folder.clone(), None, demo, database)
        }
    };
    let direct = runtime::aws::config_for_stand_in(&database.endpoint()).await?;
    store::create_table(&aws_sdk_dynamodb::Client::new(&direct), TABLE).await?;
    let store = Store::connect(&direct, TABLE);
    demo.admit(&store, clock.as_ref()).await?;
    let faults = match options.faults {
        Some(seed) => Some(FaultProxy::before(&database.endpoint(), seed).await?),
        None => None,
    };
    let through = match &faults {
        Some(faults) => runtime::aws::config_for_stand_in(&faults.endpoint()).await?,
        None => direct.clone(),
    };
    let queue = runtime::aws::config_for_stand_in(queue_url).await?;
    let queues = Queues::open(&direct, clock).await?;
    let announce_mail = options.announce_mail.clone();
    let services =
        Services { database: through, queue, announce_mail, trackers: SimulatedTrackers::default() };
    Ok(Ground { demo, folder, temporary, database, faults, services, store, queues })
}

/// The demo tenant's things, and the numbers of the telephone network, which forgets them at every end.
async fn furnish(
    ground: &mut Ground,
    options: &Options,
    api: &ApiClient,
    phone: &PhoneNetwork,
    bidders_at: &str,
) -> Result<(), Cause> {
    seed::connect_account(api, &ground.demo.twilio.account_sid, &ground.demo.twilio.auth_token).await?;
    let mut numbers = seed::numbers(api).await?;
    // The demo tenant may have connected the spare account, too: that one's numbers are looked after in `spare`.
    let account = serde_json::Value::from(ground.demo.twilio.account_sid.as_str());
    numbers.retain(|number| number.body.get("account_sid") == Some(&account));
    for number in &numbers {
        if let Some(number) = number.body.get("number").and_then(serde_json::Value::as_str) {
            simulator::own_number(phone, number);
        }
    }
    for number in &numbers {
        seed::connect_number(api, number).await?;
    }
    if !options.seeded || ground.demo.bidders_at == bidders_at {
        return Ok(());
    }
    if ground.demo.bidders_at.is_empty() {
        seed::plant(api, &ground.demo.twilio.account_sid, bidders_at).await?;
    } else {
        seed::move_bidders(api, &ground.demo.bidders_at, bidders_at).await?;
    }
    ground.demo.bidders_at = bidders_at.to_owned();
    if ground.temporary.is_none() {
        ground.demo.save(&ground.folder)?;
    }
    Ok(())
}

/// Queue consumers and schedules.
fn background(
    template: &Template,
    options: &Options,
    queues: &Queues,
    lambda: &Lambda,
    stop: &watch::Sender<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (function, declared) in &template.functions {
        for event in &declared.events {
            match event {
                Event::Http { .. } => {}
                Event::Sqs { queue, batch_size } => {
                    let declared = template.queues.get(queue);
                    let visibility = declared.map_or(Duration::from_secs(30), |queue| queue.visibility);
                    let source = Source {
                        queue: queue.clone(),
                        function: function.clone(),
                        batch_size: *batch_size,
                        visibility: options.visibility.unwrap_or(visibility),
                        dead_letters: declared.and_then(|queue| queue.dead_letters.clone()),
                    };
                    tasks.spawn(queue::poll(source, queues.clone(), lambda.clone(), stop.subscribe()));
                }
                Event::Schedule { every, .. } => {
                    let every = match options.schedules {
                        Schedules::Template => *every,
                        Schedules::Every(every) => every,
                        Schedules::Off => continue,
                    };
                    tasks.spawn(schedules::keep(function.clone(), every, lambda.clone(), stop.subscribe()));
                }
            }
        }
    }
    tasks
}
