//! The table of routes, and why a handler cannot forget its permission.
//!
//! axum knows a handler's parameters by type. [`Routes::on`] takes only handlers whose **first** parameter is an
//! [`Access`] or an [`OwnAccess`] (the trait [`NamesPermission`] is implemented for no other list of parameters), so a handler without
//! one does not compile; and because parameters are extracted in order, nothing of a request is read before its
//! permission was checked. The few routes that are for everybody must say so: [`Routes::open`].
//!
//! Each registration notes method, path and permission, so that tests walk the table and a new route is covered by itself.
//! [`Routes::doc`] follows each with what the operation says of itself; a test names the route that has none.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, on};
use contract::problem::Code;
use domain::access;

use crate::access::{Access, OwnAccess, Permission};
use crate::context::Context;
use crate::doc::Doc;
use crate::guard::{self, Guard};
use crate::refusal::{Refusal, finish};
use crate::sizes;

/// A list of parameters that begins with [`Access`] or [`OwnAccess`]. The first place of axum's tuple is its own mark.
pub trait NamesPermission {
    /// What the handler demands.
    const PERMISSION: access::Permission;
    /// Whether it also serves those who see only their own.
    const OWN: bool;
}

/// [`Access`] and [`OwnAccess`].
pub trait Demand {
    /// The permission.
    const PERMISSION: access::Permission;
    /// Whether one's own is enough.
    const OWN: bool;
}
impl<P: Permission> Demand for Access<P> {
    const PERMISSION: access::Permission = P::PERMISSION;
    const OWN: bool = false;
}
impl<P: Permission> Demand for OwnAccess<P> {
    const PERMISSION: access::Permission = P::PERMISSION;
    const OWN: bool = true;
}

macro_rules! names_permission {
    ($($parameter:ident)*) => {
        impl<M, D: Demand, $($parameter),*> NamesPermission for (M, D, $($parameter),*) {
            const PERMISSION: access::Permission = D::PERMISSION;
            const OWN: bool = D::OWN;
        }
    };
}
names_permission! {}
names_permission! { A }
names_permission! { A B }
names_permission! { A B C }
names_permission! { A B C E }

/// The methods that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read.
    Get,
    /// Create, or do.
    Post,
    /// Change.
    Patch,
    /// Put in place.
    Put,
    /// Remove.
    Delete,
}

impl Verb {
    /// As HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Put => MethodFilter::PUT,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path, its variable segments in braces.
    pub path: &'static str,
    /// The permission it demands; `None` is for everybody.
    pub scope: Option<access::Permission>,
    /// Whether it also serves those who see only their own.
    pub own: bool,
    /// Whether nothing of it is kept under an Idempotency-Key: see [`Routes::unkept`].
    pub unkept: bool,
}

impl Route {
    /// Whether its answer is kept when the request has an Idempotency-Key.
    pub fn is_kept(&self) -> bool {
        self.verb == Verb::Post && !self.unkept
    }
}

/// Routes under construction.
#[derive(Default)]
pub struct Routes {
    router: Router<Arc<Context>>,
    table: Vec<Route>,
    docs: Vec<Option<fn() -> Doc>>,
}

impl Routes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A route for those who have the permission that its handler names.
    #[must_use]
    pub fn on<H, T>(self, verb: Verb, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: NamesPermission + 'static,
    {
        self.add(Route { verb, path, scope: Some(T::PERMISSION), own: T::OWN, unkept: false }, handler)
    }

    /// A route for everybody.
    #[must_use]
    pub fn open<H, T>(self, verb: Verb, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: 'static,
    {
        self.add(Route { verb, path, scope: None, own: false, unkept: false }, handler)
    }

    fn add<H, T>(mut self, route: Route, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: 'static,
    {
        self.router = self.router.route(route.path, on(route.verb.filter(), handler));
        self.table.push(route);
        self.docs.push(None);
        self
    }

    /// What the operation just registered says of itself; made only when somebody reads it.
    #[must_use]
    pub fn doc(mut self, doc: fn() -> Doc) -> Self {
        if let Some(last) = self.docs.last_mut() {
            *last = Some(doc);
        }
        self
    }

    /// Nothing of the operation just registered is kept under an Idempotency-Key, because it is about a caller whose number
    /// may have to be erased. The operation must be one that a repetition cannot do twice.
    #[must_use]
    pub fn unkept(mut self) -> Self {
        if let Some(last) = self.table.last_mut() {
            last.unkept = true;
        }
        self
    }

    /// Every route with what it says of itself; `None` was forgotten.
    pub fn documented(&self) -> impl Iterator<Item = (Route, Option<Doc>)> {
        self.table.iter().copied().zip(self.docs.iter().map(|doc| doc.map(|doc| doc())))
    }

    /// What was registered.
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The router, with answers for everything that is no route.
    pub fn into_router(self, context: Arc<Context>) -> Router {
        let guard = Guard::new(context.clone(), &self.table);
        self.router
            .route_layer(from_fn_with_state(guard, guard::guard))
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn(sizes::check))
            .layer(from_fn_with_state(context.clone(), finish))
            .with_state(context)
    }
}

async fn unknown_route() -> Refusal {
    Refusal::new(Code::UnknownRoute, "look at the path: there is nothing here")
}

async fn wrong_method() -> Refusal {
    Refusal::new(Code::MethodNotAllowed, "the header Allow says which methods this address takes")
}
