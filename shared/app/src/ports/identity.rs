//! The port of accounts, their people, sign-ins, invitations and API keys.
//!
//! Whoever changes something says which [`Act`]s it takes, and the entry for the audit log: all of it is one
//! transaction, or nothing of it happens. Each step carries the condition under which it may happen. What must stay true:
//!
//! * A session holds the role it was begun with. So whatever changes a role, a status, a password or a second factor ends
//!   the person's sessions in the same commit, and both that and beginning a session depend on the [`Standing`] that
//!   was read: no session of an old role slips through.
//! * An account keeps an active owner and at most [`domain::people::MAX_USERS`] users ([`Act::Seats`]).
//! * A one-time token is used once ([`Act::UseToken`]); of tokens only the SHA-256 is stored.

use async_trait::async_trait;
use domain::access::{Party, Role};
use domain::audit::{AuditEntry, Origin};
use domain::email::EmailAddress;
use domain::ids::{ApiKeyId, InvitationId, SessionId, TenantId, UserId};
use domain::people::{Account, AccountSettings, Invitation, User};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PortResult, Sealed};
use crate::secret::Secret;

/// What an API key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// For people: what it is for.
    pub name: String,
    /// Such as `calls:read`, `campaigns:write`; `*` is everything.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to some minutes.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
}

/// An API key as its account lists it, with the hash under which it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptKey {
    /// SHA-256 of its token.
    pub token_hash: String,
    /// The key.
    pub key: ApiKey,
}

/// One sign-in of a user. It stands under the SHA-256 of its token; the token itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, by which it is listed and revoked.
    pub id: SessionId,
    /// Whose account it opens.
    pub tenant: TenantId,
    /// Who signed in.
    pub user: UserId,
    /// The user's role. A change of the role ends the user's sessions in the same transaction.
    pub role: Role,
    /// Whose things a buyer or publisher sees.
    pub party: Option<Party>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to some minutes.
    pub last_used_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Timestamp,
    /// From where it began.
    pub origin: Origin,
}

/// A sign-in that is not used for so long has ended.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(12);

impl Session {
    /// Whether it still signs somebody in.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.duration_since(self.last_used_at) < SESSION_IDLE
    }
}

/// A session with the hash under which it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSession {
    /// SHA-256 of its token.
    pub token_hash: String,
    /// The session.
    pub session: Session,
}

/// The second factor of a person: a generator of codes (RFC 6238), and codes for when it is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The generator's seed.
    pub seed: Sealed,
    /// The last time step whose code was taken; it and earlier ones are not taken again.
    pub last_step: u64,
    /// Hashes of the recovery codes that were not used yet.
    pub recovery: Vec<String>,
}

/// A second factor that was begun and not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunFactor {
    /// The generator's seed.
    pub seed: Sealed,
    /// Not to be confirmed from then on.
    pub expires_at: Timestamp,
}

/// What a person proves themselves with. Kept apart from the [`User`], which is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The password, hashed, in PHC form.
    pub password: String,
    /// Counts passwords: a link that was sent before the password was changed is worthless after.
    pub password_number: u64,
    /// The second factor, when it is on.
    pub second_factor: Option<SecondFactor>,
    /// One that waits for its first code.
    pub begun: Option<BegunFactor>,
    /// Counts changes of all this, from 1.
    pub revision: u64,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("revision", &self.revision).finish_non_exhaustive()
    }
}

/// How a person stood when they were read. A commit with an outdated one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The user's version.
    pub version: u64,
    /// How often they signed in: beginning a session counts.
    pub sign_ins: u64,
}

/// All there is about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What is shown.
    pub user: User,
    /// What is not.
    pub credentials: Credentials,
    /// Their sessions, oldest first; also expired ones that were not swept away yet.
    pub sessions: Vec<KeptSession>,
    /// How often they signed in.
    pub sign_ins: u64,
}

impl Person {
    /// How they stand.
    pub const fn standing(&self) -> Standing {
        Standing { version: self.user.version, sign_ins: self.sign_ins }
    }
}

