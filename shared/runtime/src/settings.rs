//! The settings of a function, read once from its environment.
//!
//! Which function gets which variable is stated in `template.yaml`; a function that asks for one it was not given stops at
//! start, with the variable's name. What must stay true: production never starts with `OUTBOUND_ALLOW`.

use std::path::PathBuf;
use std::str::FromStr;

use crate::accounts::{AccountsError, TwilioAccounts};

/// What an installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// One process on a developer's machine.
    Local,
    /// An installation to try things on.
    Dev,
    /// The last step before production.
    Staging,
    /// Real calls.
    Production,
}

impl Stage {
    /// As it is written in `STAGE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl FromStr for Stage {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let stages = [Self::Local, Self::Dev, Self::Staging, Self::Production];
        stages
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| "it must be local, dev, staging or production".to_owned())
    }
}

/// Where the static documents for Twilio's fallback are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FallbackPlace {
    /// An S3 bucket.
    Bucket(String),
    /// A folder.
    Dir(PathBuf),
}

/// Everything the environment says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STAGE`.
    pub stage: Stage,
    /// `TABLE_NAME`: the DynamoDB table.
    pub table_name: String,
    /// `PUBLIC_BASE_URL`: where Twilio reaches us; without a slash at the end.
    pub public_base_url: String,
    /// `FALLBACK_BASE_URL`: where Twilio finds the static documents; without a slash at the end.
    pub fallback_base_url: String,
    /// `TWILIO_API_BASE`: Twilio's REST API; without a slash at the end.
    pub twilio_api_base: String,
    /// `APP_ORIGIN`: where people open the dashboard, as browsers write an origin; `PUBLIC_BASE_URL` unless set.
    pub app_origin: String,
    /// `API_REQUESTS_PER_MINUTE`: what one credential, or one address without, may ask of the API; 100 unless set.
    pub api_requests_per_minute: u32,
    /// `OUTBOUND_ALLOW`: exceptions from the outbound address rules, as written. Empty in production.
    pub outbound_allow: String,
    fallback_place: Option<FallbackPlace>,
    bid_log_queue_url: Option<String>,
    twilio_accounts: Option<TwilioAccounts>,
}

/// A setting is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not set, or empty.
    #[error("{variable} is not set")]
    Missing {
        /// The environment variable.
        variable: &'static str,
    },
    /// Set to something that cannot be used.
    #[error("{variable} cannot be used: {problem}")]
    Invalid {
        /// The environment variable.
        variable: &'static str,
        /// What would be right.
        problem: String,
    },
    /// The list of accounts cannot be used.
    #[error("TWILIO_ACCOUNTS cannot be used")]
    Accounts(#[source] AccountsError),
    /// The exception for local bidders is set where real calls run.
    #[error(
        "OUTBOUND_ALLOW must be empty when STAGE is production: it opens private addresses to outbound requests"
    )]
    OutboundAllowInProduction,
}

