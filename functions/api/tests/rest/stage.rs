//! Good requests for every route, made from what the routes say of themselves.
//!
//! An id in a path or in an example's body is replaced by one of a thing that exists: it is created by the route that
//! creates such things, with that route's own example. So a new route is covered by being registered with its `Doc`; only a
//! thing that no route creates needs a line in [`Stage::made_otherwise`].

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use api::all_routes;
use api::doc::Doc;
use api::routes::{Route, Verb};
use contract::query::Takes;
use domain::access::Role;
use domain::ids::SessionId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books::asked_for;
use crate::calls::{archived_call, first_write};
use crate::people::{add_user, open_account};
use crate::support::{World, account};
use crate::visits::some_visit;

/// Printed ids: prefix, the name of their shape.
const IDS: [(&str, &str); 21] = [
    ("CA", "CampaignId"),
    ("AF", "PublisherId"),
    ("BU", "BuyerId"),
    ("TA", "TargetId"),
    ("PI", "RtbTargetId"),
    ("PN", "PhoneNumberId"),
    ("AU", "AuctionId"),
    ("KY", "ApiKeyId"),
    ("US", "UserId"),
    ("SE", "SessionId"),
    ("IV", "InvitationId"),
    ("AE", "AuditEntryId"),
    ("TG", "TargetGroupId"),
    ("RT", "RingTreeId"),
    ("BL", "BlockedNumberId"),
    ("WH", "IncomingWebhookId"),
    ("AJ", "AdjustmentId"),
    ("NU", "NumberPoolId"),
    ("TT", "TrackingTagId"),
    ("UP", "UrlParameterId"),
    ("RGB", "CallId"),
];

/// The Twilio account of the examples that the tenant has; another one is not replaced.
const OWN_ACCOUNT: &str = "AC0000000000000000000000000000000a";

/// Every route with its `Doc`.
pub fn routes() -> Vec<(Route, Doc)> {
    all_routes().documented().filter_map(|(route, doc)| Some((route, doc?))).collect()
}

/// The routes that want a permission.
pub fn guarded() -> Vec<(Route, Doc, domain::access::Permission)> {
    routes().into_iter().filter_map(|(route, doc)| Some((route, doc, route.scope?))).collect()
}

/// Things of the world's tenant, made when they are needed.
pub struct Stage<'a> {
    world: &'a World,
    made: HashMap<String, String>,
    on_table: bool,
}

impl<'a> Stage<'a> {
    /// Over ports in memory.
    pub async fn new(world: &'a World) -> Self {
        open_account(world, world.tenant, "acme.example").await;
        Self { world, made: HashMap::new(), on_table: false }
    }

    /// Over a table.
    pub async fn on_table(world: &'a World) -> Self {
        Self { on_table: true, ..Self::new(world).await }
    }

    /// The route's path with ids of things that exist, and the query parameters that must be given.
    pub async fn address(&mut self, route: &Route, doc: &Doc) -> String {
        let mut address = route.path.to_owned();
        for segment in doc.segments() {
            let value = match segment.shape.name() {
                // A number, counted from 1.
                "" => "1".to_owned(),
                shape => self.id(shape).await,
            };
            address = address.replace(&format!("{{{}}}", segment.name), &value);
        }
        let needed = doc.parameters().iter().filter_map(|parameter| match parameter.takes {
            Takes::Needed(_, OWN_ACCOUNT) => {
                Some(format!("{}={}", parameter.name, account(self.world.tenant)))
            }
            Takes::Needed(_, example) => Some(format!("{}={example}", parameter.name)),
            _ => None,
        });
        let needed: Vec<String> = needed.collect();
        if !needed.is_empty() {
            address = format!("{address}?{}", needed.join("&"));
        }
        address
    }

    /// The example of the body, its ids replaced by ids of things that exist.
    pub async fn body(&mut self, doc: &Doc) -> Option<Value> {
        let mut body = doc.body_example()?.clone();
        self.settle(&mut body).await;
        Some(body)
    }