/// What a one-time token is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// To open an account for this person.
    SignUp {
        /// Where the token was sent.
        email: EmailAddress,
        /// What they are called.
        name: String,
        /// The account to be.
        settings: AccountSettings,
    },
    /// To set a new password.
    ResetPassword {
        /// Whose.
        user: UserId,
        /// Where the token was sent; worthless when the address changed.
        email: EmailAddress,
        /// The password it replaces.
        password_number: u64,
    },
    /// To sign in with another address.
    ChangeEmail {
        /// Whose.
        user: UserId,
        /// The address so far.
        from: EmailAddress,
        /// Where the token was sent.
        to: EmailAddress,
        /// The password then.
        password_number: u64,
    },
    /// To join the account.
    Invitation(InvitationId),
    /// To go on with signing in: the password was right.
    SecondStep {
        /// Who.
        user: UserId,
        /// The password that was right.
        password_number: u64,
    },
}

/// A token that is good for one deed. It stands under its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeToken {
    /// Of which account; one that signing up will make has its id already.
    pub tenant: TenantId,
    /// What for.
    pub used_for: TokenUse,
    /// Not valid from then on.
    pub expires_at: Timestamp,
}

/// One part of a commit, with the condition under which it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A new account, with one user who is its owner. Else [`Why::Changed`].
    CreateAccount(Account),
    /// Other settings, if the stored version is `before`. Else [`Why::Changed`].
    ChangeAccount {
        /// As it shall be.
        account: Account,
        /// The version it was made from.
        before: u64,
    },
    /// So many users and active owners more or fewer. [`Why::Full`] above the most users; [`Why::LastOwner`] when the last
    /// owner would go.
    Seats {
        /// Users.
        users: i8,
        /// Active owners.
        owners: i8,
    },
    /// A new user with their e-mail address. [`Why::Taken`] when the address signs in already.
    CreateUser {
        /// The user.
        user: User,
        /// What they prove themselves with.
        credentials: Credentials,
    },
    /// A changed user, if they stand as they were read. Else [`Why::Changed`].
    ChangeUser {
        /// As it shall be.
        user: User,
        /// As it was read.
        before: Standing,
    },
    /// A user, their credentials and the claim of their address go, if they stand as they were read. Else
    /// [`Why::Changed`].
    RemoveUser {
        /// The user.
        user: User,
        /// As it was read.
        before: Standing,
    },
    /// Another address signs in. [`Why::Taken`] when it does so already; [`Why::Changed`] when `from` is not theirs.
    MoveEmail {
        /// Whose.
        user: UserId,
        /// So far.
        from: EmailAddress,
        /// From now on.
        to: EmailAddress,
    },
    /// Changed credentials, if the stored revision is `before`. Else [`Why::Changed`].
    ChangeCredentials {
        /// Whose.
        user: UserId,
        /// As they shall be.
        credentials: Credentials,
        /// The revision they were made from.
        before: u64,
    },
    /// A new one-time token.
    PutToken {
        /// Its SHA-256.
        token_hash: String,
        /// What it is good for.
        token: OneTimeToken,
    },
    /// A one-time token is used up. [`Why::TokenUsed`] when it is not there.
    UseToken {
        /// Its SHA-256.
        token_hash: String,
    },
    /// A new invitation. [`Why::Taken`] when its address is invited already.
    CreateInvitation {
        /// The invitation.
        invitation: Invitation,
        /// SHA-256 of its token.
        token_hash: String,
    },
    /// An invitation is sent again, with a new token; the old one is worthless. [`Why::Changed`] when it is not there as it
    /// was read.
    RenewInvitation {
        /// As it shall be.
        invitation: Invitation,
        /// SHA-256 of the new token.
        token_hash: String,
        /// SHA-256 of the old one.
        before: String,
    },
    /// An invitation goes, with its token. [`Why::Changed`] when it is not there as it was read.
    RemoveInvitation {
        /// The invitation.
        invitation: Invitation,
        /// SHA-256 of its token.
        token_hash: String,
    },
    /// A new session.
    BeginSession(KeptSession),
    /// Counts a sign-in, if the user stands as they were read. Else [`Why::Changed`].
    CountSignIn {
        /// Who.
        user: UserId,
        /// As they were read.
        before: Standing,
        /// When.
        at: Timestamp,
    },
    /// A session ends, if it has not yet.
    EndSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// SHA-256 of its token.
        token_hash: String,
    },
    /// A new API key.
    CreateKey(KeptKey),
    /// An API key is worthless from now on. [`Why::Changed`] when it is not there.
    RevokeKey {
        /// Which.
        id: ApiKeyId,
        /// SHA-256 of its token.
        token_hash: String,
    },
}

