//! Accounts and their people: signing up and in, second factors, invitations, roles, API keys.
//!
//! What must stay true:
//!
//! * Whoever is not signed in learns from no answer, and from no time an answer takes, whether an address is known: a
//!   password is verified for unknown addresses too, and what is asked for is answered by mail.
//! * A change of role, status, password or second factor ends the person's sessions in the same commit.
//! * Guessing is slow: attempts are counted before they are judged, by account and by address.
//! * Nothing is stored from which a password, a token or a seed could be had; the audit log holds no address in the clear.

pub mod account;
pub mod email;
pub mod invitations;
pub mod keys;
pub mod lists;
mod lockout;
mod mails;
pub(crate) mod notes;
mod parties;
pub mod password;
pub mod passwords;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod totp;
pub mod users;

use std::net::IpAddr;
use std::time::Duration;

use domain::audit::{AuditEntry, By};
use domain::ids::{TenantId, UserId};
use domain::validate::Problem;

use crate::api_keys;
use crate::clock::Clock;
use crate::ports::{
    Act, Audit, Catalog, Committed, Identity, Limiter, Mailer, OneTimeToken, Passwords, Person, PortError,
    PortResult, Vault, Why,
};
use crate::secret::Secret;

/// What these deeds work with.
pub struct Tools<'a> {
    /// Accounts and people.
    pub identity: &'a dyn Identity,
    /// Buyers and publishers, whose people there may be.
    pub catalog: &'a dyn Catalog,
    /// The audit log, for what changes nothing.
    pub audit: &'a dyn Audit,
    /// Counts attempts.
    pub limiter: &'a dyn Limiter,
    /// Sends mail.
    pub mailer: &'a dyn Mailer,
    /// Seals seeds.
    pub vault: &'a dyn Vault,
    /// Hashes passwords.
    pub passwords: &'a dyn Passwords,
    /// Time and new ids.
    pub clock: &'a dyn Clock,
    /// Where the pages are: scheme, host and port.
    pub app_origin: &'a str,
    /// An answer that must not tell by its time takes at least so long.
    pub even_time: Duration,
}

/// Who acts, and the address their request came from, by which attempts are counted. The address is not stored.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// For the audit log.
    pub by: By,
    /// As the gateway saw it.
    pub address: Option<IpAddr>,
}

/// Why something was not done. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Address or password is wrong: the same for somebody unknown or suspended.
    WrongCredentials,
    /// The password that was asked once more is wrong.
    WrongPassword,
    /// The code of the second factor is wrong, or was used.
    WrongCode,
    /// Too many attempts.
    Locked {
        /// Seconds until it can be tried again.
        retry_after_s: u32,
    },
    /// The link or token was used, has expired, or never was one.
    TokenInvalid,
    /// Broken rules.
    Invalid(Vec<Problem>),
    /// The new password is not good enough.
    WeakPassword(Problem),
    /// The address signs in, or is invited, already.
    EmailTaken,
    /// There is no such thing in this account.
    NotFound,
    /// Somebody changed it meanwhile.
    Changed {
        /// The version that is stored now.
        current: u64,
    },
    /// Only somebody with as high a role may do so.
    AboveRole,
    /// The account would be without an active owner.
    LastOwner,
    /// There are as many as there may be.
    Full {
        /// Of what, in plural.
        what: &'static str,
        /// How many.
        most: u32,
    },
    /// It is not in the state for this.
    State(&'static str),
}

/// Why something did not happen.
#[derive(Debug)]
pub enum NotDone {
    /// It was refused.
    Refused(Refused),
    /// It failed.
    Failed(PortError),
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
impl From<PortError> for NotDone {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// What these deeds return.
pub type Done<T> = Result<T, NotDone>;

/// One-time tokens begin so.
pub const ONCE_PREFIX: &str = "ccp_once_";

/// A new token and its SHA-256.
fn new_token(prefix: &str) -> PortResult<(Secret, String)> {
    let token = api_keys::token_with(prefix)
        .map_err(|cause| PortError::failed("make a token", std::io::Error::other(cause.to_string())))?;
    let hash = api_keys::hash(&token);
    Ok((Secret::new(token), hash))
}

impl Tools<'_> {
    /// The person; whoever is not there is not found.
    async fn person(&self, tenant: TenantId, user: UserId) -> Done<Person> {
        Ok(self.identity.person(tenant, user).await?.ok_or(Refused::NotFound)?)
    }

    /// A one-time token that is still good.
    async fn good_token(&self, token: &Secret) -> Done<(OneTimeToken, String)> {
        let hash = api_keys::hash(token.expose());
        let found = self.identity.one_time_token(&hash).await?;
        let good = found.filter(|found| self.clock.now() < found.expires_at);
        Ok((good.ok_or(Refused::TokenInvalid)?, hash))
    }

    /// Commits: `false` when something was not as it was read, so that it must be read again.
    async fn commit(&self, tenant: TenantId, steps: &[Act], entry: Option<&AuditEntry>) -> Done<bool> {
        match self.identity.commit(tenant, steps, entry).await? {
            Committed::Done => Ok(true),
            Committed::Refused(Why::Changed) => Ok(false),
            Committed::Refused(Why::Taken) => Err(Refused::EmailTaken.into()),
            Committed::Refused(Why::TokenUsed) => Err(Refused::TokenInvalid.into()),
            Committed::Refused(Why::Full) => {
                Err(Refused::Full { what: "users", most: domain::people::MAX_USERS }.into())
            }
            Committed::Refused(Why::LastOwner) => Err(Refused::LastOwner.into()),
        }
    }
}

/// Reading, deciding and committing again while others are faster; nobody waits for ever.
struct Tries(u32);

impl Tries {
    const MOST: u32 = 60;

    const fn new() -> Self {
        Self(0)
    }

    /// Waits a little before every try but the first.
    async fn next(&mut self, what: &'static str) -> PortResult<()> {
        if self.0 >= Self::MOST {
            return Err(PortError::Busy { what });
        }
        if self.0 > 0 {
            tokio::time::sleep(Duration::from_millis(u64::from(self.0.min(20)) * 3)).await;
        }
        self.0 += 1;
        Ok(())
    }
}

/// Waits until the answer has taken as long as such answers take.
async fn evenly<T>(tools: &Tools<'_>, deed: impl Future<Output = T>) -> T {
    let (done, ()) = tokio::join!(deed, tokio::time::sleep(tools.even_time));
    done
}
