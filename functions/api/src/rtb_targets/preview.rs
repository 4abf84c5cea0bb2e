//! What a bidder would be sent for a call that somebody thinks up, and what an answer would mean.

use std::sync::Arc;

use app::catalog::Refused;
use app::preview_rtb_target::{Meaning, Sample, preview_rtb_target};
use axum::Json;
use axum::extract::State;
use contract::calls::Verdict;
use contract::rtb_targets::{
    AnswerPreview, FoundView, PreviewRequest, RtbPreview, RtbPreviewQuery, SampleAnswer,
};
use domain::auction::BidRequest;
use domain::ids::RtbTargetId;
use domain::validate::Problems;

use crate::access::{Access, RtbTargetsRead};
use crate::body::Body;
use crate::campaigns::hypothetical;
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// Largest body of an answer, as on a call.
const MAX_BODY: usize = 64 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 100;

/// `POST /api/rtb-targets/{id}/preview`. It reads only, so it needs no more than to read bidders.
pub async fn preview(
    access: Access<RtbTargetsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<RtbTargetId>,
    Body(wishes): Body<RtbPreviewQuery>,
) -> Result<Json<RtbPreview>, Refusal> {
    let wanted = hypothetical(wishes.call, "call.", &context)?;
    let sample = wishes.answer.map(sample).transpose()?;
    let tools = context.tools(access.tenant, &access.by);
    let made =
        preview_rtb_target(&tools, access.tenant, id, wishes.campaign, &wanted, sample.as_ref()).await??;
    Ok(Json(RtbPreview {
        rtb_target: id,
        not_asked: made.not_taken.map(|why| Verdict { code: why.code().to_owned(), text: why.text() }),
        request: request(made.request),
        unresolved: made.unresolved,
        answer: made.answer.map(meaning),
    }))
}

fn sample(answer: SampleAnswer) -> Result<Sample, Refusal> {
    let mut problems = Problems::new();
    problems.within("answer.status", answer.status, 100..=599);
    problems.at_most("answer.headers", answer.headers.len(), MAX_HEADERS);
    problems.at_most("answer.body", answer.body.len(), MAX_BODY);
    problems.into_result().map_err(|problems| Refusal::from(Refused::Invalid(problems)))?;
    Ok(Sample { status: answer.status, headers: answer.headers.into_iter().collect(), body: answer.body })
}

fn request(request: BidRequest) -> PreviewRequest {
    PreviewRequest {
        method: request.method.as_str().to_owned(),
        url: request.url,
        headers: request.headers,
        body: request.body,
    }
}

fn meaning(meaning: Meaning) -> AnswerPreview {
    let Meaning { result, bid, explanation, confirmation } = meaning;
    let refusal = result.refusal.map(|why| Verdict { code: why.code().to_owned(), text: why.text() });
    let (format, tree, found) = match explanation {
        Some(read) => (Some(read.format.to_owned()), read.tree, read.found),
        None => (None, serde_json::Value::Null, Vec::new()),
    };
    let found = found.into_iter().map(|found| FoundView {
        field: found.field.to_owned(),
        source: found.source,
        value: found.value,
        error: found.error,
    });
    AnswerPreview {
        verdict: if refusal.is_none() { "bid" } else { "refused" }.to_owned(),
        refusal,
        amount: result.amount,
        counts: bid.as_ref().map(|bid| bid.counted()),
        call_length_s: bid.as_ref().and_then(|bid| bid.call_length_s),
        expires_at: bid.as_ref().and_then(|bid| bid.expires_at),
        bid_id: bid.as_ref().and_then(|bid| bid.bid_id.clone()),
        destination: bid.map(|bid| bid.destination),
        confirmation: confirmation.map(request),
        format,
        tree,
        found: found.collect(),
    }
}
