//! An account of Twilio's, asked with its own credentials: the proof that somebody may use it.

use std::fmt;

use app::ports::AccountStanding;
use domain::ids::AccountSid;
use serde::Deserialize;

use super::{Credentials, RestClient, RestError};

/// Credentials that Twilio does not accept.
const NOT_AUTHENTICATED: u32 = 20_003;
/// The account exists, but may not be used.
const NOT_ACTIVE: u32 = 20_005;

/// How Twilio lists an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Suspended,
    Closed,
}

/// An account as Twilio has it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountResource {
    /// Twilio's id of it.
    pub account_sid: AccountSid,
    /// For people.
    pub friendly_name: String,
    status: Status,
}

impl fmt::Debug for AccountResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AccountResource");
        shown.field("account_sid", &self.account_sid).field("status", &self.status).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct AccountJson {
    sid: String,
    friendly_name: Option<String>,
    status: Status,
}

impl AccountResource {
    /// What may be done with it.
    pub fn standing(self) -> AccountStanding {
        match self.status {
            Status::Active => AccountStanding::Active { name: self.friendly_name },
            Status::Suspended => AccountStanding::Suspended,
            Status::Closed => AccountStanding::Closed,
        }
    }
}

impl RestClient {
    /// The account that the credentials are for.
    ///
    /// # Errors
    /// [`RestError::account_standing`] says what a refusal means; otherwise no usable answer within the deadline.
    pub async fn fetch_account(&self, credentials: &Credentials) -> Result<AccountResource, RestError> {
        let doing = "fetch an account";
        let url = self.url(credentials, ".json");
        let account: AccountJson = self.ask(&self.get(credentials, doing, url)).await?;
        let unknown = || RestError::Field { doing, field: "sid" };
        let account_sid: AccountSid = account.sid.parse().map_err(|_| unknown())?;
        if account_sid != credentials.account_sid {
            return Err(unknown());
        }
        let friendly_name = account.friendly_name.unwrap_or_default();
        Ok(AccountResource { account_sid, friendly_name, status: account.status })
    }
}

impl RestError {
    /// What a refused look at an account says about it; `None` when it says nothing (Twilio is away, or too busy).
    pub fn account_standing(&self) -> Option<AccountStanding> {
        let Self::Refused { refusal, .. } = self else { return None };
        match (refusal.status, refusal.code) {
            (_, Some(NOT_ACTIVE)) => Some(AccountStanding::Suspended),
            (_, Some(NOT_AUTHENTICATED)) | (401 | 404, _) => Some(AccountStanding::WrongToken),
            _ => None,
        }
    }
}
