//! Who a Twilio account belongs to and which tokens may have signed for it, kept in the process for a moment.
//!
//! A webhook names nothing but its account, so this is asked before any signature is checked. What must stay true:
//!
//! * A warm process answers without a round trip: a known account for [`KNOWN_FOR`], an unknown one for [`UNKNOWN_FOR`].
//! * However many accounts are made up by whoever knocks, what is kept is bounded.
//! * A signature that fits none of the kept tokens is not the last word: [`Directory::tokens_anew`] looks again, at most
//!   once per account in [`FRESH_FOR`], so that a token added elsewhere works at once and made-up ones cost next to nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::ids::{AccountSid, TenantId};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::ports::{AccountRow, AccountTokens, Accounts, PortResult, Sealed, Vault};
use crate::secret::Secret;

/// How long a known account is believed.
pub const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(60);
/// How long an unknown account stays unknown without looking.
pub const UNKNOWN_FOR: SignedDuration = SignedDuration::from_secs(5);
/// What was read so lately is not read again, whatever does not fit.
pub const FRESH_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Accounts kept in a process, known and unknown together.
pub const MOST_KEPT: usize = 4_096;

/// A connected account, ready for checking signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioAccount {
    /// Twilio's id of it.
    pub account_sid: AccountSid,
    /// Whose it is.
    pub tenant: TenantId,
    /// At least one. Any may have signed; our own requests are made with the first.
    pub tokens: Vec<Secret>,
}

/// One look at the table.
struct Looked {
    account: Option<Arc<TwilioAccount>>,
    at: Timestamp,
}

impl Looked {
    /// Whether it was this lately. A look from the future (the clock was set back) was not.
    fn within(&self, age: SignedDuration, now: Timestamp) -> bool {
        let passed = now.duration_since(self.at);
        !passed.is_negative() && passed < age
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.within(if self.account.is_some() { KNOWN_FOR } else { UNKNOWN_FOR }, now)
    }
}

/// The connected accounts of all tenants, as one process knows them.
pub struct Directory {
    pub(super) rows: Arc<dyn Accounts>,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<AccountSid, Looked>>,
}

impl Directory {
    /// Knows nothing yet.
    pub fn new(rows: Arc<dyn Accounts>, vault: Arc<dyn Vault>, clock: Arc<dyn Clock>) -> Self {
        Self { rows, vault, clock, kept: Mutex::default() }
    }

    /// An account with its tokens; `None` when nobody has connected it.
    ///
    /// # Errors
    /// The table or the vault does not answer.
    pub async fn tokens(&self, account: &AccountSid) -> PortResult<Option<Arc<TwilioAccount>>> {
        let now = self.clock.now();
        if let Some(kept) = self.kept().get(account).filter(|kept| kept.holds(now)) {
            return Ok(kept.account.clone());
        }
        self.look(account, now).await
    }

    /// The same for whoever found that none of the tokens fits: looks at the table unless that was done just now.
    ///
    /// # Errors
    /// As [`Directory::tokens`].
    pub async fn tokens_anew(&self, account: &AccountSid) -> PortResult<Option<Arc<TwilioAccount>>> {
        let now = self.clock.now();
        if let Some(kept) = self.kept().get(account).filter(|kept| kept.within(FRESH_FOR, now)) {
            return Ok(kept.account.clone());
        }
        self.look(account, now).await
    }

    /// How many accounts are kept, known and unknown.
    pub fn kept_accounts(&self) -> usize {
        self.kept().len()
    }

    /// Looks at the table the next time.
    pub(super) fn forget(&self, account: &AccountSid) {
        self.kept().remove(account);
    }

    /// The tokens of a row, in its order.
    pub(super) async fn opened(&self, row: &AccountRow) -> PortResult<Vec<Secret>> {
        let purpose = purpose(&row.account_sid);
        let mut tokens = Vec::with_capacity(row.tokens.len());
        for token in &row.tokens {
            tokens.push(self.vault.open(row.tenant, &purpose, &token.sealed).await?);
        }
        Ok(tokens)
    }

    /// A token as it is stored with its account.
    pub(super) async fn sealed(
        &self,
        tenant: TenantId,
        account: &AccountSid,
        token: &Secret,
    ) -> PortResult<Sealed> {
        self.vault.seal(tenant, &purpose(account), token).await
    }

    async fn look(&self, account: &AccountSid, now: Timestamp) -> PortResult<Option<Arc<TwilioAccount>>> {
        let found = match self.rows.account(account).await? {
            Some(row) => {
                let tokens = self.opened(&row).await?;
                Some(Arc::new(TwilioAccount { account_sid: row.account_sid, tenant: row.tenant, tokens }))
            }
            None => None,
        };
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT && !kept.contains_key(account) {
            make_room(&mut kept, now);
        }
        kept.insert(account.clone(), Looked { account: found.clone(), at: now });
        Ok(found)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<AccountSid, Looked>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is out of date goes first, then what nobody has connected, then everything.
fn make_room(kept: &mut HashMap<AccountSid, Looked>, now: Timestamp) {
    kept.retain(|_, looked| looked.holds(now));
    if kept.len() >= MOST_KEPT {
        kept.retain(|_, looked| looked.account.is_some());
    }
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
}

/// What an account's tokens are sealed for: bound to the account, so that a sealed token that is moved to another account's row does not open.
pub fn purpose(account: &AccountSid) -> String {
    format!("twilio_token {account}")
}

#[async_trait]
impl AccountTokens for Directory {
    async fn request_token(&self, account: &AccountSid) -> PortResult<Option<Secret>> {
        Ok(self.tokens(account).await?.and_then(|account| account.tokens.first().cloned()))
    }
}
