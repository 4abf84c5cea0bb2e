//! What the handlers work with, and how it is put together from the settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use app::catalog::{Tools, UrlCheck};
use app::clock::{Clock, SystemClock};
use app::numbers::{Hooks, Lines, application_name};
use app::ports::{BidLog, Calls, CarrierNumbers, Catalog, Counters, FallbackPages, Identity, Published};
use domain::ids::{AccountSid, TenantId};
use outbound::AllowList;
use runtime::{Cause, Settings};
use store::Store;
use twilio::rest::{Pace, RestClient};
use twilio::telephony::TwilioTelephony;
use twilio::urls::Urls;

use crate::pages;

/// How long the numbers of one publication may take at Twilio: well below the function's time limit, so that there is
/// always an answer.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// API keys.
    pub identity: Arc<dyn Identity>,
    /// What bidders were asked and answered.
    pub bid_log: Arc<dyn BidLog>,
    /// Numbers at Twilio.
    pub telephony: Arc<dyn CarrierNumbers>,
    /// Fallback documents.
    pub pages: Arc<dyn FallbackPages>,
    /// Time and new ids.
    pub clock: Arc<dyn Clock>,
    /// Each tenant's Twilio accounts.
    pub accounts: BTreeMap<TenantId, Vec<AccountSid>>,
    /// Where numbers are pointed.
    pub hooks: Hooks,
    /// The rules for bidders' addresses.
    pub check_url: Box<UrlCheck>,
}

impl Context {
    /// The product's own adapters: the table, Twilio, the rules of outbound requests.
    ///
    /// # Errors
    /// A setting is missing or cannot be used.
    pub fn new(settings: &Settings, store: Arc<Store>, pages: Arc<dyn FallbackPages>) -> Result<Self, Cause> {
        let urls = Urls::new(&settings.public_base_url)?;
        let twilio_accounts = settings.twilio_accounts()?;
        let mut accounts: BTreeMap<TenantId, Vec<AccountSid>> = BTreeMap::new();
        for account in twilio_accounts.iter() {
            accounts.entry(account.tenant).or_default().push(account.account_sid.clone());
        }
        let client = RestClient::new(&settings.twilio_api_base, PACE)?;
        Ok(Self {
            catalog: store.clone(),
            published: store.clone(),
            counters: store.clone(),
            calls: store.clone(),
            identity: store.clone(),
            bid_log: store,
            telephony: Arc::new(TwilioTelephony::new(client, twilio_accounts.request_tokens())),
            pages,
            clock: Arc::new(SystemClock),
            accounts,
            hooks: Hooks {
                application: application_name(settings.stage.as_str(), &settings.public_base_url),
                voice_url: urls.voice_url(),
                status_url: urls.status_url(),
                fallback_base_url: settings.fallback_base_url.clone(),
                patience: PATIENCE,
            },
            check_url: url_rules(AllowList::parse(&settings.outbound_allow)?),
        })
    }

    /// The deeds' tools for one tenant.
    pub fn tools(&self, tenant: TenantId) -> Tools<'_> {
        Tools {
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
            accounts: self.accounts.get(&tenant).map(Vec::as_slice).unwrap_or_default(),
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
