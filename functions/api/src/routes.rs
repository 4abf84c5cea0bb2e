//! The table of routes, and why a handler cannot forget its permission.
//!
//! axum knows a handler's parameters by type. [`Routes::on`] takes only handlers whose **first** parameter is an
//! [`Access`] (the trait [`NamesPermission`] is implemented for no other list of parameters), so a handler without
//! one does not compile; and because parameters are extracted in order, nothing of a request is read before its key was
//! checked. The few routes that are for everybody must say so: [`Routes::open`].
//!
//! Each registration notes method, path and scope, so that tests walk the table and a new route is covered by itself.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use contract::problem::Code;

use crate::access::{Access, Permission};
use crate::context::Context;
use crate::refusal::{Refusal, finish};

/// A list of parameters that begins with [`Access`]. The first place of axum's tuple is its own mark.
pub trait NamesPermission {
    /// The scope that the handler demands.
    const SCOPE: &'static str;
}
impl<M, P: Permission> NamesPermission for (M, Access<P>) {
    const SCOPE: &'static str = P::SCOPE;
}
impl<M, P: Permission, A> NamesPermission for (M, Access<P>, A) {
    const SCOPE: &'static str = P::SCOPE;
}
impl<M, P: Permission, A, B> NamesPermission for (M, Access<P>, A, B) {
    const SCOPE: &'static str = P::SCOPE;
}
impl<M, P: Permission, A, B, C> NamesPermission for (M, Access<P>, A, B, C) {
    const SCOPE: &'static str = P::SCOPE;
}

/// The methods that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read.
    Get,
    /// Create, or do.
    Post,
    /// Change.
    Patch,
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
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
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
    /// The scope it demands; `None` is for everybody.
    pub scope: Option<&'static str>,
}

/// Routes under construction.
#[derive(Default)]
pub struct Routes {
    router: Router<Arc<Context>>,
    table: Vec<Route>,
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
        self.add(Route { verb, path, scope: Some(T::SCOPE) }, handler)
    }

    /// A route for everybody.
    #[must_use]
    pub fn open<H, T>(self, verb: Verb, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: 'static,
    {
        self.add(Route { verb, path, scope: None }, handler)
    }

    fn add<H, T>(mut self, route: Route, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: 'static,
    {
        self.router = self.router.route(route.path, on(route.verb.filter(), handler));
        self.table.push(route);
        self
    }

    /// What was registered.
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The router, with answers for everything that is no route.
    pub fn into_router(self, context: Arc<Context>) -> Router {
        self.router
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
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
