//! The HTTP API in front of the functions.
//!
//! What must stay true: which function answers which route stands in the template; each request becomes the event that API
//! Gateway sends and goes through the same path from event to answer as on Lambda.

use std::net::SocketAddr;
use std::sync::Arc;

use app::clock::{Clock, SystemClock};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;

use crate::event::{self, Arrived};
use crate::functions::Handler;
use crate::lambda::{Failed, Lambda};
use crate::routes::Routes;

/// API Gateway's own limit.
const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

/// The gateway.
#[derive(Clone)]
pub struct Gateway {
    routes: Arc<Routes>,
    lambda: Lambda,
}

impl Gateway {
    /// In front of these functions.
    pub fn new(routes: Routes, lambda: Lambda) -> Self {
        Self { routes: Arc::new(routes), lambda }
    }

    /// To be served with the peer's address.
    pub fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }
}

async fn answer(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else { return event::too_large() };
    let Some(found) = gateway.routes.find(parts.method.as_str(), parts.uri.path()) else {
        return event::not_found();
    };
    let Some(Handler::Http(handler)) = gateway.lambda.handler(found.function) else {
        return event::function_failed();
    };
    let clock = SystemClock;
    let arrived = Arrived {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body,
        peer,
        at: clock.now(),
        request_id: &clock.new_id().simple().to_string(),
    };
    let text = event::event(&arrived, &found);
    let Ok(event) = event::as_lambda_reads_it(&text) else { return event::function_failed() };
    let work = runtime::http::answer(event, move |request| handler(request));
    match gateway.lambda.run(found.function, work).await {
        Ok(response) => event::answer(&response),
        Err(Failed::TimedOut | Failed::Broke | Failed::Killed) => event::function_failed(),
    }
}
