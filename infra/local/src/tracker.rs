//! The trackers of tags (RedTrack's domains), simulated: whatever their domain, postbacks arrive here, and nothing leaves this
//! machine. `GET /_sim/postbacks` lists the latest, the newest last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use app::ports::{NoAnswer, Trackers};
use async_trait::async_trait;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use tokio::time::Instant;

/// Postbacks that are remembered.
const KEPT: usize = 1_000;

/// What the trackers were told. Clones are the same.
#[derive(Clone, Default)]
pub struct SimulatedTrackers(Arc<Mutex<VecDeque<String>>>);

impl SimulatedTrackers {
    /// Addresses of the postbacks, the newest last.
    pub fn told(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Lists them.
    pub fn router(&self) -> Router {
        let list = |State(trackers): State<Self>| async move { Json(trackers.told()) };
        Router::new().route("/_sim/postbacks", get(list)).with_state(self.clone())
    }
}

#[async_trait]
impl Trackers for SimulatedTrackers {
    async fn tell(&self, url: &str, _: Instant) -> Result<u16, NoAnswer> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() == KEPT {
            told.pop_front();
        }
        told.push_back(url.to_owned());
        Ok(200)
    }
}
