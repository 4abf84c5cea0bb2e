//! What every function needs around its handler: settings, logs, the AWS configuration, events in and answers out.
//!
//! What must stay true: this crate knows no adapter, so that a function's own `Cargo.toml` shows what it may touch; settings
//! are read once, at start, and a wrong one stops the start with the variable's name; a function, the local platform and a
//! test run the same path from event to answer ([`http::answer`]).

pub mod aws;
pub mod http;
pub mod logs;
pub mod run;
pub mod settings;

pub use app::secret::Secret;
pub use http::{HttpRequest, HttpResponse};
pub use run::{Cause, Tick, run_http, run_schedule, run_sqs, warm_up};
pub use settings::{ArchivePlace, FallbackPlace, MailPlace, Settings, SettingsError, Stage, VaultPlace};
