//! A route is one line of a table: method, address, who may, what the audit trail calls it, what it takes and gives.
//! The router, openapi.json and the walls are all made from that table, so none of them can forget a route.

use std::convert::Infallible;

use authz::Permission;
use axum::{
    Extension, Router,
    handler::Handler,
    http::{Method, StatusCode},
    routing::{MethodRouter, on},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use edge::WindowName;

use crate::{operation::Operation, rooms::Rooms};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone; says why that is right.
    Public(&'static str),
    /// Anyone who is signed in, whatever the team.
    SignedIn,
    /// Whoever has the permission in the team and environment of the address.
    Needs(Permission),
}

/// What the handler and the request path know about the route that was matched.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub access: Access,
    pub operation: Option<Operation>,
    pub proof: Proof,
    /// The windows that a request is counted in by the address it comes from, before anything of it is read.
    pub windows: &'static [WindowName],
}

/// Whether a person has to have proven lately who they are (step-up). Keys have nothing to prove: making one that may
/// much is dangerous itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    NotAsked,
    /// Always.
    Asked,
    /// By the handler, in the case that is named.
    AskedWhen(&'static str),
}

type Schemas = Vec<(String, RefOr<Schema>)>;

/// A schema of a body: its name, itself and those it refers to.
pub struct Body {
    pub name: String,
    pub schemas: fn(&mut Schemas),
}

fn body<T: ToSchema + PartialSchema>() -> Body {
    fn gather<T: ToSchema + PartialSchema>(schemas: &mut Schemas) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
    Body { name: T::name().into_owned(), schemas: gather::<T> }
}

/// One route.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub facts: Facts,
    pub summary: &'static str,
    pub takes: Option<Body>,
    pub gives: Option<Body>,
    pub status: StatusCode,
    /// Another good answer that it may give.
    pub or_status: Option<StatusCode>,
    /// Query parameters: name and meaning.
    pub query: &'static [(&'static str, &'static str)],
    handler: MethodRouter<Rooms>,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Rooms>,
        T: 'static,
    {
        let filter = method.clone().try_into().unwrap_or(axum::routing::MethodFilter::GET);
        Self {
            method,
            path,
            facts: Facts {
                access: Access::SignedIn,
                operation: None,
                proof: Proof::NotAsked,
                windows: &[WindowName::Address],
            },
            summary,
            takes: None,
            gives: None,
            status: StatusCode::OK,
            or_status: None,
            query: &[],
            handler: on(filter, handler),
        }
    }
    pub fn get<H: Handler<T, Rooms>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new(Method::GET, path, summary, handler)
    }
    pub fn post<H: Handler<T, Rooms>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new(Method::POST, path, summary, handler)
    }
    pub fn put<H: Handler<T, Rooms>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new(Method::PUT, path, summary, handler)
    }
    pub fn patch<H: Handler<T, Rooms>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new(Method::PATCH, path, summary, handler)
    }
    pub fn delete<H: Handler<T, Rooms>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new(Method::DELETE, path, summary, handler).status(StatusCode::NO_CONTENT)
    }
    /// Anyone may call it.
    pub const fn public(mut self, why: &'static str) -> Self {
        self.facts.access = Access::Public(why);
        self
    }
    pub const fn needs(mut self, permission: Permission) -> Self {
        self.facts.access = Access::Needs(permission);
        self
    }
    /// Leaves an audit entry; every change and every listed sensitive read does.
    pub const fn audited(mut self, operation: Operation) -> Self {
        self.facts.operation = Some(operation);
        self
    }
    /// A dangerous act: a person has to have proven within ten minutes who they are.
    pub const fn dangerous(mut self) -> Self {
        self.facts.proof = Proof::Asked;
        self
    }
    /// The same in one case, for which the handler asks.
    pub const fn dangerous_when(mut self, case: &'static str) -> Self {
        self.facts.proof = Proof::AskedWhen(case);
        self
    }
    /// An attempt to get in, counted as such (R027).
    pub const fn attempt(mut self) -> Self {
        self.facts.windows = &[WindowName::Address, WindowName::Authentication];
        self
    }
    /// Whoever has no session asks for a mail (R031).
    pub const fn asks_for_mail(mut self) -> Self {
        self.facts.windows = &[WindowName::Address, WindowName::Authentication, WindowName::Resend];
        self
    }
    /// Somebody in a team has a mail sent again (R031).
    pub const fn mails_again(mut self) -> Self {
        self.facts.windows = &[WindowName::Address, WindowName::Resend];
        self
    }
    /// Never refused for being asked often: what watches over the process must not be shut out with whoever shares its
    /// address.
    pub const fn uncounted(mut self) -> Self {
        self.facts.windows = &[];
        self
    }
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(body::<T>());
        self
    }
    pub fn gives<T: ToSchema>(mut self) -> Self {
        self.gives = Some(body::<T>());
        self
    }
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
    pub const fn or_status(mut self, status: StatusCode) -> Self {
        self.or_status = Some(status);
        self
    }
    pub const fn query(mut self, parameters: &'static [(&'static str, &'static str)]) -> Self {
        self.query = parameters;
        self
    }
    /// Adds this route to `router`; the facts travel with each request that it matches.
    pub fn mount(self, router: Router<Rooms>, rooms: &Rooms) -> Router<Rooms> {
        let once = axum::middleware::from_fn_with_state(rooms.clone(), crate::idempotency::once);
        let counted = axum::middleware::from_fn_with_state(rooms.clone(), crate::limits::counted);
        let handler: MethodRouter<Rooms> = self.handler.layer::<_, Infallible>(once).layer::<_, Infallible>(counted);
        router.route(self.path, handler.layer(Extension(self.facts)))
    }
}
