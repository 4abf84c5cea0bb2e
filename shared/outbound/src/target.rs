//! URLs that may be called, as the HTTP library takes them. Bidders are asked at the same few addresses again and again: each
//! is read and judged once.
//!
//! What must stay true: the verdict depends on nothing but the text and the allow-list, which a client never changes. The
//! addresses behind a name are no part of it: those are judged for every new connection (`connector`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::Uri;

use crate::allow::AllowList;
use crate::error::OutboundError;
use crate::guard;

/// Most that are kept. When they are all different (a token in the query), they are forgotten together.
const KEPT: usize = 256;

/// What was judged so far. A URL that is refused is judged again.
#[derive(Debug, Default)]
pub(crate) struct Targets(Mutex<HashMap<Box<str>, Uri>>);

impl Targets {
    /// # Errors
    /// `invalid_url`, `blocked_address` or `blocked_port`.
    pub(crate) fn of(&self, url: &str, allow: &AllowList) -> Result<Uri, OutboundError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known().get(url) {
            return Ok(target.clone());
        }
        let (_, judged) = guard::read_url(url, allow)?;
        let target = judged[..url::Position::AfterQuery]
            .parse::<Uri>()
            .map_err(|_| OutboundError::InvalidUrl { reason: "it cannot be sent" })?;
        let mut known = known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(url.into(), target.clone());
        Ok(target)
    }
}
