//! What the handlers read from a request: who visits, who is signed in, addresses, and which page of a list.

use std::convert::Infallible;

use app::catalog::{Listing, Position};
use app::identity::Visitor;
use axum::extract::FromRequestParts;
use contract::problem::Code;
use contract::query::ListQuery;
use domain::audit::{Actor, By, Origin};
use domain::email::EmailAddress;
use domain::ids::{SessionId, TenantId, UserId};
use domain::validate::Problem;
use http::request::Parts;

use crate::access::{Access, Myself, Who};
use crate::cursor;
use crate::guard::ClientAddress;
use crate::nouns::listing;
use crate::params::Params;
use crate::refusal::Refusal;

/// Somebody who is not signed in.
pub struct Visiting(pub Visitor);

impl<S: Send + Sync> FromRequestParts<S> for Visiting {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let origin = parts.extensions.get::<Origin>().cloned().unwrap_or_default();
        let address = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
        Ok(Self(Visitor { by: By { actor: Actor::Visitor, origin }, address }))
    }
}

/// The session that asks.
pub struct Own<'a> {
    /// Of which account.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// SHA-256 of its token.
    pub token_hash: &'a str,
}

/// The session behind an access that only people have.
pub fn own(access: &Access<Myself>) -> Result<Own<'_>, Refusal> {
    match &access.principal.who {
        Who::User { user, session, token_hash, .. } => {
            Ok(Own { tenant: access.tenant, user: *user, session: *session, token_hash })
        }
        Who::ApiKey { .. } => Err(access.principal.refusal(domain::access::Permission::Myself)),
    }
}

/// An address, or what is wrong with it.
pub fn email(text: &str) -> Result<EmailAddress, Refusal> {
    text.parse().map_err(|error: domain::email::EmailError| {
        let problem =
            Problem { field: "email".to_owned(), rule: "format".to_owned(), message: error.to_string() };
        Refusal::fields(Code::Invalid, vec![problem])
    })
}

/// Which page of a list is asked for, and the list's name for cursors.
pub fn page(tenant: TenantId, path: &str, Params(params): Params) -> Result<(Listing, String), Refusal> {
    let query = ListQuery::read(&params).map_err(|fields| Refusal::fields(Code::InvalidQuery, fields))?;
    let name = format!("{path} {:?} {} {:?}", query.sort, query.descending, query.search);
    let after = query.cursor.as_deref().map(|text| cursor::open(tenant, &name, text)).transpose()?;
    Ok((listing(query, false, after), name))
}

/// The cursor of where a page ended.
pub fn next(tenant: TenantId, name: &str, position: Option<Position>) -> Option<String> {
    position.and_then(|Position { key, id }| cursor::seal(tenant, name, (key, id)))
}
