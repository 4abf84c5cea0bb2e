//! What the handlers work with, and how it is put together from the settings.

use std::sync::Arc;
use std::time::Duration;

use app::catalog::{Tools, UrlCheck};
use app::clock::{Clock, SystemClock};
use app::identity;
use app::identity::passwords::Argon2Passwords;
use app::numbers::{Hooks, Lines, application_name};
use app::ports::{
    Accounts, Audit, BidHistory, BidLog, BidderAlerts, Bidders, Books, Callers, Calls, CarrierNumbers,
    CarrierSip, Catalog, Counters, FallbackPages, Health, Identity, InboundBids, Leases, Limiter, Mailer,
    Once, Passwords, Pools, PostbackQueue, Published, Vault, Visits,
};
use app::twilio_accounts::{Desk, Directory, OwnAccounts};
use domain::audit::By;
use domain::ids::TenantId;
use outbound::{AllowList, Outbound};
use runtime::{Cause, Settings};
use store::Store;
use twilio::rest::{Pace, RestClient};
use twilio::telephony::TwilioTelephony;
use twilio::urls::Urls;

use crate::limits::Limits;
use crate::pages;

/// How long the numbers of one publication may take at Twilio: well below the function's time limit, so that there is
/// always an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer that must not tell by its time whether an address is known takes at least so long: longer than a mail takes to
/// be handed over.
const EVEN_TIME: Duration = Duration::from_millis(800);

/// How long one operation at Twilio may take. What comes before a purchase ends within [`PATIENCE`], the purchase within
/// this, so its answer is never cut off by the function's time limit (25 s). Should the limit cut off what comes after it,
/// buying again finishes that and buys nothing.
const PACE: Pace = Pace {
    deadline: Duration::from_secs(8),
    attempt: Duration::from_secs(5),
    first_pause: Duration::from_millis(250),
    longest_pause: Duration::from_secs(2),
};

/// What the handlers need.
pub struct Context {
    /// What tenants set up.
    pub catalog: Arc<dyn Catalog>,
    /// Published campaigns.
    pub published: Arc<dyn Published>,
    /// Live flags.
    pub counters: Arc<dyn Counters>,
    /// Calls.
    pub calls: Arc<dyn Calls>,
    /// The calls' money.
    pub books: Arc<dyn Books>,
    /// Whose calls they are.
    pub callers: Arc<dyn Callers>,
    /// Visits of pages.
    pub visits: Arc<dyn Visits>,
    /// The numbers of pools.
    pub leases: Arc<dyn Leases>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// API keys.
    pub identity: Arc<dyn Identity>,
    /// What bidders were asked and answered.
    pub bid_log: Arc<dyn BidLog>,
    /// What was seen of bidders.
    pub health: Arc<dyn Health>,
    /// Alerts about bidders.
    pub alerts: Arc<dyn BidderAlerts>,
    /// The way to bidders, for auctions that are tried out.
    pub bidders: Arc<dyn Bidders>,
    /// Numbers at Twilio.
    pub telephony: Arc<dyn CarrierNumbers>,
    /// SIP domains at Twilio.
    pub sip: Arc<dyn CarrierSip>,
    /// Fallback documents.
    pub pages: Arc<dyn FallbackPages>,
    /// Pools' numbers and their use.
    pub pools: Arc<dyn Pools>,
    /// What bidders were asked, for good.
    pub history: Arc<dyn BidHistory>,
    /// Time and new ids.
    pub clock: Arc<dyn Clock>,
    /// The connected Twilio accounts as they are stored.
    pub accounts: Arc<dyn Accounts>,
    /// The same with their tokens.
    pub directory: Arc<Directory>,
    /// Encrypts tenants' secrets.
    pub vault: Arc<dyn Vault>,
    /// E-mail.
    pub mailer: Arc<dyn Mailer>,
    /// Where numbers are pointed.
    pub hooks: Hooks,
    /// Where conversion reports come in, without the webhook's token.
    pub hook_url: String,
    /// Where publishers ping, without environment and address.
    pub ping_url: String,
    /// Publishers' addresses for pings, and the log of pings.
    pub inbound: Arc<dyn InboundBids>,
    /// The rules for bidders' addresses.
    pub check_url: Box<UrlCheck>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Counts requests.
    pub limits: Limits,
    /// Remembers requests that must happen once.
    pub once: Arc<dyn Once>,
    /// Requests a minute for one credential.
    pub per_minute: u32,
    /// Where people open the dashboard: scheme, host and port.
    pub app_origin: String,
    /// Where pages load the number script and ask for numbers: scheme, host and port.
    pub dni_origin: String,
    /// Counts attempts to sign in.
    pub limiter: Arc<dyn Limiter>,
    /// Hashes passwords.
    pub passwords: Arc<dyn Passwords>,
    /// How long an answer takes at least that must not tell whether an address is known.
    pub even_time: Duration,
}

