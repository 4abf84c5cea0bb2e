//! What stands before every route: who asks, how often they did, and whether their browser was tricked.
//!
//! In this order: the request is counted while its credential is looked up; somebody unknown is refused where a credential
//! is needed; a browser's cookie counts for a change only when the change came from our own pages. What must stay true: an
//! unknown credential and an expired one are refused alike, and are counted by address too, so that guessing is slow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use app::api_keys;
use app::identity::sessions;
use app::ports::PortResult;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::problem::Code;
use domain::access::{Grant, Permission};
use domain::audit::Origin;
use http::header::{AUTHORIZATION, HeaderName, ORIGIN};
use http::{HeaderMap, Method};
use runtime::run::Chain;

use crate::access::{HOW_TO_SIGN_IN, Principal, Who};
use crate::context::Context;
use crate::cookies;
use crate::idempotency;
use crate::limits::{Counted, HEALTH_PER_MINUTE, Standing};
use crate::refusal::Refusal;
use crate::routes::Route;

/// Sent by our own pages with every change. Another site cannot set it without asking us first, and we answer no to that.
pub const OWN_PAGES: HeaderName = HeaderName::from_static("x-ccp-request");
/// Longer tokens are none of ours.
const MAX_TOKEN: usize = 200;

/// The client's address as the gateway saw it; put there by [`crate::handle`].
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

/// What the guard needs.
#[derive(Clone)]
pub struct Guard {
    context: Arc<Context>,
    routes: Arc<HashMap<&'static str, Vec<Route>>>,
}

impl Guard {
    /// A guard of these routes.
    pub fn new(context: Arc<Context>, table: &[Route]) -> Self {
        let mut routes: HashMap<&'static str, Vec<Route>> = HashMap::new();
        for route in table {
            routes.entry(route.path).or_default().push(*route);
        }
        Self { context, routes: Arc::new(routes) }
    }

    fn route(&self, request: &Request) -> Option<Route> {
        let path = request.extensions().get::<MatchedPath>()?;
        let method = match *request.method() {
            Method::HEAD => "GET",
            ref other => other.as_str(),
        };
        self.routes.get(path.as_str())?.iter().find(|route| route.verb.as_str() == method).copied()
    }
}

/// How somebody signs a request.
enum Credential {
    None,
    /// An API key's token, hashed.
    Key(String),
    /// A browser's session token, hashed.
    Session(String),
    /// Something that is none of ours.
    Unusable,
}

fn credential(headers: &HeaderMap, app_origin: &str) -> Credential {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return match cookies::session(headers, app_origin) {
            Some(token) => Credential::Session(api_keys::hash(&token)),
            None => Credential::None,
        };
    };
    let Some((scheme, token)) = header.to_str().ok().and_then(|value| value.trim().split_once(' ')) else {
        return Credential::None;
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Credential::None;
    }
    let token = token.trim();
    if !token.starts_with(api_keys::TOKEN_PREFIX) || token.len() > MAX_TOKEN {
        return Credential::Unusable;
    }
    Credential::Key(api_keys::hash(token))
}

/// The layer around every route.
pub async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let Some(route) = guard.route(&request) else { return next.run(request).await };
    let context = &*guard.context;
    let credential = credential(request.headers(), &context.app_origin);
    let address = request.extensions().get().copied().unwrap_or(ClientAddress(None));
    let counted = counted(context, &route, &credential, address);
    let now = context.clock.now();
    let (standing, found) = tokio::join!(context.limits.count(&counted, now), identify(context, &credential));
    let answered = |mut response: Response, standing: Option<Standing>| {
        if let Some(standing) = standing {
            standing.write(response.headers_mut());
        }
        response
    };
    if let Some(standing) = standing.filter(|standing| standing.exceeded) {
        return answered(too_many(standing).into_response(), Some(standing));
    }
    let principal = match found {
        Ok(principal) => principal,
        Err(refusal) => return answered(refusal.into_response(), standing),
    };
    if principal.is_none() && !matches!(credential, Credential::None) {
        // A guess. Who guesses often is counted by address.
        let by_address = Counted { name: address_name(address), per_minute: context.per_minute };
        let guesses = context.limits.count(&by_address, now).await;
        if let Some(standing) = guesses.filter(|standing| standing.exceeded) {
            return answered(too_many(standing).into_response(), Some(standing));
        }
    }
    let refusal = match (&principal, route.scope) {
        (None, Some(_)) => Some(unknown(&credential)),
        (Some(principal), Some(permission)) => {
            may_not(principal, permission, route.own).or_else(|| cross_site(context, principal, &request))
        }
        (_, None) => foreign_origin(context, &request),
    };
    if let Some(refusal) = refusal {
        return answered(refusal.into_response(), standing);
    }
    let origin = Origin::of(address.0, agent(request.headers()), request_id(&request));
    request.extensions_mut().insert(origin);
    let response = match principal {
        Some(principal) => {
            request.extensions_mut().insert(principal.clone());
            if route.is_kept() {
                idempotency::once(context, &principal, request, next).await
            } else {
                next.run(request).await
            }
        }
        None => next.run(request).await,
    };
    answered(response, standing)
}

