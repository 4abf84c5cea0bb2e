//! The settings of a function, read once from its environment.
//!
//! Which function gets which variable is stated in `template.yaml`; a function that asks for one it was not given stops at
//! start, with the variable's name. What must stay true: production never starts with `OUTBOUND_ALLOW`.

use std::path::PathBuf;
use std::str::FromStr;

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

/// Where history stays that the table does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// An S3 bucket.
    Bucket(String),
    /// A folder.
    Dir(PathBuf),
}

/// Where the key comes from under which tenants' secrets are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultPlace {
    /// A key of KMS: its id, ARN or alias.
    Kms(String),
    /// A file, made when it is not there. Never in production.
    File(PathBuf),
}

/// Where e-mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailPlace {
    /// Out through SES, from this address.
    Ses(String),
    /// Into a folder. Never in production.
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
    /// `OUTBOUND_ALLOW`: exceptions from the outbound address rules, as written. Empty in production.
    pub outbound_allow: String,
    /// `API_REQUESTS_PER_MINUTE`: how often one client may ask the API; 100 unless set.
    pub api_requests_per_minute: u32,
    fallback_place: Option<FallbackPlace>,
    archive_place: Option<ArchivePlace>,
    vault_place: Option<VaultPlace>,
    mail_place: Option<MailPlace>,
    app_origin: Option<String>,
    dni_origin: Option<String>,
    bid_log_queue_url: Option<String>,
    postback_queue_url: Option<String>,
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
    /// A stand-in for a service of the cloud is set where real calls run.
    #[error("{variable} must not be set when STAGE is production: set {instead}")]
    StandInInProduction {
        /// The environment variable.
        variable: &'static str,
        /// What production uses.
        instead: &'static str,
    },
    /// The exception for local bidders is set where real calls run.
    #[error(
        "OUTBOUND_ALLOW must be empty when STAGE is production: it opens private addresses to outbound requests"
    )]
    OutboundAllowInProduction,
}

