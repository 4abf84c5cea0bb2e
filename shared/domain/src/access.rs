//! Who may do what: one table of roles and permissions.
//!
//! What must stay true: the table is the only place that says it; an API key's scopes are permissions' names; a buyer and a
//! publisher see nothing but their own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{BuyerId, PublisherId};

/// What a user is in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Made the account, or was given it. There is always at least one.
    Owner,
    /// May do everything but unmake an owner.
    Admin,
    /// Runs the campaigns.
    Manager,
    /// Reads.
    Analyst,
    /// A buyer's person: sees that buyer's own calls.
    Buyer,
    /// A publisher's person: sees that publisher's own calls.
    Publisher,
}

impl Role {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Manager, Self::Analyst, Self::Buyer, Self::Publisher];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Analyst => "analyst",
            Self::Buyer => "buyer",
            Self::Publisher => "publisher",
        }
    }

    /// What this role may do with this permission.
    pub fn grant(self, permission: Permission) -> Grant {
        let row = TABLE.iter().find(|(of, _)| *of == permission);
        let column = Self::ALL.iter().position(|role| *role == self);
        match (row, column) {
            (Some((_, grants)), Some(column)) => grants.get(column).copied().unwrap_or(Grant::No),
            _ => Grant::No,
        }
    }
}

/// Whose things somebody without the whole account sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A buyer's.
    Buyer(BuyerId),
    /// A publisher's.
    Publisher(PublisherId),
}

/// How much a permission opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Everything in the account.
    All,
    /// The party's own.
    Own,
    /// Nothing.
    No,
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $scope:literal, [$($grant:ident)*];)*) => {
        /// A right that a route demands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, which is also the scope of an API key.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $scope,)*
                }
            }
        }

        /// The table: a permission, and what owner, admin, manager, analyst, buyer and publisher may do with it.
        pub const TABLE: &[(Permission, [Grant; 6])] = &[
            $((Permission::$name, [$(Grant::$grant,)*]),)*
        ];
    };
}

//                                                       owner admin manager analyst buyer publisher
permissions! {
    /// Campaigns, their readiness and their versions.
    CampaignsRead = "campaigns:read",                   [All All All All No No];
    /// Set up, publish, pause and activate campaigns.
    CampaignsWrite = "campaigns:write",                 [All All All No No No];
    /// Targets and target groups.
    TargetsRead = "targets:read",                       [All All All All No No];
    /// Set up targets and target groups.
    TargetsWrite = "targets:write",                     [All All All No No No];
    /// RTB targets and ring trees.
    RtbTargetsRead = "rtb_targets:read",                [All All All All No No];
    /// Set up RTB targets and ring trees.
    RtbTargetsWrite = "rtb_targets:write",              [All All All No No No];
    /// Publishers.
    PublishersRead = "publishers:read",                 [All All All All No No];
    /// Set up publishers.
    PublishersWrite = "publishers:write",               [All All All No No No];
    /// Buyers.
    BuyersRead = "buyers:read",                         [All All All All No No];
    /// Set up buyers.
    BuyersWrite = "buyers:write",                       [All All All No No No];
    /// The account's phone numbers.
    PhoneNumbersRead = "phone_numbers:read",            [All All All All No No];
    /// Set up, import and assign phone numbers.
    PhoneNumbersWrite = "phone_numbers:write",          [All All All No No No];
    /// Buy and release phone numbers: Twilio charges for them.
    PhoneNumbersBuy = "phone_numbers:buy",              [All All No No No No];
    /// Tracking tags and URL parameters.
    TrackingTagsRead = "tracking_tags:read",            [All All All All No No];
    /// Set up tracking tags and URL parameters.
    TrackingTagsWrite = "tracking_tags:write",          [All All All No No No];
    /// Blocked callers.
    BlockedNumbersRead = "blocked_numbers:read",        [All All All All No No];
    /// Block and unblock callers.
    BlockedNumbersWrite = "blocked_numbers:write",      [All All All No No No];
    /// Calls and their books.
    CallsRead = "calls:read",                           [All All All All Own Own];
    /// How much of their caps things have used.
    UsageRead = "usage:read",                           [All All All All Own Own];
    /// Report that calls converted.
    ConversionsWrite = "conversions:write",             [All All All No No No];
    /// Adjustments of calls' books: who asked, who decided.
    AdjustmentsRead = "adjustments:read",               [All All All All Own No];
    /// Ask for an adjustment; a buyer's person disputes own calls.
    AdjustmentsRequest = "adjustments:request",         [All All All No Own No];
    /// Approve and reject adjustments: they move money.
    AdjustmentsDecide = "adjustments:decide",           [All All No No No No];
    /// What is owed by and to whom, by month.
    LedgerRead = "ledger:read",                         [All All All All Own Own];
    /// The log of publishers' pings.
    PingsRead = "pings:read",                           [All All All All No Own];
    /// Incoming webhooks, without their URLs.
    IncomingWebhooksRead = "incoming_webhooks:read",    [All All All All No No];
    /// Set up incoming webhooks, and see their URLs.
    IncomingWebhooksWrite = "incoming_webhooks:write",  [All All All No No No];
    /// See phone numbers of callers whole.
    NumbersRead = "numbers:read",                       [All All All No No No];
    /// Users and invitations.
    UsersRead = "users:read",                           [All All All No No No];
    /// Invite, change and remove users.
    UsersWrite = "users:write",                         [All All No No No No];
    /// API keys, without their tokens.
    ApiKeysRead = "api_keys:read",                      [All All No No No No];
    /// Make and revoke API keys.
    ApiKeysWrite = "api_keys:write",                    [All All No No No No];
    /// The account's settings.
    AccountRead = "account:read",                       [All All All All No No];
    /// Change the account's settings.
    AccountWrite = "account:write",                     [All All No No No No];
    /// Connected Twilio accounts, without their tokens.
    TwilioAccountsRead = "twilio_accounts:read",        [All All All No No No];
    /// Connect and disconnect Twilio accounts.
    TwilioAccountsWrite = "twilio_accounts:write",      [All All No No No No];
    /// The audit log.
    AuditRead = "audit:read",                           [All All No No No No];
    /// Erase a caller.
    PrivacyWrite = "privacy:write",                     [All All No No No No];
    /// One's own sign-ins, password and second factor: for people only, never for API keys.
    Myself = "myself",                                  [All All All All All All];
}

impl Permission {
    /// Whether an API key may have it.
    pub fn is_scope(self) -> bool {
        self != Self::Myself
    }
}

/// There is no such permission, or no such role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such permission or role")]
pub struct Unknown;

impl FromStr for Permission {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == text).ok_or(Unknown)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