/// Why nothing of a commit happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The address signs in, or is invited, already.
    Taken,
    /// Something is not as it was read.
    Changed,
    /// The one-time token was used.
    TokenUsed,
    /// The account has as many users as it may have.
    Full,
    /// The account would be without an active owner.
    LastOwner,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// All of it happened.
    Done,
    /// Nothing of it happened; the reason of the first step that could not.
    Refused(Why),
}

/// Who is calling our API, and everything about accounts and their people.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The session whose token has this SHA-256 (lower-case hex); the caller compares its times.
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>>;

    /// The key whose token has this SHA-256 (lower-case hex); the caller compares its end.
    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>>;

    /// Stores a key under its token's hash, also in its account's list.
    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()>;

    /// Who signs in with this address.
    async fn owner_of_email(&self, email: &EmailAddress) -> PortResult<Option<(TenantId, UserId)>>;

    /// The one-time token with this SHA-256; the caller compares its end.
    async fn one_time_token(&self, token_hash: &str) -> PortResult<Option<OneTimeToken>>;

    /// The account.
    async fn account(&self, tenant: TenantId) -> PortResult<Option<Account>>;

    /// All about one person.
    async fn person(&self, tenant: TenantId, user: UserId) -> PortResult<Option<Person>>;

    /// The account's users, by id, which is by when they joined.
    async fn users(&self, tenant: TenantId) -> PortResult<Vec<User>>;

    /// An invitation, with the SHA-256 of its token.
    async fn invitation(
        &self,
        tenant: TenantId,
        id: InvitationId,
    ) -> PortResult<Option<(Invitation, String)>>;

    /// The account's invitations, by id; also expired ones, for a month.
    async fn invitations(&self, tenant: TenantId) -> PortResult<Vec<Invitation>>;

    /// The account's API keys, by id; also expired ones.
    async fn api_keys(&self, tenant: TenantId) -> PortResult<Vec<KeptKey>>;

    /// Does all steps and writes the entry, or nothing. Without an entry: what is only asked for, and changes nothing until
    /// it is confirmed.
    async fn commit(
        &self,
        tenant: TenantId,
        steps: &[Act],
        entry: Option<&AuditEntry>,
    ) -> PortResult<Committed>;

    /// Notes that a session is used, unless it has ended.
    async fn touch_session(&self, tenant: TenantId, session: &KeptSession, at: Timestamp) -> PortResult<()>;

    /// Notes that an API key is used, unless it was revoked.
    async fn touch_api_key(&self, tenant: TenantId, key: &KeptKey, at: Timestamp) -> PortResult<()>;
}

/// Hashes passwords, slowly on purpose.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A password's hash in PHC form, with a salt of its own.
    async fn hash(&self, password: &Secret) -> PortResult<String>;

    /// Whether the password has this hash. Takes the same time either way.
    async fn verify(&self, password: &Secret, hash: &str) -> PortResult<bool>;

    /// Whether the hash was made with other parameters than those of today.
    fn is_outdated(&self, hash: &str) -> bool;

    /// A hash with today's parameters that no password has: what is verified for people who do not exist.
    fn nobodys(&self) -> &str;
}
