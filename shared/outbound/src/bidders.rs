//! The `Bidders` port: bid requests and health probes through the guarded client.

use app::ports::{BidderAnswer, Bidders, NoAnswer};
use async_trait::async_trait;
use bytes::Bytes;
use domain::auction::BidRequest;
use tokio::time::Instant;

use crate::request::Outgoing;
use crate::{Outbound, OutboundError, OutboundResponse};

#[async_trait]
impl Bidders for Outbound {
    async fn ask(&self, request: &BidRequest, deadline: Instant) -> Result<BidderAnswer, NoAnswer> {
        let outgoing = Outgoing {
            method: request.method.as_str(),
            url: &request.url,
            headers: &request.headers,
            body: Bytes::copy_from_slice(request.body.as_bytes()),
        };
        answer(self, outgoing, deadline).await
    }

    async fn probe(&self, url: &str, deadline: Instant) -> Result<BidderAnswer, NoAnswer> {
        let outgoing = Outgoing { method: "HEAD", url, headers: &[], body: Bytes::new() };
        answer(self, outgoing, deadline).await
    }
}

async fn answer(
    outbound: &Outbound,
    outgoing: Outgoing<'_>,
    deadline: Instant,
) -> Result<BidderAnswer, NoAnswer> {
    match outbound.deliver(outgoing, deadline).await {
        Ok(OutboundResponse { status, headers, body, elapsed }) => {
            Ok(BidderAnswer { status, headers, body, elapsed })
        }
        Err(error) => Err(no_answer(&error)),
    }
}

pub(crate) fn no_answer(error: &OutboundError) -> NoAnswer {
    NoAnswer { code: error.code().to_owned(), before_sending: error.is_connect() }
}
