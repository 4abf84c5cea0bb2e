//! What the handlers work with: ports and settings, nothing of AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::catalog::{Tools, UrlCheck};
use app::clock::Clock;
use app::ports::{BidLog, Calls, Catalog, Counters, FallbackPages, Identity, Published, Telephony};
use app::publish_campaign::{Hooks, Lines};
use domain::ids::{AccountSid, TenantId};

use crate::pages;

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
    pub telephony: Arc<dyn Telephony>,
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
