//! The account, the people who sign in to it, and those who are invited.
//!
//! What must stay true: a buyer's or publisher's person has that party and nobody else has one; nobody gives, changes or
//! takes away a role above their own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{Party, Role};
use crate::email::EmailAddress;
use crate::ids::{InvitationId, TenantId, UserId};
use crate::money::Currency;
use crate::validate::{Problem, Problems, Validate};

/// Most users of an account.
pub const MAX_USERS: u32 = 200;

/// What the account's people set for all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// The company's name.
    pub name: String,
    /// The currency that new things begin with.
    #[serde(default)]
    pub currency: Currency,
    /// The zone in which the account's days begin: an IANA name.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Validate for AccountSettings {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.time_zone("time_zone", &self.time_zone);
        problems.into_result()
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: TenantId,
    /// What its people set.
    pub settings: AccountSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its settings were last changed.
    pub updated_at: Timestamp,
    /// Counts changes of the settings, from 1.
    pub version: u64,
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// They may.
    #[default]
    Active,
    /// They may not, until somebody makes them active again.
    Suspended,
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Of which account.
    pub tenant: TenantId,
    /// What they sign in with; confirmed, because a link that was sent there was followed.
    pub email: EmailAddress,
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
    /// When they joined.
    pub created_at: Timestamp,
    /// When anything of this was last changed.
    pub updated_at: Timestamp,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// Counts changes, from 1. Signing in is none.
    pub version: u64,
}

impl User {
    /// Whether they are one of the owners that the account must have.
    pub fn is_active_owner(&self) -> bool {
        self.role == Role::Owner && self.status == UserStatus::Active
    }
}

/// Somebody who may join the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// To which account.
    pub tenant: TenantId,
    /// Where it was sent.
    pub email: EmailAddress,
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
    /// Not valid from then on.
    pub expires_at: Timestamp,
}

/// How far up a role is; equal for the two parties' people.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Owner => 4,
        Role::Admin => 3,
        Role::Manager => 2,
        Role::Analyst => 1,
        Role::Buyer | Role::Publisher => 0,
    }
}

/// Whether somebody with the role `by` may give, change or take away the role `of`.
pub const fn may_decide_over(by: Role, of: Role) -> bool {
    rank(by) >= rank(of)
}

/// A buyer's person belongs to a buyer, a publisher's to a publisher, the others to the whole account.
pub fn check_party(problems: &mut Problems, role: Role, party: Option<Party>) {
    let message = match (role, party) {
        (Role::Buyer, Some(Party::Buyer(_))) | (Role::Publisher, Some(Party::Publisher(_))) => return,
        (Role::Buyer, _) => "name the buyer whose calls they see: {\"buyer\": \"BU…\"}",
        (Role::Publisher, _) => "name the publisher whose calls they see: {\"publisher\": \"AF…\"}",
        (_, None) => return,
        (_, Some(_)) => "only the roles buyer and publisher have a party; set it to null",
    };
    problems.add("party", "role", message);
}