/// Twilio's REST API, unless configured otherwise.
const TWILIO_API: &str = "https://api.twilio.com";

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`SettingsError`] names the first variable that is wrong.
    pub fn from_env() -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads settings")]
        Self::from_lookup(|variable| std::env::var(variable).ok())
    }

    /// Reads variables from elsewhere: the local platform and tests have several sets of them in one process.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |variable: &'static str| lookup(variable).filter(|value| !value.trim().is_empty());
        let required = |variable| optional(variable).ok_or(SettingsError::Missing { variable });
        let stage = required("STAGE")?
            .parse()
            .map_err(|problem| SettingsError::Invalid { variable: "STAGE", problem })?;
        let outbound_allow = optional("OUTBOUND_ALLOW").unwrap_or_default();
        if stage == Stage::Production && !outbound_allow.is_empty() {
            return Err(SettingsError::OutboundAllowInProduction);
        }
        let bucket = optional("FALLBACK_BUCKET").map(FallbackPlace::Bucket);
        let folder = optional("FALLBACK_DIR").map(|folder| FallbackPlace::Dir(PathBuf::from(folder)));
        let accounts = optional("TWILIO_ACCOUNTS")
            .map(|json| TwilioAccounts::parse(&json).map_err(SettingsError::Accounts))
            .transpose()?;
        let public_base_url = base_url("PUBLIC_BASE_URL", &required("PUBLIC_BASE_URL")?)?;
        let app_origin = optional("APP_ORIGIN").map(|text| origin("APP_ORIGIN", &text)).transpose()?;
        let per_minute = optional("API_REQUESTS_PER_MINUTE").map(|text| at_least_one(&text)).transpose()?;
        Ok(Self {
            stage,
            table_name: required("TABLE_NAME")?,
            app_origin: app_origin.unwrap_or_else(|| public_base_url.clone()),
            api_requests_per_minute: per_minute.unwrap_or(REQUESTS_PER_MINUTE),
            public_base_url,
            fallback_base_url: base_url("FALLBACK_BASE_URL", &required("FALLBACK_BASE_URL")?)?,
            twilio_api_base: base_url(
                "TWILIO_API_BASE",
                &optional("TWILIO_API_BASE").unwrap_or_else(|| TWILIO_API.to_owned()),
            )?,
            outbound_allow,
            fallback_place: bucket.or(folder),
            bid_log_queue_url: optional("BID_LOG_QUEUE_URL"),
            twilio_accounts: accounts,
        })
    }

    /// `TWILIO_ACCOUNTS`.
    ///
    /// # Errors
    /// The function was not given it.
    pub fn twilio_accounts(&self) -> Result<&TwilioAccounts, SettingsError> {
        self.twilio_accounts.as_ref().ok_or(SettingsError::Missing { variable: "TWILIO_ACCOUNTS" })
    }

    /// `BID_LOG_QUEUE_URL`.
    ///
    /// # Errors
    /// The function was not given it.
    pub fn bid_log_queue_url(&self) -> Result<&str, SettingsError> {
        self.bid_log_queue_url.as_deref().ok_or(SettingsError::Missing { variable: "BID_LOG_QUEUE_URL" })
    }

    /// `FALLBACK_BUCKET`, or else `FALLBACK_DIR`.
    ///
    /// # Errors
    /// The function was given neither.
    pub fn fallback_place(&self) -> Result<&FallbackPlace, SettingsError> {
        self.fallback_place
            .as_ref()
            .ok_or(SettingsError::Missing { variable: "FALLBACK_BUCKET or FALLBACK_DIR" })
    }
}

/// What one credential may ask of the API in a minute, unless configured otherwise.
const REQUESTS_PER_MINUTE: u32 = 100;

fn at_least_one(text: &str) -> Result<u32, SettingsError> {
    text.trim().parse().ok().filter(|count| *count > 0).ok_or_else(|| SettingsError::Invalid {
        variable: "API_REQUESTS_PER_MINUTE",
        problem: "it must be a whole number above 0".to_owned(),
    })
}

/// Scheme, host and port. Plain HTTP only on this machine itself: a browser takes no `__Host-` cookie over it.
fn origin(variable: &'static str, text: &str) -> Result<String, SettingsError> {
    let invalid = |problem: &str| SettingsError::Invalid { variable, problem: problem.to_owned() };
    let base = base_url(variable, text)?;
    let url = url::Url::parse(&base).map_err(|_| invalid("it must be an address"))?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "http" && !is_local {
        return Err(invalid("it must begin with https://, except on this machine itself"));
    }
    if url.path() != "/" {
        return Err(invalid("it must be scheme, host and port without a path"));
    }
    Ok(url.origin().ascii_serialization())
}

/// Scheme, host, and a path at most; the slash at the end is dropped.
fn base_url(variable: &'static str, text: &str) -> Result<String, SettingsError> {
    let problem = "it must be an http(s) address without query, fragment or user name".to_owned();
    let sound = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if sound {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(SettingsError::Invalid { variable, problem })
    }
}
