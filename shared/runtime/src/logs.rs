//! Logs: JSON lines on Lambda, readable lines on a terminal.
//!
//! What must stay true: libraries never write more than warnings. Their finer messages hold requests, answers and tokens,
//! so `LOG_LEVEL` reaches our own crates only, which do not log such things.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Our own crates, as log targets. Whatever is not here is held to warnings.
const OURS: [&str; 30] = [
    "api",
    "app",
    "bid_log",
    "contract",
    "conversion_webhook",
    "dni_lookup",
    "domain",
    "housekeeping",
    "local_platform",
    "mail",
    "objects",
    "outbound",
    "postback_delivery",
    "queue",
    "reports",
    "rtb_auction",
    "rtb_health",
    "rtb_inbound",
    "runtime",
    "script",
    "store",
    "testkit",
    "tests",
    "twilio",
    "vault",
    "visit_events",
    "voice_dial_result",
    "voice_inbound",
    "voice_status",
    "webhook",
];

/// The filter that belongs to a level (`error`, `warn`, `info`, `debug`, `trace`; anything else means `info`).
pub fn filter(level: &str) -> String {
    let known = ["error", "warn", "info", "debug", "trace"];
    let level = known.into_iter().find(|word| word.eq_ignore_ascii_case(level.trim())).unwrap_or("info");
    let libraries = if level == "error" { "error" } else { "warn" };
    // The span around an invocation carries the request id into every line; it is made at info.
    let mut parts = vec![libraries.to_owned(), "lambda_runtime=info".to_owned()];
    parts.extend(OURS.iter().map(|target| format!("{target}={level}")));
    parts.join(",")
}

/// Starts logging at `LOG_LEVEL`, or at info. The first call in a process counts; later ones do nothing.
pub fn init() {
    init_or("info", &[]);
}

/// Starts logging at `LOG_LEVEL`, or at another level when it is not set. `quiet` names libraries whose warnings are
/// part of normal work; only their errors are written.
pub fn init_or(level: &str, quiet: &[&str]) {
    #[expect(
        clippy::disallowed_methods,
        reason = "logging starts before the settings are read, to tell what is wrong with them"
    )]
    let set = std::env::var("LOG_LEVEL").ok().filter(|set| !set.trim().is_empty());
    let mut filter = filter(set.as_deref().unwrap_or(level));
    for library in quiet {
        filter.push_str(&format!(",{library}=error"));
    }
    let filter = EnvFilter::new(filter);
    let on_lambda = std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some();
    let started = if on_lambda {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_env_filter(filter)
            .try_init()
    } else {
        let lines = tracing_subscriber::fmt().compact().with_writer(std::io::stderr);
        lines.with_ansi(std::io::stderr().is_terminal()).with_env_filter(filter).try_init()
    };
    // Already started by the process around us (a test, the local platform): that one stays.
    drop(started);
}