/// Whoever lacks the permission gets no kept answer of a time when they had it, either.
fn may_not(principal: &Principal, permission: Permission, own: bool) -> Option<Refusal> {
    match principal.grant(permission) {
        Grant::All => None,
        Grant::Own if own => None,
        Grant::Own | Grant::No => Some(principal.refusal(permission)),
    }
}

fn counted(context: &Context, route: &Route, credential: &Credential, address: ClientAddress) -> Counted {
    if route.path == crate::health::PATH {
        let name = format!("health#{}", address_name(address));
        return Counted { name, per_minute: HEALTH_PER_MINUTE };
    }
    let name = match credential {
        Credential::Key(hash) | Credential::Session(hash) => format!("api#{hash}"),
        Credential::None | Credential::Unusable => address_name(address),
    };
    Counted { name, per_minute: context.per_minute }
}

fn address_name(ClientAddress(address): ClientAddress) -> String {
    match address {
        // Whoever has an IPv6 address has a whole /64 of them.
        Some(IpAddr::V6(address)) => {
            let [one, two, three, four, ..] = address.segments();
            format!("address#{one:x}:{two:x}:{three:x}:{four:x}::/64")
        }
        Some(IpAddr::V4(address)) => format!("address#{address}"),
        None => "address#unknown".to_owned(),
    }
}

async fn identify(context: &Context, credential: &Credential) -> Result<Option<Principal>, Refusal> {
    let now = context.clock.now();
    match credential {
        Credential::None | Credential::Unusable => Ok(None),
        Credential::Key(hash) => {
            let key = context.identity.api_key(hash).await?;
            let valid = key.filter(|key| key.expires_at.is_none_or(|at| now < at));
            if let Some(key) = &valid {
                let noted = sessions::note_key_use(context.identity.as_ref(), hash, key, now).await;
                not_noted(noted);
            }
            Ok(valid.map(|key| Principal {
                tenant: key.tenant,
                who: Who::ApiKey { key: key.id, scopes: key.scopes },
            }))
        }
        Credential::Session(hash) => {
            let session = context.identity.session(hash).await?;
            let valid = session.filter(|session| session.is_valid_at(now));
            if let Some(session) = &valid {
                let noted = sessions::note_use(context.identity.as_ref(), hash, session, now).await;
                not_noted(noted);
            }
            Ok(valid.map(|session| Principal {
                tenant: session.tenant,
                who: Who::User {
                    user: session.user,
                    session: session.id,
                    token_hash: hash.clone(),
                    role: session.role,
                    party: session.party,
                },
            }))
        }
    }
}

/// A credential is good also when its use could not be noted.
fn not_noted(noted: PortResult<()>) {
    if let Err(error) = noted {
        tracing::warn!(error = %Chain(&error), "the use of a credential could not be noted");
    }
}

fn unknown(credential: &Credential) -> Refusal {
    match credential {
        Credential::None => Refusal::unauthenticated(HOW_TO_SIGN_IN, false),
        Credential::Session(_) => Refusal::unauthenticated("your sign-in has ended: sign in again", true),
        Credential::Key(_) | Credential::Unusable => {
            Refusal::unauthenticated("this API key is unknown, has expired or was revoked", true)
        }
    }
}

fn too_many(standing: Standing) -> Refusal {
    let detail =
        format!("more than {} requests in a minute: go on in {} seconds", standing.limit, standing.reset_s);
    Refusal::new(Code::RateLimited, detail)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// A browser sends its cookie with whatever any page makes it send; a change must come from our own.
fn cross_site(context: &Context, principal: &Principal, request: &Request) -> Option<Refusal> {
    if !matches!(principal.who, Who::User { .. }) || !changes(request.method()) {
        return None;
    }
    let own_origin =
        request.headers().get(ORIGIN).is_some_and(|origin| origin == context.app_origin.as_str());
    if own_origin && request.headers().contains_key(OWN_PAGES) {
        return None;
    }
    let detail = format!(
        "a change with a sign-in cookie comes from {} and has the header {OWN_PAGES}",
        context.app_origin
    );
    Some(Refusal::new(Code::CrossSite, detail))
}

/// Signing in is for our own pages and for programs, not for other sites' pages.
fn foreign_origin(context: &Context, request: &Request) -> Option<Refusal> {
    let origin = request.headers().get(ORIGIN).filter(|_| changes(request.method()))?;
    (origin != context.app_origin.as_str())
        .then(|| Refusal::new(Code::CrossSite, format!("this is for pages of {} only", context.app_origin)))
}

fn agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok())
}

fn request_id(request: &Request) -> &str {
    request.extensions().get::<crate::refusal::RequestId>().map_or("", crate::refusal::RequestId::as_str)
}
