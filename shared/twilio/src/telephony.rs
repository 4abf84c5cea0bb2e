//! Twilio's REST API behind the ports [`Telephony`] and [`CarrierNumbers`].
//!
//! What must stay true: an account is asked with its own token and no other; what Twilio does not know, or will not do, is
//! a value, not an error.

use std::fmt;
use std::sync::Arc;

use app::ports::{
    AccountStanding, AccountTokens, ApplicationHooks, AvailableNumber, Carried, CarrierCall, CarrierNumbers,
    CarrierRefusal, EnsuredApplication, Found, NumberSearch, OwnedNumber, PortError, PortResult, Telephony,
};
use app::secret::Secret;
use async_trait::async_trait;
use domain::ids::{AccountSid, ApplicationSid, CallSid, NumberSid};
use domain::phone::E164;

use crate::rest::{
    ApplicationResource, AvailableResource, CallResource, Credentials, NumberResource, Refusal, RestClient,
    RestError,
};

/// The ports, for all connected accounts.
#[derive(Clone)]
pub struct TwilioTelephony {
    pub(crate) client: RestClient,
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
    /// The ports over this client; each account's token is asked for when it is needed.
    pub fn new(client: RestClient, tokens: Arc<dyn AccountTokens>) -> Self {
        Self { client, tokens }
    }

