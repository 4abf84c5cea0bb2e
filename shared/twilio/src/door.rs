//! The one door for Twilio's webhooks: a request claims to come from an account, and the signature proves it.
//!
//! The account named in the form chooses the tokens, which whoever opens the door finds for it; nothing else is looked up,
//! and nothing written, before the proof. Whether that account owns the number or the call is checked by whoever reads them. What must stay true: every way of being refused looks the same from outside (403), except a body
//! that is no form at all (400).

use domain::ids::{AccountSid, TenantId};

use crate::form::{Form, FormError};
use crate::signature::{self, Body};
use crate::urls::Urls;
use crate::webhook;

/// A request before it is believed.
#[derive(Clone, Copy)]
pub struct Knock<'a> {
    /// Path as received.
    pub raw_path: &'a str,
    /// Query as received, without `?`.
    pub raw_query: &'a str,
    /// `X-Twilio-Signature`.
    pub signature: Option<&'a str>,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// A form that says which account it comes from. Not to be believed yet.
#[derive(Clone)]
pub struct Claim {
    account: AccountSid,
    form: Form,
}

/// A form that Twilio signed.
#[derive(Clone)]
pub struct Verified {
    /// The account whose token signed it.
    pub account: AccountSid,
    /// Whose account it is.
    pub tenant: TenantId,
    /// The parameters.
    pub form: Form,
}

/// Why nobody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a form, or beyond its limits.
    #[error("the body is not a form that Twilio sends: {0}")]
    Malformed(#[from] FormError),
    /// Signed by nobody we know: no signature, a wrong one, or an unknown account.
    #[error("the request is not signed by a Twilio account that is set up here")]
    NotSigned,
}

impl Refused {
    /// The HTTP status that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NotSigned => 403,
        }
    }

    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_form",
            Self::NotSigned => "signature_refused",
        }
    }
}

impl Claim {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Refused`]: it is no form, or names no account.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let form = Form::parse(body)?;
        let account = webhook::account_sid(&form).map_err(|_| Refused::NotSigned)?;
        Ok(Self { account, form })
    }

    /// The account it claims to come from.
    pub const fn account(&self) -> &AccountSid {
        &self.account
    }

    /// Proves it by the signature: one of the account's tokens (two while one is exchanged) must have made it. `tenant` is
    /// whose account it is.
    ///
    /// # Errors
    /// The claim itself, when none has.
    pub fn prove(
        self,
        urls: &Urls,
        knock: Knock<'_>,
        tenant: TenantId,
        tokens: &[&str],
    ) -> Result<Verified, Self> {
        let url = urls.signed_url(knock.raw_path, knock.raw_query);
        match signature::verify(tokens, &url, Body::Form(self.form.pairs()), knock.signature) {
            Ok(()) => Ok(Verified { account: self.account, tenant, form: self.form }),
            Err(_) => Err(self),
        }
    }
}
