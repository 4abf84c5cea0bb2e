//! Reads `template.yaml` as far as this platform plays it: functions, what calls them, which settings each is given.
//!
//! What must stay true: routes, queues and schedules stand in the template only, so that what runs here is what is
//! deployed; something in a function's `Events` that is not understood stops the start instead of being left out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_yaml_ng::{Mapping, Value};

/// The template that this platform was built with.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What the template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Functions by logical id (`VoiceInbound`).
    pub functions: BTreeMap<String, Function>,
    /// Queues by logical id (`BidLogQueue`).
    pub queues: BTreeMap<String, Queue>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Lambda ends an invocation after this time.
    pub timeout: Duration,
    /// Names of the environment variables it is given.
    pub variables: BTreeSet<String>,
    /// What calls it.
    pub events: Vec<Event>,
}

/// What calls a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// HTTP requests.
    Http {
        /// A method, or `ANY`.
        method: String,
        /// Such as `/a/{b}/c` or `/a/{rest+}`.
        path: String,
    },
    /// Messages of a queue.
    Sqs {
        /// The queue's logical id.
        queue: String,
        /// Messages at once.
        batch_size: u16,
    },
    /// The clock.
    Schedule {
        /// The event's name in the template.
        name: String,
        /// Time between two ticks.
        every: Duration,
    },
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// A message that was received stays out of sight for this time.
    pub visibility: Duration,
    /// The queue that takes what failed too often, and how often that is.
    pub dead_letters: Option<(String, u32)>,
}

/// The template says something that this platform cannot play.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not YAML.
    #[error("the template is not YAML")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A part that is missing or has another form than expected.
    #[error("template: {place}: {problem}")]
    Part {
        /// Where.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

fn wrong(place: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::Part { place: place.to_owned(), problem: problem.into() }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] says what this platform cannot play.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document: Value = serde_yaml_ng::from_str(text)?;
        let resources = map(&document, "Resources").ok_or_else(|| wrong("Resources", "there are none"))?;
        let shared = document.get("Globals").and_then(|globals| globals.get("Function"));
        let shared_variables = shared.map(variables).unwrap_or_default();
        let mut template = Self { functions: BTreeMap::new(), queues: BTreeMap::new() };
        for (id, resource) in resources {
            let id = id.as_str().unwrap_or_default().to_owned();
            let properties = resource.get("Properties").cloned().unwrap_or(Value::Null);
            match resource.get("Type").and_then(Value::as_str).unwrap_or_default() {
                "AWS::Serverless::Function" => {
                    let mut function = function(&id, &properties)?;
                    function.variables.extend(shared_variables.iter().cloned());
                    template.functions.insert(id, function);
                }
                "AWS::SQS::Queue" => {
                    template.queues.insert(id, queue(&properties));
                }
                _ => {}
            }
        }
        Ok(template)
    }
}

fn function(id: &str, properties: &Value) -> Result<Function, TemplateError> {
    let mut events = Vec::new();
    for (name, declared) in map(properties, "Events").into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        events.push(event(&format!("{id}.Events.{name}"), name, declared)?);
    }
    let timeout = properties.get("Timeout").and_then(Value::as_u64).unwrap_or(3);
    Ok(Function { timeout: Duration::from_secs(timeout), variables: variables(properties), events })
}

fn event(place: &str, name: &str, event: &Value) -> Result<Event, TemplateError> {
    let kind = event.get("Type").and_then(Value::as_str).unwrap_or_default();
    let properties = event.get("Properties").cloned().unwrap_or(Value::Null);
    let text = |property: &str| {
        match properties.get(property) {
            // Not `as_str`, which would look through a `!Sub`.
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(wrong(place, format!("{property} must be plain text"))),
        }
    };
    match kind {
        "HttpApi" => Ok(Event::Http { method: text("Method")?.to_ascii_uppercase(), path: text("Path")? }),
        "SQS" => {
            let queue = properties.get("Queue").and_then(attribute_of);
            let queue = queue.ok_or_else(|| wrong(place, "Queue must be !GetAtt <queue>.Arn"))?;
            let batch_size = properties.get("BatchSize").and_then(Value::as_u64).unwrap_or(10);
            Ok(Event::Sqs { queue, batch_size: u16::try_from(batch_size).unwrap_or(10) })
        }
        "Schedule" | "ScheduleV2" => {
            let expression = text(if kind == "Schedule" { "Schedule" } else { "ScheduleExpression" })?;
            let every = rate(&expression)
                .ok_or_else(|| wrong(place, format!("'{expression}' is not rate(<number> <unit>)")))?;
            Ok(Event::Schedule { name: name.to_owned(), every })
        }
        other => Err(wrong(place, format!("events of type '{other}' are not played here"))),
    }
}

fn queue(properties: &Value) -> Queue {
    let visibility = properties.get("VisibilityTimeout").and_then(Value::as_u64).unwrap_or(30);
    let redrive = properties.get("RedrivePolicy");
    let target = redrive.and_then(|policy| policy.get("deadLetterTargetArn")).and_then(attribute_of);
    let most = redrive.and_then(|policy| policy.get("maxReceiveCount")).and_then(Value::as_u64);
    Queue {
        visibility: Duration::from_secs(visibility),
        dead_letters: target.zip(most.and_then(|most| u32::try_from(most).ok())),
    }
}

fn variables(properties: &Value) -> BTreeSet<String> {
    let variables = properties.get("Environment").and_then(|environment| map(environment, "Variables"));
    variables.into_iter().flatten().filter_map(|(name, _)| name.as_str().map(str::to_owned)).collect()
}

fn map<'a>(value: &'a Value, name: &str) -> Option<&'a Mapping> {
    value.get(name).and_then(Value::as_mapping)
}

/// The logical id in `!GetAtt Id.Arn`.
fn attribute_of(value: &Value) -> Option<String> {
    let Value::Tagged(tagged) = value else { return None };
    if tagged.tag != "GetAtt" {
        return None;
    }
    tagged.value.as_str()?.strip_suffix(".Arn").map(str::to_owned)
}

/// `rate(5 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let inside = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inside.split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}
