//! Who could take the call that a ping is about, and what they would pay.

use super::decide::rejected;
use super::{Asking, InboundRtb, Reject, Rejected};
use crate::caps::Price;
use crate::filter::Tags;
use crate::ledger::Conversion;
use crate::money::Money;
use crate::plan::Tree;
use crate::routing::{Candidate, Passed, Situation, Stop, Via, Walk};

/// Who could take the call now.
pub(super) enum Free {
    /// Somebody; who, and for how much, shows when the call comes.
    Somebody,
    /// Whoever comes first of those that leave us a bid.
    Paying(Paying),
    /// Nobody pays enough for a bid; this much is the most.
    TooLittle(Money),
    /// Whoever comes first are bidders who were not asked yet.
    Asking(Tree),
    /// Nobody, for the sake of tags alone.
    OnlyFiltered,
}

/// Who would pay for the call, how much, and when.
pub(super) struct Paying {
    /// Who.
    pub(super) via: Via,
    /// How much.
    pub(super) earned: Money,
    /// When.
    pub(super) conversion: Conversion,
}

impl Paying {
    /// Of those who ring together, the one that pays least; `None` when one of them does not say what it pays.
    fn of(parties: &[Candidate]) -> Option<Self> {
        let each = parties.iter().map(|party| match party.price() {
            Price::Known(earned) => Some(Self { via: party.via, earned, conversion: party.terms.conversion }),
            Price::Unknown => None,
        });
        each.collect::<Option<Vec<_>>>()?.into_iter().min_by_key(|paying| paying.earned)
    }
}

/// Goes along the plan as the call would, and says who comes first; 1003 when nobody does. Bidders who would be asked when
/// the call comes count as somebody. Where the bid depends on it, who pays too little for one does not count: the call would
/// pass them over.
pub(super) fn free(asking: &Asking<'_>, rtb: &InboundRtb, tags: Tags) -> Result<Free, Rejected> {
    let Asking { snapshot, call, usage, now, asked, .. } = *asking;
    let situation = Situation { call, now, usage, tried: &[], asked, tags };
    let mut walk = Walk::new(snapshot, &situation);
    let first = match &rtb.pass_through {
        None => walk.next().map(|_| Free::Somebody),
        Some(pass_through) => {
            let (mut most, mut unknown) = (None, false);
            let first = walk.find_map(|stop| match stop {
                Stop::Ask(tree) => Some(Free::Asking(tree)),
                Stop::Dial(parties) => match Paying::of(&parties) {
                    Some(paying) if pass_through.base(paying.earned).is_some() => Some(Free::Paying(paying)),
                    Some(paying) => {
                        most = most.max(Some(paying.earned));
                        None
                    }
                    None => {
                        unknown = true;
                        None
                    }
                },
            });
            if first.is_none() && most.is_none() && unknown {
                return rejected(Reject::NoCapacity, "nobody says before the call what it pays");
            }
            first.or(most.map(Free::TooLittle))
        }
    };
    if let Some(first) = first {
        return Ok(first);
    }
    let is_filtered = |passed: &Passed| matches!(passed, Passed::Filtered(_));
    let reasons = &walk.decisions.each;
    let all_filtered = !reasons.is_empty()
        && walk.decisions.more.keys().all(|code| code == "filtered")
        && reasons.iter().all(|decision| decision.passed.as_ref().is_some_and(is_filtered));
    if all_filtered {
        return Ok(Free::OnlyFiltered);
    }
    let first = reasons.iter().find_map(|decision| decision.passed.as_ref());
    let nobody = if asked.is_empty() { "nobody takes calls" } else { "no bidder wants the call" };
    let why = first.map_or_else(|| nobody.to_owned(), Passed::text);
    rejected(Reject::NoCapacity, why)
}
