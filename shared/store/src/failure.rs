//! What can go wrong between us and the table, sorted by what to do about it; and waiting for what passes by itself.
//!
//! The SDK's own retries are switched off in [`crate::Store::connect`]: it does not retry cancelled transactions, and its
//! pauses of up to a second are longer than a caller should wait. Here every operation has one patience, counted from
//! its first attempt, with short random pauses that grow.

use std::time::Duration;

use app::ports::{Cause, PortError};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use tokio::time::Instant;

/// How long a read on the call path may be tried.
pub(crate) const READING: Duration = Duration::from_millis(1_000);
/// How long a step's write may be tried: a caller waits, and another destination may be free.
pub(crate) const WRITING_A_STEP: Duration = Duration::from_millis(300);
/// How long everything else may be tried: nobody waits on the line, and giving up costs a correction later.
pub(crate) const PATIENT: Duration = Duration::from_secs(3);

const FIRST_PAUSE: Duration = Duration::from_millis(8);
const LONGEST_PAUSE: Duration = Duration::from_millis(120);

/// Why an operation did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Throttled, or in conflict with another transaction: nothing was written, trying again helps.
    Busy,
    /// The request or its answer was lost, or the server failed: it may have been done.
    Lost(Cause),
    /// The condition of a single write did not hold.
    Refused,
    /// A transaction's conditions did not all hold: one reason for each of its actions, in their order.
    Cancelled(Vec<CancellationReason>),
    /// Anything else; trying again is useless.
    Final(Cause),
}

impl Failure {
    /// Whether trying again may help.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self, Self::Busy | Self::Lost(_))
    }

    /// The failure as the ports tell it.
    pub(crate) fn into_port(self, what: &'static str) -> PortError {
        match self {
            Self::Busy => PortError::Busy { what },
            Self::Lost(cause) | Self::Final(cause) => PortError::failed(what, cause),
            Self::Refused => PortError::failed(what, "the stored item is not as expected"),
            Self::Cancelled(reasons) => {
                let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
                PortError::failed(what, format!("the transaction was cancelled: {}", codes.join(", ")))
            }
        }
    }
}

/// Sorts a failed request.
pub(crate) fn sort<E>(error: SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match error {
        SdkError::ServiceError(_) => {
            let code = error.code().unwrap_or_default().to_owned();
            sort_code(&code, status, error.into())
        }
        SdkError::ConstructionFailure(_) => Failure::Final(error.into()),
        // Timed out, not connected, or cut off in the middle of the answer.
        _ => Failure::Lost(error.into()),
    }
}

/// Sorts what the table itself answered.
pub(crate) fn sort_code(code: &str, status: u16, cause: Cause) -> Failure {
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TransactionConflictException"
        | "TransactionInProgressException" => Failure::Busy,
        "ConditionalCheckFailedException" => Failure::Refused,
        _ if status >= 500 => Failure::Lost(cause),
        _ => Failure::Final(cause),
    }
}

/// Sorts a failed transaction. A condition that did not hold decides over a conflict beside it.
pub(crate) fn sort_transaction(error: SdkError<TransactWriteItemsError>) -> Failure {
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        let reasons = cancelled.cancellation_reasons();
        let any = |codes: &[&str]| {
            reasons.iter().any(|reason| reason.code().is_some_and(|code| codes.contains(&code)))
        };
        if any(&["ConditionalCheckFailed"]) {
            return Failure::Cancelled(reasons.to_vec());
        }
        if any(&["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"]) {
            return Failure::Busy;
        }
    }
    sort(error)
}

/// Tries until it works, fails for good, or the deadline would pass. A request that is under way is never abandoned:
/// what became of it would be unknown.
pub(crate) async fn persist<T, F, Fut>(deadline: Instant, mut attempt: F) -> Result<T, Failure>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Failure>>,
{
    let mut longest = FIRST_PAUSE;
    loop {
        let failure = match attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let pause = rand::random_range(Duration::from_millis(1)..=longest);
        if !failure.passes() || Instant::now() + pause >= deadline {
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
}
