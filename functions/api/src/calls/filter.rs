//! Which calls a list is about, and who may ask for what.

use app::ports::Closing;
use contract::problem::Code;
use contract::query::{CallFilter, StatusFilter};
use domain::access::{Party, Permission};
use domain::call::Call;
use domain::validate::Problems;

use super::Viewer;
use crate::refusal::Refusal;

/// Refuses filters that would tell the viewer what they may not see: whose a number is, or who stands on the other side.
pub fn check(viewer: &Viewer, filter: &CallFilter) -> Result<(), Refusal> {
    if filter.caller.is_some() && !viewer.sees_numbers {
        let detail = format!(
            "calls are found by their caller's number only by those who may see numbers: {}",
            Permission::NumbersRead
        );
        return Err(Refusal::new(Code::NotPermitted, detail));
    }
    let mut problems = Problems::new();
    let mut not_yours =
        |field: &str| problems.add(field, "not_allowed", "not for those who see their own calls only");
    match viewer.only {
        None => {}
        Some(Party::Publisher(own)) => {
            if filter.publisher.is_some_and(|publisher| publisher != own) {
                not_yours("publisher");
            }
            if filter.buyer.is_some() {
                not_yours("buyer");
            }
            if filter.destination.is_some() {
                not_yours("target");
            }
        }
        Some(Party::Buyer(own)) => {
            if filter.publisher.is_some() {
                not_yours("publisher");
            }
            if filter.tag.is_some() {
                not_yours("tag");
            }
            if filter.attribution.is_some() {
                not_yours("attribution");
            }
            if filter.buyer.is_some_and(|buyer| buyer != own) {
                not_yours("buyer");
            }
        }
    }
    problems.into_result().map_err(|fields| Refusal::fields(Code::NotPermitted, fields))
}

/// Whether a call is among those asked for.
pub fn admits(filter: &CallFilter, call: &Call, closing: Option<&Closing>) -> bool {
    let began_so = fits(filter.campaign, call.campaign)
        && filter.publisher.is_none_or(|publisher| call.publisher == Some(publisher))
        && filter.number.is_none_or(|number| call.number == Some(number))
        && filter.tag.is_none_or(|tag| call.tag == Some(tag))
        && filter.attribution.is_none_or(|attribution| call.attribution == Some(attribution))
        && filter.caller.as_ref().is_none_or(|caller| call.caller_number().as_ref() == Some(caller));
    began_so && ended_so(filter, closing)
}

fn ended_so(filter: &CallFilter, closing: Option<&Closing>) -> bool {
    let Some(closing) = closing else {
        return matches!(filter.status, None | Some(StatusFilter::Open)) && !asks_for_an_end(filter);
    };
    let status = match filter.status {
        None => true,
        Some(StatusFilter::Open) => false,
        Some(StatusFilter::Ended(status)) => closing.status == status,
    };
    status
        && filter.destination.is_none_or(|via| closing.billed_via == Some(via))
        && filter.buyer.is_none_or(|buyer| closing.buyer == Some(buyer))
        && fits(filter.connected, closing.connected)
        && fits(filter.converted, closing.settlement.converted)
        && filter.min_duration.is_none_or(|least| closing.connected_seconds >= least)
        && filter.max_duration.is_none_or(|most| closing.connected_seconds <= most)
}

/// Whether something is asked for that only a call has which is over.
const fn asks_for_an_end(filter: &CallFilter) -> bool {
    filter.destination.is_some()
        || filter.buyer.is_some()
        || filter.connected.is_some()
        || filter.converted.is_some()
        || filter.min_duration.is_some()
        || filter.max_duration.is_some()
}

fn fits<T: PartialEq>(wanted: Option<T>, is: T) -> bool {
    wanted.is_none_or(|wanted| wanted == is)
}
