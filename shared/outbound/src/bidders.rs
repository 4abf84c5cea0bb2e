//! The `Bidders` port: bid requests and health probes through the guarded client.

use app::ports::{BidderAnswer, Bidders, NoAnswer};
use async_trait::async_trait;
use domain::auction::BidRequest;
use tokio::time::Instant;

use crate::{Outbound, OutboundError, OutboundRequest, OutboundResponse};

#[async_trait]
impl Bidders for Outbound {
    async fn ask(&self, request: &BidRequest, deadline: Instant) -> Result<BidderAnswer, NoAnswer> {
        let request = OutboundRequest {
            method: request.method.as_str().to_owned(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone().into_bytes(),
        };
        answer(self, request, deadline).await
    }

    async fn probe(&self, url: &str, deadline: Instant) -> Result<BidderAnswer, NoAnswer> {
        let request =
            OutboundRequest { method: "HEAD".to_owned(), url: url.to_owned(), ..OutboundRequest::default() };
        answer(self, request, deadline).await
    }
}

async fn answer(
    outbound: &Outbound,
    request: OutboundRequest,
    deadline: Instant,
) -> Result<BidderAnswer, NoAnswer> {
    match outbound.send(request, deadline).await {
        Ok(OutboundResponse { status, headers, body, elapsed }) => {
            Ok(BidderAnswer { status, headers, body, elapsed })
        }
        Err(error) => Err(no_answer(&error)),
    }
}

pub(crate) fn no_answer(error: &OutboundError) -> NoAnswer {
    NoAnswer { code: error.code().to_owned(), before_sending: error.is_connect() }
}