/// Adapters whose place the settings name.
pub struct Outside {
    /// Fallback documents.
    pub pages: Arc<dyn FallbackPages>,
    /// What bidders were asked, for good.
    pub history: Arc<dyn BidHistory>,
    /// E-mail.
    pub mailer: Arc<dyn Mailer>,
    /// Encrypts tenants' secrets.
    pub vault: Arc<dyn Vault>,
    /// Where it is noted that trackers are to be told.
    pub postbacks: Arc<dyn PostbackQueue>,
}

impl Context {
    /// The product's own adapters: the table, Twilio, the rules of outbound requests.
    ///
    /// # Errors
    /// A setting is missing or cannot be used.
    pub fn new(settings: &Settings, store: Arc<Store>, outside: Outside) -> Result<Self, Cause> {
        let urls = Urls::new(&settings.public_base_url)?;
        let clock = Arc::new(SystemClock);
        let directory = Arc::new(Directory::new(store.clone(), outside.vault.clone(), clock.clone()));
        let allow = AllowList::parse(&settings.outbound_allow)?;
        let client = RestClient::new(&settings.twilio_api_base, PACE)?;
        let telephony = Arc::new(TwilioTelephony::new(client, directory.clone()));
        Ok(Self {
            catalog: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            calls: store.clone(),
            books: store.clone(),
            callers: store.clone(),
            visits: store.clone(),
            leases: store.clone(),
            postbacks: outside.postbacks,
            identity: store.clone(),
            bid_log: store.clone(),
            health: store.clone(),
            alerts: store.clone(),
            inbound: store.clone(),
            bidders: Arc::new(Outbound::new(allow.clone())?),
            audit: store.clone(),
            limits: Limits::new(store.clone()),
            limiter: store.clone(),
            passwords: Arc::new(Argon2Passwords::new()?),
            even_time: EVEN_TIME,
            once: store.clone(),
            per_minute: settings.api_requests_per_minute,
            app_origin: settings.app_origin()?.to_owned(),
            dni_origin: settings.dni_origin().to_owned(),
            pools: store.clone(),
            telephony: telephony.clone(),
            sip: telephony,
            pages: outside.pages,
            history: outside.history,
            clock,
            accounts: store,
            directory,
            vault: outside.vault,
            mailer: outside.mailer,
            hooks: Hooks {
                application: application_name(settings.stage.as_str(), &settings.public_base_url),
                voice_url: urls.voice_url(),
                status_url: urls.status_url(),
                fallback_base_url: settings.fallback_base_url.clone(),
                patience: PATIENCE,
            },
            hook_url: format!("{}/hook", settings.public_base_url.trim_end_matches('/')),
            ping_url: format!("{}/v1", settings.public_base_url.trim_end_matches('/')),
            check_url: url_rules(allow),
        })
    }

    /// The tools of the deeds about accounts and their people.
    pub fn identity_tools(&self) -> identity::Tools<'_> {
        identity::Tools {
            identity: self.identity.as_ref(),
            catalog: self.catalog.as_ref(),
            audit: self.audit.as_ref(),
            limiter: self.limiter.as_ref(),
            mailer: self.mailer.as_ref(),
            vault: self.vault.as_ref(),
            passwords: self.passwords.as_ref(),
            clock: self.clock.as_ref(),
            app_origin: &self.app_origin,
            even_time: self.even_time,
        }
    }

    /// The deeds of Twilio accounts, for who does them.
    pub fn desk<'a>(&'a self, by: &'a By) -> Desk<'a> {
        Desk {
            by,
            directory: &self.directory,
            telephony: self.telephony.as_ref(),
            sip: self.sip.as_ref(),
            hooks: &self.hooks,
            catalog: self.catalog.as_ref(),
        }
    }

    /// The deeds' tools for one tenant, and for who does them.
    pub fn tools<'a>(&'a self, tenant: TenantId, by: &'a By) -> Tools<'a> {
        Tools {
            by,
            vault: self.vault.as_ref(),
            catalog: self.catalog.as_ref(),
            published: self.published.as_ref(),
            counters: self.counters.as_ref(),
            lines: Lines {
                telephony: self.telephony.as_ref(),
                pages: self.pages.as_ref(),
                hooks: &self.hooks,
                render_fallback: &pages::document,
            },
            clock: self.clock.as_ref(),
            accounts: OwnAccounts::new(self.accounts.as_ref(), tenant),
            people: self.identity.as_ref(),
            check_url: self.check_url.as_ref(),
        }
    }
}

/// The rules for a bidder's address: those of outbound requests, and https unless the address is exempt.
pub fn url_rules(allow: AllowList) -> Box<UrlCheck> {
    Box::new(move |url| match outbound::check_url(url, &allow) {
        Ok(destination) if destination.https || destination.exempt => Ok(()),
        Ok(_) => Err("the address must begin with https://".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}
