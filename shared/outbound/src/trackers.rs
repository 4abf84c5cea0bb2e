//! The `Trackers` port: postbacks through the guarded client.

use app::ports::{NoAnswer, Trackers};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::bidders::no_answer;
use crate::{Outbound, OutboundRequest};

#[async_trait]
impl Trackers for Outbound {
    async fn tell(&self, url: &str, deadline: Instant) -> Result<u16, NoAnswer> {
        let request =
            OutboundRequest { method: "GET".to_owned(), url: url.to_owned(), ..OutboundRequest::default() };
        self.send(request, deadline).await.map(|answer| answer.status).map_err(|error| no_answer(&error))
    }
}
