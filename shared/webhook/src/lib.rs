//! What the functions that answer Twilio have in common: in through the door, out as TwiML or as a problem.
//!
//! The one crate of `shared/` that joins neighbours (`runtime`, `twilio` and `vault`), so that none of them has to know
//! another. What must stay true: nothing but the account is looked up, and nothing written, before the signature holds; a
//! request whose signature holds is never refused for what others sent; a failure of ours is a 503, which makes Twilio ask
//! once more and then take the number's static fallback document, so a caller is never left in silence.

pub mod failures;

use std::sync::Arc;

use app::clock::Clock;
use app::place::StepAnswer;
use app::ports::{Accounts, PortResult, Vault, WrappedKeys};
use app::twilio_accounts::{Directory, TwilioAccount};
use aws_config::SdkConfig;
use domain::ids::CallId;
use domain::voice::Reply;
use http::HeaderValue;
use http::header::RETRY_AFTER;
use runtime::run::Chain;
use runtime::{HttpRequest, HttpResponse, Settings, SettingsError, VaultPlace};
use twilio::door::{Claim, Knock, Refused, Verified};
use twilio::signature::SIGNATURE_HEADER;
use twilio::twiml;
use twilio::urls::{BaseUrlError, Urls};
use twilio::webhook::WebhookError;
use vault::{AwsKms, DataVault, FileKeys, KmsKeys};

use failures::{FailedSignatures, Verdict};

/// The vault at the place that the settings name. Nothing is asked yet.
///
/// # Errors
/// The function was given no such setting.
pub fn vault(
    settings: &Settings,
    config: &SdkConfig,
    keys: Arc<dyn WrappedKeys>,
) -> Result<Arc<DataVault>, SettingsError> {
    Ok(Arc::new(match settings.vault_place()? {
        VaultPlace::Kms(key_id) => {
            DataVault::new(KmsKeys::new(Arc::new(AwsKms::connect(config, key_id.as_str())), keys))
        }
        VaultPlace::File(path) => DataVault::new(FileKeys::new(path.as_path())),
    }))
}

/// Where Twilio's webhooks come in.
pub struct Door {
    urls: Urls,
    directory: Directory,
    failures: FailedSignatures,
}

impl Door {
    /// A door for the accounts of this directory, at this public address.
    ///
    /// # Errors
    /// The public base URL cannot be used.
    pub fn new(
        public_base_url: &str,
        directory: Directory,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BaseUrlError> {
        Ok(Self { urls: Urls::new(public_base_url)?, directory, failures: FailedSignatures::new(clock) })
    }

    /// Our URLs, for the answer.
    pub const fn urls(&self) -> &Urls {
        &self.urls
    }

    async fn verified(&self, knock: Knock<'_>) -> PortResult<Result<Verified, Refused>> {
        let claim = match Claim::read(knock.body) {
            Ok(claim) => claim,
            Err(refused) => return Ok(Err(refused)),
        };
        let known = self.directory.tokens(claim.account()).await?;
        let claim = match self.proven(claim, knock, known.as_deref()) {
            Ok(verified) => return Ok(Ok(verified)),
            Err(claim) => claim,
        };
        // Connected, or given another token, in another process a moment ago?
        let anew = self.directory.tokens_anew(claim.account()).await?;
        if anew == known {
            return Ok(Err(Refused::NotSigned));
        }
        Ok(self.proven(claim, knock, anew.as_deref()).map_err(|_| Refused::NotSigned))
    }

    fn proven(
        &self,
        claim: Claim,
        knock: Knock<'_>,
        account: Option<&TwilioAccount>,
    ) -> Result<Verified, Claim> {
        let Some(account) = account else { return Err(claim) };
        let tokens: Vec<&str> = account.tokens.iter().map(app::secret::Secret::expose).collect();
        claim.prove(&self.urls, knock, account.tenant, &tokens)
    }

    fn refuse(&self, refused: Refused, request: &HttpRequest) -> HttpResponse {
        let problem =
            |refused: Refused| HttpResponse::problem(refused.status(), refused.code(), &refused.to_string());
        if refused != Refused::NotSigned {
            return problem(refused);
        }
        match self.failures.count(request.source_ip.as_deref().unwrap_or_default()) {
            Verdict::Refuse => problem(refused),
            Verdict::TooMany { retry_after_s, first } => {
                if first {
                    tracing::warn!(
                        failures = failures::MOST_FAILURES,
                        "an address sends many wrong signatures; further ones get 429 for the rest of this minute"
                    );
                }
                let words = "too many requests with a wrong signature come from this address";
                HttpResponse::problem(429, "too_many_failed_signatures", words)
                    .with_header(RETRY_AFTER, HeaderValue::from(retry_after_s))
            }
        }
    }
}

/// A door for the accounts in this store.
///
/// # Errors
/// The public base URL cannot be used.
pub fn door<S: Accounts + 'static>(
    settings: &Settings,
    store: Arc<S>,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
) -> Result<Door, BaseUrlError> {
    Door::new(&settings.public_base_url, Directory::new(store, vault, clock.clone()), clock)
}

/// Lets a request in, or says why not.
///
/// # Errors
/// The answer that refuses.
pub async fn open(door: &Door, request: &HttpRequest) -> Result<Verified, HttpResponse> {
    let knock = Knock {
        raw_path: &request.raw_path,
        raw_query: &request.raw_query,
        signature: request.header(SIGNATURE_HEADER),
        body: &request.body,
    };
    match door.verified(knock).await {
        Ok(Ok(verified)) => Ok(verified),
        Ok(Err(refused)) => Err(door.refuse(refused, request)),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a Twilio account could not be looked up");
            Err(unavailable())
        }
    }
}

/// TwiML.
pub fn reply(door: &Door, reply: &Reply) -> HttpResponse {
    HttpResponse::xml(twiml::write(reply, door.urls()))
}

/// The answer to a step of a call.
pub fn step(door: &Door, call: CallId, step: u16, answered: PortResult<StepAnswer>) -> HttpResponse {
    match answered {
        Ok(StepAnswer::Reply(answer)) => reply(door, &answer),
        Ok(StepAnswer::UnknownCall) => unknown_call(),
        Ok(StepAnswer::WrongAccount) => wrong_account(),
        Err(error) => {
            tracing::error!(%call, step, error = %Chain(&error), "step of a call could not be answered");
            unavailable()
        }
    }
}

/// 400: a parameter is absent or cannot be read.
pub fn malformed(error: &WebhookError) -> HttpResponse {
    HttpResponse::problem(400, "malformed_webhook", &error.to_string())
}

/// 400: the form speaks of another call than the path.
pub fn wrong_call() -> HttpResponse {
    HttpResponse::problem(400, "wrong_call", "the call in the form is not the call in the path")
}

/// 403: signed, but by an account that does not own what it asks about.
pub fn wrong_account() -> HttpResponse {
    HttpResponse::problem(403, "wrong_account", "this Twilio account does not own the number that was called")
}

/// 404: no webhook lives here.
pub fn unknown_path() -> HttpResponse {
    HttpResponse::problem(404, "unknown_path", "this is not the path of a webhook")
}

/// 404: never heard of it.
pub fn unknown_call() -> HttpResponse {
    HttpResponse::problem(404, "unknown_call", "there is no such call")
}

/// 503: our fault; Twilio may ask again.
pub fn unavailable() -> HttpResponse {
    HttpResponse::problem(503, "unavailable", "this cannot be answered right now; ask again")
}