    pub(crate) async fn credentials(
        &self,
        what: &'static str,
        account: &AccountSid,
    ) -> PortResult<Credentials> {
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

#[async_trait]
impl CarrierNumbers for TwilioTelephony {
    async fn search_numbers(
        &self,
        account: &AccountSid,
        search: &NumberSearch,
    ) -> Carried<Vec<AvailableNumber>> {
        let what = "searching phone numbers at Twilio";
        let found = self.client.available_numbers(&self.credentials(what, account).await?, search).await;
        match found {
            Ok(found) => Ok(Ok(found.into_iter().map(available_number).collect())),
            Err(error) if error.is_not_found() => Ok(Err(CarrierRefusal::NotOffered)),
            Err(error) => carried(what, Err(error)),
        }
    }

    async fn buy_number(
        &self,
        account: &AccountSid,
        number: &E164,
        application: &ApplicationSid,
    ) -> Carried<OwnedNumber> {
        let what = "buying a phone number at Twilio";
        let bought =
            self.client.buy_number(&self.credentials(what, account).await?, number, application).await;
        carried(what, bought.map(owned_number))
    }

    async fn owned_number(&self, account: &AccountSid, number: &E164) -> Carried<Option<OwnedNumber>> {
        let what = "asking Twilio for a phone number";
        let found = self.client.find_number(&self.credentials(what, account).await?, number).await;
        carried(what, found.map(|found| found.map(owned_number)))
    }

    async fn owned_numbers(&self, account: &AccountSid) -> Carried<Vec<OwnedNumber>> {
        let what = "asking Twilio for the phone numbers of an account";
        let found = self.client.numbers(&self.credentials(what, account).await?).await;
        carried(what, found.map(|found| found.into_iter().map(owned_number).collect()))
    }

    async fn point_number(
        &self,
        account: &AccountSid,
        number: &NumberSid,
        application: Option<&ApplicationSid>,
    ) -> Carried<bool> {
        let what = "giving a phone number to an application at Twilio";
        let pointed =
            self.client.point_number(&self.credentials(what, account).await?, number, application).await;
        carried(what, or_gone(pointed.map(drop)))
    }

    async fn release_number(&self, account: &AccountSid, number: &NumberSid) -> Carried<bool> {
        let what = "giving a phone number back to Twilio";
        let released = self.client.release_number(&self.credentials(what, account).await?, number).await;
        carried(what, or_gone(released))
    }

    async fn ensure_application(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<EnsuredApplication> {
        let what = "making sure of the application at Twilio";
        carried(what, self.ensure(&self.credentials(what, account).await?, name, hooks).await)
    }

    async fn applications(&self, account: &AccountSid, name: &str) -> Carried<Vec<ApplicationSid>> {
        let what = "asking Twilio for applications";
        let nothing = ApplicationHooks {
            voice_url: String::new(),
            fallback_url: String::new(),
            status_url: String::new(),
        };
        let found = self.client.applications(&self.credentials(what, account).await?, name, &nothing).await;
        carried(what, found.map(|found| found.into_iter().map(|application| application.sid).collect()))
    }
}

impl TwilioTelephony {
    /// Of several applications of the name the one with the lowest sid counts, so that everybody agrees on one.
    async fn ensure(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<EnsuredApplication, RestError> {
        let first = |found: Vec<ApplicationResource>| found.into_iter().next();
        if let Some(application) = first(self.client.applications(credentials, name, hooks).await?) {
            if application.is_right {
                return Ok(EnsuredApplication { sid: application.sid, found: Found::Right });
            }
            let corrected =
                self.client.update_application(credentials, &application.sid, name, hooks).await?;
            return Ok(EnsuredApplication { sid: corrected.sid, found: Found::Corrected });
        }
        let made = match self.client.create_application(credentials, name, hooks).await {
            Ok(made) => Some(made),
            Err(error) if error.is_lost() => None,
            Err(error) => return Err(error),
        };
        // Somebody else may have made one in the same instant, and an answer that was lost is made up for here.
        let doing = "make an application";
        let found = first(self.client.applications(credentials, name, hooks).await?).or(made);
        let application = found.ok_or(RestError::Field { doing, field: "applications" })?;
        Ok(EnsuredApplication { sid: application.sid, found: Found::Created })
    }
}

fn available_number(number: AvailableResource) -> AvailableNumber {
    AvailableNumber {
        number: number.phone_number,
        friendly_name: number.friendly_name,
        locality: number.locality,
        region: number.region,
        postal_code: number.postal_code,
        country: number.iso_country,
        capabilities: number.capabilities,
        needs_address: number.needs_address,
    }
}

fn owned_number(number: NumberResource) -> OwnedNumber {
    OwnedNumber {
        sid: number.sid,
        number: number.phone_number,
        friendly_name: number.friendly_name,
        capabilities: number.capabilities,
        application: number.voice_application_sid,
        voice_url: number.voice_url,
    }
}

/// What Twilio has no more is said by `false`.
pub(crate) fn or_gone(done: Result<(), RestError>) -> Result<bool, RestError> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// A refusal that a person may do something about is a value; everything else is an error.
pub(crate) fn carried<T>(what: &'static str, answer: Result<T, RestError>) -> Carried<T> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(RestError::Refused { refusal, .. }) if refusal.is_final() => Ok(Err(carrier_refusal(&refusal))),
        Err(error) => Err(port_error(what, error)),
    }
}

/// Twilio's error codes, as <https://www.twilio.com/docs/api/errors> has them.
fn carrier_refusal(refusal: &Refusal) -> CarrierRefusal {
    match (refusal.code, refusal.status) {
        (Some(21_422), _) => CarrierRefusal::NotAvailable,
        (Some(21_421), _) => CarrierRefusal::InvalidNumber,
        (Some(21_452), _) => CarrierRefusal::NoNumbersInArea,
        (Some(21_451), _) => CarrierRefusal::InvalidArea,
        (Some(21_404), _) => CarrierRefusal::TrialLimit,
        (Some(21_631 | 21_651), _) => CarrierRefusal::AddressRequired,
        (Some(21_649), _) => CarrierRefusal::BundleRequired,
        (Some(20_003), _) | (None, 401 | 403) => CarrierRefusal::NotAuthorised,
        (code, _) => CarrierRefusal::Other { code },
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
        RestError::Refused { refusal, .. } if refusal.is_throttled() => PortError::Busy { what },
        _ if error.is_passing() => PortError::away(what, error),
        _ => PortError::failed(what, error),
    }
}
