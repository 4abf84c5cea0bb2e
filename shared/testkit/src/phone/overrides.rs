//! The limits of one webhook request, and the settings in an address's fragment that change them
//! (`#ct=2000&rt=6000&tt=12000&rc=1&rp=ct,5xx`), as Twilio documents its connection overrides.
//!
//! Values outside the documented ranges are brought to the nearest allowed one; unknown names (`sni`, `e`) are ignored.

use std::time::Duration;

/// How long a request may take and when it is tried again. Durations are Twilio's, before any scaling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limits {
    /// `ct`: for the connection to be made.
    pub(super) connect: Duration,
    /// `rt`: for the answer to begin, and between its pieces.
    pub(super) read: Duration,
    /// `tt`: for everything, retries included.
    pub(super) total: Duration,
    /// `rc`: how many more times a failed request is tried.
    pub(super) retries: u32,
    /// `rp`: which failures are tried again.
    pub(super) retry_on: RetryOn,
}

/// Which failures are worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RetryOn {
    pub(super) client_errors: bool,
    pub(super) server_errors: bool,
    pub(super) connect: bool,
    pub(super) read: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            total: Duration::from_secs(15),
            retries: 1,
            retry_on: RetryOn { connect: true, ..RetryOn::default() },
        }
    }
}

impl Limits {
    /// The limits for a request to `url`.
    pub(super) fn of(url: &str) -> Self {
        let mut limits = Self::default();
        let Some((_, fragment)) = url.split_once('#') else { return limits };
        for (name, value) in fragment.split('&').filter_map(|setting| setting.split_once('=')) {
            match name {
                "ct" => limits.connect = milliseconds(value, 10_000).unwrap_or(limits.connect),
                "rt" => limits.read = milliseconds(value, 15_000).unwrap_or(limits.read),
                "tt" => limits.total = milliseconds(value, 15_000).unwrap_or(limits.total),
                "rc" => limits.retries = value.parse::<u32>().map_or(limits.retries, |count| count.min(5)),
                "rp" => limits.retry_on = RetryOn::parse(value),
                _ => {}
            }
        }
        limits
    }

    /// The same limits, `divisor` times shorter.
    pub(super) fn scaled(&self, divisor: u32) -> Self {
        let divisor = divisor.max(1);
        Self {
            connect: self.connect / divisor,
            read: self.read / divisor,
            total: self.total / divisor,
            ..self.clone()
        }
    }
}

impl RetryOn {
    fn parse(list: &str) -> Self {
        let mut on = Self::default();
        for word in list.split(',') {
            match word.trim() {
                "4xx" => on.client_errors = true,
                "5xx" => on.server_errors = true,
                "ct" => on.connect = true,
                "rt" => on.read = true,
                "all" => on = Self { client_errors: true, server_errors: true, connect: true, read: true },
                _ => {}
            }
        }
        on
    }
}

fn milliseconds(value: &str, most: u64) -> Option<Duration> {
    value.parse::<u64>().ok().map(|number| Duration::from_millis(number.clamp(100, most)))
}
