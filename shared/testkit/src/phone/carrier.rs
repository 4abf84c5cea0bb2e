//! Several accounts with one carrier, as Twilio has many: each with its own token, numbers, applications and calls.
//!
//! What must stay true: a number belongs to one account at most, so what one has is not for sale to another.

use std::sync::Arc;

use super::rest_sip;
use super::{CallScript, LiveCall, PhoneNetwork, locked};

/// The accounts of a carrier. Copies are the same carrier.
#[derive(Debug, Clone)]
pub struct Carrier {
    first: PhoneNetwork,
    others: Vec<PhoneNetwork>,
}

impl Carrier {
    /// A carrier of these accounts.
    pub fn new(first: PhoneNetwork, others: Vec<PhoneNetwork>) -> Self {
        let carrier = Self { first, others };
        for one in carrier.accounts() {
            let others = carrier.accounts().filter(|other| !Arc::ptr_eq(&one.network, &other.network));
            *locked(&one.network.neighbours) = others.map(|other| Arc::downgrade(&other.network)).collect();
        }
        carrier
    }

    /// The accounts, in the order in which they were named.
    pub fn accounts(&self) -> impl Iterator<Item = &PhoneNetwork> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The account with this AccountSid. A request for any other is judged by the first account, which refuses it.
    pub fn account(&self, sid: &str) -> &PhoneNetwork {
        self.accounts().find(|account| account.network.config.account_sid == sid).unwrap_or(&self.first)
    }

    /// The account that has this number, or the domain of this SIP address.
    pub fn owner(&self, number: &str) -> Option<&PhoneNetwork> {
        let has = |account: &&PhoneNetwork| match rest_sip::host(number) {
            Some(host) => account.sip_domain(host).is_some(),
            None => account.number(number).is_some(),
        };
        self.accounts().find(has)
    }

    /// Places a call to whoever has the number, as [`PhoneNetwork::follow_call`] does; a number that nobody has fails.
    pub fn follow_call(&self, script: CallScript) -> LiveCall {
        self.owner(&script.to).unwrap_or(&self.first).follow_call(script)
    }
}
