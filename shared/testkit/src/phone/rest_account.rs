//! The account itself, as the REST API tells it: `GET /2010-04-01/Accounts/{sid}.json`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use super::rest::authorise;
use super::rest_answers::{self as answers, Refused};
use super::state::Network;

pub(super) async fn fetch(
    State(network): State<Arc<Network>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let account = file.strip_suffix(".json").unwrap_or(&file);
    let answer = || {
        authorise(&network, account, &headers)?;
        let status = network.config.account_status;
        if status == "suspended" {
            return Err(Refused::new(401, 20_005, "Account not active"));
        }
        let uri = format!("/2010-04-01/Accounts/{account}");
        Ok(json!({
            "auth_token": network.config.auth_token,
            "date_created": "Thu, 06 Aug 2015 01:36:09 +0000",
            "date_updated": "Thu, 06 Aug 2015 01:36:09 +0000",
            "friendly_name": "Simulated account",
            "owner_account_sid": account,
            "sid": account,
            "status": status,
            "subresource_uris": {
                "calls": format!("{uri}/Calls.json"),
                "incoming_phone_numbers": format!("{uri}/IncomingPhoneNumbers.json"),
            },
            "type": "Full",
            "uri": format!("{uri}.json"),
        }))
    };
    answers::answer(answer())
}
