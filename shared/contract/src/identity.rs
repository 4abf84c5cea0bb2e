//! Accounts and their people: signing up and in, oneself, users, invitations, API keys.
//!
//! Tokens, seeds and recovery codes stand in an answer once, when they are made; no list shows them again.

use domain::access::{Party, Role};
use domain::ids::{ApiKeyId, InvitationId, SessionId, TenantId, UserId};
use domain::money::Currency;
use domain::people::UserStatus;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// Somebody wants an account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Where the link is sent.
    pub email: String,
    /// What the person is called.
    pub name: String,
    /// What the account is called.
    pub account_name: String,
    /// USD unless named.
    #[serde(default)]
    pub currency: Currency,
    /// UTC unless named.
    pub time_zone: Option<String>,
}

/// The answer to whatever is answered by mail, whether the address is known or not.
#[derive(Debug, Serialize)]
pub struct LookAtYourMail {
    /// What to do.
    pub message: &'static str,
}

/// The account as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountShown {
    /// Its id.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// The currency that new things begin with.
    pub currency: Currency,
    /// The zone in which its days begin.
    pub time_zone: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its settings were last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a change names the version it was made from.
    pub version: u64,
}

/// Other settings of the account; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// The version it was made from.
    pub version: u64,
    /// What it is called.
    pub name: Option<String>,
    /// The currency that new things begin with.
    pub currency: Option<Currency>,
    /// The zone in which its days begin.
    pub time_zone: Option<String>,
}

/// A user as they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserShown {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whose things a buyer's or publisher's person sees.
    pub party: Option<Party>,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// Whether signing in takes a second factor.
    pub second_factor: bool,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// When they joined.
    pub created_at: Timestamp,
    /// When anything of this was last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a change names the version it was made from.
    pub version: u64,
}

/// Changes to a user; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The version it was made from.
    pub version: u64,
    /// What they are called.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// `{"buyer": "BU…"}`, `{"publisher": "AF…"}`, or null for none.
    #[serde(default, deserialize_with = "given")]
    pub party: Option<Option<Party>>,
    /// Whether they may sign in.
    pub status: Option<UserStatus>,
}

/// Tells null from left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Who is signed in, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The person.
    pub user: UserShown,
    /// Their account.
    pub account: AccountShown,
    /// What they may do with everything in the account.
    pub permissions: Vec<String>,
    /// What they may do with their own party's alone.
    pub own_permissions: Vec<String>,
}

/// What became of the first step of signing in.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum SignInAnswer {
    /// Signed in; the cookie came with it.
    SignedIn {
        /// Who.
        me: Box<Me>,
    },
    /// A code of the second factor is asked next.
    SecondFactorNeeded {
        /// Goes with the code to `/api/auth/sign-in/second-factor`.
        token: String,
        /// Not good from then on.
        expires_at: Timestamp,
    },
}

/// A session as it is shown to whom it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionShown {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to ten minutes.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The network it began from.
    pub network: Option<String>,
    /// What the browser called itself.
    pub agent: Option<String>,
}

/// How many sessions ended.
#[derive(Debug, Serialize)]
pub struct SessionsEnded {
    /// So many.
    pub ended: usize,
}

/// A second factor that waits for its first code. Shown once.
#[derive(Debug, Serialize)]
pub struct SecondFactorBegun {
    /// The seed, for typing into an app.
    pub secret: String,
    /// The same for a picture that an app reads.
    pub uri: String,
}

/// The codes for when the app is lost. Shown once; each is good once.
#[derive(Debug, Serialize)]
pub struct RecoveryCodes {
    /// Ten of them.
    pub recovery_codes: Vec<String>,
}

/// An invitation as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationShown {
    /// Its id.
    pub id: InvitationId,
    /// Where it was sent.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// Whose things a buyer's or publisher's person will see.
    pub party: Option<Party>,
    /// Who invited them, when it was a person.
    pub invited_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When its mail was last sent.
    pub sent_at: Timestamp,
    /// Not good from then on; send it again to renew it.
    pub expires_at: Timestamp,
}

/// Whom to invite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Where the link is sent.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// With the roles buyer and publisher: whose things they will see.
    pub party: Option<Party>,
}

/// An API key as it is shown: without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyShown {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// What it may do; `*` is everything.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Not good from then on.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to ten minutes.
    pub last_used_at: Option<Timestamp>,
}

/// A key to make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// What it may do; `*` is everything.
    pub scopes: Vec<String>,
    /// Not good from then on; left out for no end.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Debug, Serialize)]
pub struct ApiKeyMade {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyShown,
    /// Its token. Shown once: keep it.
    pub token: String,
}
