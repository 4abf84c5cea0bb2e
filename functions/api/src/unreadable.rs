//! Requests whose path is no path.

use contract::problem::Code;
use runtime::HttpResponse;

use crate::context::Context;
use crate::refusal::{Refusal, RequestId};

/// There is nothing at an address that is none.
pub fn answer(context: &Context, request_id: &RequestId) -> HttpResponse {
    Refusal::new(Code::UnknownRoute, "the path or the query holds signs that a URL cannot hold")
        .into_gateway(context, request_id)
}
