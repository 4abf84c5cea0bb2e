//! Reading an event: leniently, as questions of browsers are read.

use std::collections::BTreeMap;

use domain::dni::question::{MAX_BODY, params};
use domain::dni::visit::{MAX_VALUE, Params, click_id_of};
use domain::ids::{CallId, VisitId};
use domain::money::Money;
use domain::validate::{Problem, Problems};
use runtime::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The visit it names.
    pub visit: Option<VisitId>,
    /// The click it names.
    pub click: Option<String>,
    /// The call it names.
    pub call: Option<CallId>,
    /// Everything else, as text.
    pub params: Params,
}

/// Fields that say what an event is about, and not what is known of the visit.
const ABOUT: [&str; 5] = ["visit", "call_id", "tag", "token", "params"];

impl Event {
    /// Reads the query and the JSON body. What has the wrong shape is passed over.
    ///
    /// # Errors
    /// A body that is too long, or no JSON object.
    pub fn read(request: &HttpRequest) -> Result<Self, HttpResponse> {
        if request.body.len() > MAX_BODY {
            return Err(HttpResponse::problem(413, "body_too_large", "an event has at most 64 KB"));
        }
        let query = form_urlencoded::parse(request.raw_query.as_bytes()).into_owned();
        let mut fields: Map<String, Value> =
            query.map(|(name, value)| (name, Value::String(value))).collect();
        if !request.body.is_empty() {
            match serde_json::from_slice(&request.body) {
                Ok(Value::Object(body)) => fields.extend(body),
                _ => {
                    return Err(HttpResponse::problem(
                        400,
                        "malformed_body",
                        "the body is not a JSON object",
                    ));
                }
            }
        }
        Ok(Self::of(fields))
    }

    fn of(mut fields: Map<String, Value>) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let (visit, call) =
            (text("visit").and_then(|id| id.parse().ok()), text("call_id").and_then(|id| id.parse().ok()));
        if let Some(Value::Object(inner)) = fields.remove("params") {
            for (name, value) in inner {
                fields.entry(name).or_insert(value);
            }
        }
        fields.retain(|name, _| !ABOUT.contains(&name.as_str()));
        let params = params(Some(&Value::Object(fields)), MAX_VALUE);
        let click = click_id_of(|name| params.get(name).map(String::as_str)).map(str::to_owned);
        Self { visit, click, call, params }
    }

    /// The same as what is known of the quality of a visit.
    pub fn as_quality(&self) -> Params {
        let own = |name: &str| !["clickid", "rtkcid", "rtkclickid"].contains(&name);
        let named = self.params.iter().filter(|(name, _)| own(name));
        named.map(|(name, value)| (format!("quality_{name}"), value.clone())).collect::<BTreeMap<_, _>>()
    }

    /// Whether it tells of a conversion: RedTrack's other types tell of calls only.
    pub fn converts(&self) -> bool {
        !matches!(self.params.get("type").map(String::as_str), Some("RAWCall" | "AnsweredCall"))
    }

    /// The amount it names, in the main unit of its currency; `None` where it names none: nothing is made up.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sum(&self) -> Result<Option<Money>, Vec<Problem>> {
        let mut problems = Problems::new();
        let sum = self.params.get("sum").and_then(|text| match Money::parse(text.trim()) {
            Ok(sum) => Some(sum),
            Err(error) => {
                problems.add("sum", "amount", error.to_string());
                None
            }
        });
        domain::conversion_report::check_revenue("sum", sum, &mut problems);
        problems.into_result().map(|()| sum)
    }
}
