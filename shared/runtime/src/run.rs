//! The main loops of the three kinds of functions, so that a function's `main.rs` only composes its adapters.
//!
//! Handlers are closures over a shared context, `Clone + Send + 'static`: the same binary suits classic Lambda (one request
//! at a time) and managed instances (several).

use std::future::Future;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

pub use app::trail::Chain;

use crate::http::{self, HttpRequest, HttpResponse};

/// Why a function cannot start or a tick did not do its work.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Initialisation has ten seconds on Lambda; opening a connection takes a fraction of one.
const WARM_UP_LIMIT: Duration = Duration::from_secs(3);

/// Answers HTTP requests until Lambda stops the process.
///
/// # Errors
/// The runtime API cannot be reached or understood.
pub async fn run_http<F, Fut>(handler: F) -> Result<(), Cause>
where
    F: Fn(HttpRequest) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = HttpResponse> + Send + 'static,
{
    let service = service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let handler = handler.clone();
        async move { Ok::<_, Cause>(http::answer(event.payload, handler).await) }
    });
    in_a_task(lambda_runtime::run_concurrent(service)).await
}

/// Consumes batches of a queue until Lambda stops the process. Messages named in the answer come again.
///
/// # Errors
/// As [`run_http`].
pub async fn run_sqs<F, Fut>(handler: F) -> Result<(), Cause>
where
    F: Fn(SqsEvent) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = SqsBatchResponse> + Send + 'static,
{
    let service = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let handler = handler.clone();
        async move { Ok::<_, Cause>(handler(event.payload).await) }
    });
    in_a_task(lambda_runtime::run_concurrent(service)).await
}

/// Works at each tick of a schedule until Lambda stops the process. An error fails the invocation, which an alarm watches.
///
/// # Errors
/// As [`run_http`].
pub async fn run_schedule<F, Fut>(handler: F) -> Result<(), Cause>
where
    F: Fn(Tick) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), Cause>> + Send + 'static,
{
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let handler = handler.clone();
        async move {
            handler(Tick::from_event(&event.payload)).await.inspect_err(|error| {
                tracing::error!(error = %Chain(error.as_ref()), "the scheduled work failed");
            })
        }
    });
    in_a_task(lambda_runtime::run_concurrent(service)).await
}

/// The future that a runtime itself waits for is woken by a system call each time; a task of a runtime with one thread is not.
async fn in_a_task<F>(serving: F) -> Result<(), Cause>
where
    F: Future<Output = Result<(), Cause>> + Send + 'static,
{
    tokio::spawn(serving).await?
}

/// One tick of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tick {
    /// The scheduler's id of the tick.
    pub id: Option<String>,
    /// The moment it was meant for.
    pub time: Option<Timestamp>,
}

impl Tick {
    /// Reads a scheduler's event. Whatever it is, it is time to work, so nothing in it is demanded.
    pub fn from_event(event: &Value) -> Self {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        Self { id: text("id").map(str::to_owned), time: text("time").and_then(|time| time.parse().ok()) }
    }
}

/// Opens connections while the process starts, so that the first request does not wait for them. A failure is logged and
/// does not stop the start: the first request tries again.
pub async fn warm_up<E, Fut>(what: &'static str, work: Fut)
where
    E: std::error::Error,
    Fut: Future<Output = Result<(), E>>,
{
    match tokio::time::timeout(WARM_UP_LIMIT, work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, error = %Chain(&error), "warm-up failed"),
        Err(_) => tracing::warn!(what, "warm-up took too long"),
    }
}