    fn settle<'b>(&'b mut self, value: &'b mut Value) -> Pin<Box<dyn Future<Output = ()> + 'b>> {
        Box::pin(async move {
            match value {
                Value::Object(fields) => {
                    for inner in fields.values_mut() {
                        self.settle(inner).await;
                    }
                }
                Value::Array(items) => {
                    for inner in items {
                        self.settle(inner).await;
                    }
                }
                Value::String(text) if text == OWN_ACCOUNT => *text = account(self.world.tenant).to_string(),
                Value::String(text) => {
                    if let Some((_, shape)) = IDS.iter().find(|(prefix, _)| is_id(text, prefix)) {
                        *text = self.id(shape).await;
                    }
                }
                _ => {}
            }
        })
    }

    /// The id of a thing of this kind.
    async fn id(&mut self, shape: &str) -> String {
        if let Some(id) = self.made.get(shape) {
            return id.clone();
        }
        let id = match self.made_otherwise(shape).await {
            Some(id) => id,
            None => self.created(shape).await,
        };
        self.made.insert(shape.to_owned(), id.clone());
        id
    }

    /// Things that no route creates.
    async fn made_otherwise(&self, shape: &str) -> Option<String> {
        match shape {
            "CallId" if self.on_table => {
                let write = first_write(self.world.tenant);
                self.world.context.calls.write_step(&write).await.unwrap();
                Some(write.call.id.to_string())
            }
            "CallId" => Some(archived_call(self.world, self.world.tenant)),
            "VisitId" => {
                let visit = some_visit();
                self.world.context.visits.begin(self.world.tenant, &visit).await.unwrap();
                Some(visit.id.to_string())
            }
            "UserId" => {
                let user = add_user(self.world, "analyst@acme.example", Role::Analyst).await;
                Some(user.to_string())
            }
            "AdjustmentId" => {
                let call = self.made.get("CallId").cloned();
                let call = call.unwrap_or_else(|| archived_call(self.world, self.world.tenant));
                Some(asked_for(self.world, call.parse().unwrap()).await)
            }
            // The one of World::sign_in.
            "SessionId" => Some(SessionId::from_uuid(Uuid::from_u128(1)).to_string()),
            "CampaignVersion" => {
                let address = format!("/api/campaigns/{}/publish", self.made["CampaignId"]);
                let published = self.world.send(&self.world.key, "POST", &address, None).await.ok(200);
                Some(published["version"].to_string())
            }
            "AccountSid" => Some(account(self.world.tenant).to_string()),
            "TwilioTokenId" => {
                let address = format!("/api/twilio-accounts/{}/tokens", account(self.world.tenant));
                let body = json!({"auth_token": "abcdefabcdefabcdefabcdefabcdefab"});
                let account = self.world.post(&address, &body).await.ok(201);
                Some(account["tokens"][1]["id"].as_str().unwrap().to_owned())
            }
            _ => None,
        }
    }

    /// By the route that creates such things: `POST` of a path below which something has an id of this kind.
    async fn created(&mut self, shape: &str) -> String {
        let routes = routes();
        let path = routes.iter().find_map(|(route, doc)| {
            let path = route.path.strip_suffix("/{id}")?;
            let same = doc.segments().first().is_some_and(|segment| segment.shape.name() == shape);
            (same && doc.segments().len() == 1).then_some(path)
        });
        let creates = |route: &Route| route.verb == Verb::Post && path == Some(route.path);
        let (route, doc) = routes.iter().find(|(route, _)| creates(route)).unwrap_or_else(|| {
            panic!("no route creates what a {shape} names: say in Stage::made_otherwise how a test gets one")
        });
        let body = self.body(doc).await;
        self.world.send(&self.world.key, route.verb.as_str(), route.path, body.as_ref()).await.id()
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether somebody's ids stand in the body.
pub fn names_things(body: &Value) -> bool {
    match body {
        Value::Object(fields) => fields.values().any(names_things),
        Value::Array(items) => items.iter().any(names_things),
        Value::String(text) => IDS.iter().any(|(prefix, _)| is_id(text, prefix)) || text == OWN_ACCOUNT,
        _ => false,
    }
}