/// Twilio's REST API, unless configured otherwise.
const TWILIO_API: &str = "https://api.twilio.com";
/// Requests to the API per client and minute, unless configured otherwise.
const API_REQUESTS_PER_MINUTE: u32 = 100;

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
        let stand_in = |variable: &'static str, instead: &'static str| match optional(variable) {
            Some(_) if stage == Stage::Production => {
                Err(SettingsError::StandInInProduction { variable, instead })
            }
            path => Ok(path.map(PathBuf::from)),
        };
        let key_file = stand_in("VAULT_KEY_FILE", "VAULT_KEY_ID")?.map(VaultPlace::File);
        let mail_dir = stand_in("MAIL_DIR", "MAIL_FROM")?.map(MailPlace::Dir);
        let archive_dir = stand_in("ARCHIVE_DIR", "ARCHIVE_BUCKET")?.map(ArchivePlace::Dir);
        Ok(Self {
            stage,
            table_name: required("TABLE_NAME")?,
            public_base_url: base_url("PUBLIC_BASE_URL", &required("PUBLIC_BASE_URL")?)?,
            fallback_base_url: base_url("FALLBACK_BASE_URL", &required("FALLBACK_BASE_URL")?)?,
            twilio_api_base: base_url(
                "TWILIO_API_BASE",
                &optional("TWILIO_API_BASE").unwrap_or_else(|| TWILIO_API.to_owned()),
            )?,
            outbound_allow,
            api_requests_per_minute: optional("API_REQUESTS_PER_MINUTE")
                .map_or(Ok(API_REQUESTS_PER_MINUTE), |text| per_minute("API_REQUESTS_PER_MINUTE", &text))?,
            fallback_place: bucket.or(folder),
            archive_place: optional("ARCHIVE_BUCKET").map(ArchivePlace::Bucket).or(archive_dir),
            vault_place: optional("VAULT_KEY_ID").map(VaultPlace::Kms).or(key_file),
            mail_place: optional("MAIL_FROM").map(MailPlace::Ses).or(mail_dir),
            app_origin: optional("APP_ORIGIN").map(|text| origin("APP_ORIGIN", &text)).transpose()?,
            dni_origin: optional("DNI_ORIGIN").map(|text| origin("DNI_ORIGIN", &text)).transpose()?,
            bid_log_queue_url: optional("BID_LOG_QUEUE_URL"),
            postback_queue_url: optional("POSTBACK_QUEUE_URL"),
        })
    }

    /// `VAULT_KEY_ID`, or else `VAULT_KEY_FILE`.
    ///
    /// # Errors
    /// The function was given neither.
    pub fn vault_place(&self) -> Result<&VaultPlace, SettingsError> {
        self.vault_place.as_ref().ok_or(SettingsError::Missing { variable: "VAULT_KEY_ID or VAULT_KEY_FILE" })
    }

    /// `MAIL_FROM`, or else `MAIL_DIR`.
    ///
    /// # Errors
    /// The function was given neither.
    pub fn mail_place(&self) -> Result<&MailPlace, SettingsError> {
        self.mail_place.as_ref().ok_or(SettingsError::Missing { variable: "MAIL_FROM or MAIL_DIR" })
    }

    /// `APP_ORIGIN`: where people open the dashboard, as a browser writes an origin (`https://app.example.com`).
    ///
    /// # Errors
    /// The function was not given it.
    pub fn app_origin(&self) -> Result<&str, SettingsError> {
        self.app_origin.as_deref().ok_or(SettingsError::Missing { variable: "APP_ORIGIN" })
    }

    /// `DNI_ORIGIN`: where pages load the number script and ask for numbers, as a browser writes an origin; `PUBLIC_BASE_URL`
    /// unless set.
    pub fn dni_origin(&self) -> &str {
        self.dni_origin.as_deref().unwrap_or_else(|| self.public_base_url.trim_end_matches('/'))
    }

    /// `BID_LOG_QUEUE_URL`.
    ///
    /// # Errors
    /// The function was not given it.
    pub fn bid_log_queue_url(&self) -> Result<&str, SettingsError> {
        self.bid_log_queue_url.as_deref().ok_or(SettingsError::Missing { variable: "BID_LOG_QUEUE_URL" })
    }

    /// `POSTBACK_QUEUE_URL`.
    ///
    /// # Errors
    /// The function was not given it.
    pub fn postback_queue_url(&self) -> Result<&str, SettingsError> {
        self.postback_queue_url.as_deref().ok_or(SettingsError::Missing { variable: "POSTBACK_QUEUE_URL" })
    }

    /// `ARCHIVE_BUCKET`, or else `ARCHIVE_DIR`.
    ///
    /// # Errors
    /// The function was given neither.
    pub fn archive_place(&self) -> Result<&ArchivePlace, SettingsError> {
        self.archive_place
            .as_ref()
            .ok_or(SettingsError::Missing { variable: "ARCHIVE_BUCKET or ARCHIVE_DIR" })
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

/// Scheme, host and port as a browser sends them in the header `Origin`; a slash at the end is dropped.
fn origin(variable: &'static str, text: &str) -> Result<String, SettingsError> {
    let problem = "it must be scheme, host and port only, in lower case, such as https://app.example.com; plain http \
                   only on this machine itself, because a browser keeps no sign-in over it";
    let text = text.trim_end_matches('/');
    let sound = url::Url::parse(text).is_ok_and(|url| {
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        (url.scheme() == "https" || url.scheme() == "http" && is_local)
            && url.origin().ascii_serialization() == text
    });
    let invalid = || SettingsError::Invalid { variable, problem: problem.to_owned() };
    sound.then(|| text.to_owned()).ok_or_else(invalid)
}

fn per_minute(variable: &'static str, text: &str) -> Result<u32, SettingsError> {
    let invalid = || SettingsError::Invalid {
        variable,
        problem: "it must be a whole number from 1 to 1000000".to_owned(),
    };
    text.trim().parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(invalid)
}
