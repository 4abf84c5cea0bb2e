//! Numbers at Twilio, and the documents on the CDN.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{
    AccountStanding, CarrierCall, FallbackPages, NumberRouting, PortError, PortResult, Telephony,
};
use app::secret::Secret;
use async_trait::async_trait;
use domain::ids::{AccountSid, CallSid};
use domain::phone::E164;

use super::locked;

/// What Twilio does when it is asked to route a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TwilioSays {
    /// It is done.
    #[default]
    Done,
    /// The account has no such number.
    NotYours,
    /// An error, with these words.
    Refused(&'static str),
    /// Nothing, ever.
    Nothing,
}

/// Twilio's REST API as far as numbers go; it knows no calls.
#[derive(Debug, Default)]
pub struct FakeTelephony {
    says: Mutex<HashMap<E164, TwilioSays>>,
    routed: Mutex<HashMap<E164, (AccountSid, NumberRouting)>>,
    deleted_recordings: Mutex<Vec<String>>,
    refuses_recordings: AtomicBool,
    accounts: Mutex<HashMap<AccountSid, AccountStanding>>,
    tokens_tried: Mutex<Vec<(AccountSid, Secret)>>,
}

impl FakeTelephony {
    /// What it says about this number from now on.
    pub fn say(&self, number: &E164, says: TwilioSays) {
        locked(&self.says).insert(number.clone(), says);
    }

    /// The recordings that it was told to remove, in order, repetitions included.
    pub fn deleted_recordings(&self) -> Vec<String> {
        locked(&self.deleted_recordings).clone()
    }

    /// Whether it does not remove recordings, from now on.
    pub fn refuse_recordings(&self, refuses: bool) {
        self.refuses_recordings.store(refuses, Ordering::SeqCst);
    }

    /// How an account stands from now on, whatever the token; until then it is active.
    pub fn account_stands(&self, account: &AccountSid, standing: AccountStanding) {
        locked(&self.accounts).insert(account.clone(), standing);
    }

    /// The accounts and tokens that were tried so far.
    pub fn tokens_tried(&self) -> Vec<(AccountSid, Secret)> {
        locked(&self.tokens_tried).clone()
    }

    /// How a number is routed, and in which account.
    pub fn routing(&self, number: &E164) -> Option<(AccountSid, NumberRouting)> {
        locked(&self.routed).get(number).cloned()
    }
}

#[async_trait]
impl Telephony for FakeTelephony {
    async fn call(&self, _: &AccountSid, _: &CallSid) -> PortResult<Option<CarrierCall>> {
        Ok(None)
    }

    async fn children(&self, _: &AccountSid, _: &CallSid) -> PortResult<Vec<CarrierCall>> {
        Ok(Vec::new())
    }

    async fn owns_number(&self, _: &AccountSid, number: &E164) -> PortResult<bool> {
        let says = locked(&self.says).get(number).copied().unwrap_or_default();
        Ok(!matches!(says, TwilioSays::NotYours))
    }

    async fn route_number(
        &self,
        account: &AccountSid,
        number: &E164,
        routing: &NumberRouting,
    ) -> PortResult<bool> {
        let says = locked(&self.says).get(number).copied().unwrap_or_default();
        match says {
            TwilioSays::Done => {
                locked(&self.routed).insert(number.clone(), (account.clone(), routing.clone()));
                Ok(true)
            }
            TwilioSays::NotYours => Ok(false),
            TwilioSays::Refused(words) => Err(PortError::failed("point a phone number at us", words)),
            TwilioSays::Nothing => std::future::pending().await,
        }
    }

    async fn delete_recording(&self, _: &AccountSid, recording: &str) -> PortResult<bool> {
        if self.refuses_recordings.load(Ordering::SeqCst) {
            return Err(PortError::failed("remove a recording", "Twilio is away"));
        }
        let mut deleted = locked(&self.deleted_recordings);
        let was_there = !deleted.iter().any(|sid| sid == recording);
        deleted.push(recording.to_owned());
        Ok(was_there)
    }

    async fn check_account(&self, account: &AccountSid, token: &Secret) -> PortResult<AccountStanding> {
        locked(&self.tokens_tried).push((account.clone(), token.clone()));
        let known = locked(&self.accounts).get(account).cloned();
        Ok(known.unwrap_or(AccountStanding::Active { name: "Roofing calls".to_owned() }))
    }
}

/// Documents by number.
#[derive(Debug, Default)]
pub struct FakePages {
    documents: Mutex<HashMap<E164, String>>,
    failing: AtomicBool,
}

impl FakePages {
    /// The document of a number.
    pub fn document(&self, number: &E164) -> Option<String> {
        locked(&self.documents).get(number).cloned()
    }

    /// Whether writing fails, from now on.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl FallbackPages for FakePages {
    async fn write(&self, number: &E164, document: &str) -> PortResult<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(PortError::failed("write a fallback document", "the disk is full"));
        }
        locked(&self.documents).insert(number.clone(), document.to_owned());
        Ok(())
    }
}
