//! Twilio's REST API behind the [`Telephony`] port.
//!
//! What must stay true: an account is asked with its own token and no other; what Twilio does not know is a value, not an
//! error.

use std::fmt;
use std::sync::Arc;

use app::ports::{
    AccountStanding, AccountTokens, CarrierCall, NumberRouting, PortError, PortResult, Telephony,
};
use app::secret::Secret;
use async_trait::async_trait;
use domain::ids::{AccountSid, CallSid};
use domain::phone::E164;

use crate::rest::{CallResource, Credentials, NumberHooks, RestClient, RestError};

/// The port, for all connected accounts.
#[derive(Clone)]
pub struct TwilioTelephony {
    client: RestClient,
    tokens: Arc<dyn AccountTokens>,
}

impl fmt::Debug for TwilioTelephony {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TwilioTelephony").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The account has no token here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Twilio account is not connected")]
struct UnknownAccount;

impl TwilioTelephony {
    /// The port over this client; each account's token is asked for when it is needed.
    pub fn new(client: RestClient, tokens: Arc<dyn AccountTokens>) -> Self {
        Self { client, tokens }
    }

    async fn credentials(&self, what: &'static str, account: &AccountSid) -> PortResult<Credentials> {
        let token = self.tokens.request_token(account).await?;
        let token = token.ok_or_else(|| PortError::failed(what, UnknownAccount))?;
        Ok(Credentials::new(account.clone(), token.expose()))
    }
}

#[async_trait]
impl Telephony for TwilioTelephony {
    async fn call(&self, account: &AccountSid, sid: &CallSid) -> PortResult<Option<CarrierCall>> {
        let what = "asking Twilio for a call";
        let credentials = self.credentials(what, account).await?;
        match self.client.fetch_call(&credentials, sid).await {
            Ok(call) => Ok(Some(carrier_call(call))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(port_error(what, error)),
        }
    }

    async fn children(&self, account: &AccountSid, parent: &CallSid) -> PortResult<Vec<CarrierCall>> {
        let what = "asking Twilio for the legs of a call";
        let credentials = self.credentials(what, account).await?;
        let legs = self.client.child_calls(&credentials, parent).await;
        let legs = legs.map_err(|error| port_error(what, error))?;
        Ok(legs.into_iter().map(carrier_call).collect())
    }

    async fn owns_number(&self, account: &AccountSid, number: &E164) -> PortResult<bool> {
        let what = "asking Twilio for a phone number";
        let found = self.client.find_number(&self.credentials(what, account).await?, number).await;
        found.map(|found| found.is_some()).map_err(|error| port_error(what, error))
    }

    async fn route_number(
        &self,
        account: &AccountSid,
        number: &E164,
        routing: &NumberRouting,
    ) -> PortResult<bool> {
        let what = "pointing a phone number at us";
        let credentials = self.credentials(what, account).await?;
        let found = self.client.find_number(&credentials, number).await;
        let Some(found) = found.map_err(|error| port_error(what, error))? else {
            return Ok(false);
        };
        let hooks = NumberHooks {
            voice_url: routing.voice_url.clone(),
            voice_fallback_url: routing.fallback_url.clone(),
            status_callback: routing.status_url.clone(),
        };
        match self.client.update_number(&credentials, &found.sid, &hooks).await {
            Ok(_) => Ok(true),
            // Released between the two requests.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(port_error(what, error)),
        }
    }

    async fn delete_recording(&self, account: &AccountSid, recording: &str) -> PortResult<bool> {
        let what = "removing a recording at Twilio";
        match self.client.delete_recording(&self.credentials(what, account).await?, recording).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(port_error(what, error)),
        }
    }

    async fn check_account(&self, account: &AccountSid, token: &Secret) -> PortResult<AccountStanding> {
        let credentials = Credentials::new(account.clone(), token.expose());
        match self.client.fetch_account(&credentials).await {
            Ok(account) => Ok(account.standing()),
            Err(error) => {
                error.account_standing().ok_or_else(|| port_error("asking Twilio for an account", error))
            }
        }
    }
}

fn carrier_call(call: CallResource) -> CarrierCall {
    CarrierCall {
        sid: call.call_sid,
        status: call.status,
        to: call.to,
        duration_s: call.duration_s,
        started_at: call.start_time,
        ended_at: call.end_time,
    }
}

fn port_error(what: &'static str, error: RestError) -> PortError {
    match &error {
        RestError::Refused { refusal, .. } if refusal.status == 429 => PortError::Busy { what },
        _ => PortError::failed(what, error),
    }
}
