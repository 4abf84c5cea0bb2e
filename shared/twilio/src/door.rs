//! The one door for Twilio's webhooks: nothing is looked up, and nothing written, before the signature holds.
//!
//! The account named in the form chooses the token; whether that account owns the number or the call is checked by
//! whoever reads them. What must stay true: every way of being refused looks the same from outside (403), except a body
//! that is no form at all (400).

use std::collections::BTreeMap;

use domain::ids::AccountSid;

use crate::form::{Form, FormError};
use crate::signature::{self, Body};
use crate::urls::Urls;
use crate::webhook;

/// Who may come in.
#[derive(Clone)]
pub struct Door {
    urls: Urls,
    tokens: BTreeMap<AccountSid, Vec<String>>,
}

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

/// A form that Twilio signed.
#[derive(Clone)]
pub struct Verified {
    /// The account whose token signed it.
    pub account: AccountSid,
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

impl Door {
    /// A door for these accounts, each with the tokens that may have signed (two while one is rotated).
    pub fn new(urls: Urls, tokens: impl IntoIterator<Item = (AccountSid, Vec<String>)>) -> Self {
        Self { urls, tokens: tokens.into_iter().collect() }
    }

    /// Our URLs, for the answer.
    pub const fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Lets a signed form in.
    ///
    /// # Errors
    /// [`Refused`], before anything was looked up.
    pub fn open(&self, knock: Knock<'_>) -> Result<Verified, Refused> {
        let form = Form::parse(knock.body)?;
        let account = webhook::account_sid(&form).map_err(|_| Refused::NotSigned)?;
        let tokens = self.tokens.get(&account).ok_or(Refused::NotSigned)?;
        let url = self.urls.signed_url(knock.raw_path, knock.raw_query);
        signature::verify(tokens, &url, Body::Form(form.pairs()), knock.signature)
            .map_err(|_| Refused::NotSigned)?;
        Ok(Verified { account, form })
    }
}
