//! Callers who ring again: what the campaign does with them, and which targets take them.
//!
//! What is kept of a caller is folded from the beginnings and ends of their calls. What must stay true: folding the same call
//! twice changes nothing, and the order in which calls are folded does not matter, also when there are more than are kept: what
//! is forgotten is everything up to an instant. Only what happened before a call began counts: it is never its own duplicate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::CallId;
use crate::routing::Via;
use crate::validate::Problems;

/// Longest window, seconds: ten years. Longer is `null`, for ever.
pub const MAX_WINDOW_S: u32 = 10 * 366 * 24 * 3_600;
/// Most targets of which one caller's calls are kept.
pub const MAX_TARGETS: usize = 20;
/// Most calls that are kept one by one; those that are older are too old to end or to begin again.
pub const MAX_CALLS: usize = 20;

/// Which earlier call makes a caller's next one a duplicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DuplicateCounts)]
pub enum Counts {
    /// Any.
    #[default]
    AnyCall,
    /// One that was connected.
    PreviouslyConnected,
    /// One that was converted.
    PreviouslyConverted,
}

/// What a campaign does with a duplicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DuplicateAction)]
pub enum Action {
    /// As any other call.
    #[default]
    RouteNormally,
    /// To the destination of the earlier call first.
    OriginalTarget,
    /// To any but the destination of the earlier call.
    DifferentTarget,
    /// It is not taken.
    Refuse,
}

/// What a campaign does with callers who ring again. Left out, a second call is as good as the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DuplicateRule {
    /// Seconds for which an earlier call counts, from when it began, was connected or was converted; `null` is for ever.
    #[schema(minimum = 1, maximum = 316224000)]
    pub window_s: Option<u32>,
    /// Which earlier calls count.
    pub counts: Counts,
    /// What happens.
    pub action: Action,
}

/// Callers whom a single target does not take again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Restrict {
    /// After which of their calls to this target.
    pub after: After,
    /// For how many seconds; `null` is for ever.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 316224000)]
    pub window_s: Option<u32>,
}

/// What restricts a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RestrictAfter)]
pub enum After {
    /// A call that was connected to the target.
    Connected,
    /// A call that was converted by the target.
    Converted,
}

impl DuplicateRule {
    /// Rules for saving; `at` is the field of this rule.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        check_window(at, self.window_s, problems);
    }
}

impl Restrict {
    /// Rules for saving; `at` is the field of this rule.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        check_window(at, self.window_s, problems);
    }

    /// Whether the target `via` takes this caller's call that began at `now`.
    ///
    /// # Errors
    /// Why not, and until when.
    pub fn takes(&self, via: Via, history: &CallerHistory, now: Timestamp) -> Result<(), Restricted> {
        let Some(of_target) = history.targets.get(&Key(via)) else { return Ok(()) };
        let last = match self.after {
            After::Connected => of_target.connected_at,
            After::Converted => of_target.converted_at,
        };
        match last.filter(|at| within(*at, self.window_s, now)) {
            Some(at) => Err(Restricted { after: self.after, until: end_of(at, self.window_s) }),
            None => Ok(()),
        }
    }
}

/// A caller whom a target does not take again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restricted {
    /// After what.
    pub after: After,
    /// From then on they are taken; `None` is never.
    pub until: Option<Timestamp>,
}

impl Restricted {
    /// Stable code for programs and filters.
    pub const fn code(&self) -> &'static str {
        "duplicate_caller"
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        let done = match self.after {
            After::Connected => "was connected to",
            After::Converted => "was converted by",
        };
        match self.until {
            Some(until) => format!("the caller {done} this target before: not again until {until:.0}"),
            None => format!("the caller {done} this target before"),
        }
    }
}

fn check_window(at: &str, window_s: Option<u32>, problems: &mut Problems) {
    if let Some(window_s) = window_s {
        problems.within(&format!("{at}.window_s"), window_s, 1..=MAX_WINDOW_S);
    }
}

/// Something that happened with a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// When.
    pub at: Timestamp,
    /// Which destination.
    pub via: Via,
}

/// The newest of a caller's calls to one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfTarget {
    /// When it was connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Timestamp>,
    /// When it was converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted_at: Option<Timestamp>,
}

impl OfTarget {
    fn newest(&self) -> Option<Timestamp> {
        self.connected_at.max(self.converted_at)
    }

    fn forget(&mut self, until: Timestamp) {
        self.connected_at = self.connected_at.filter(|at| *at > until);
        self.converted_at = self.converted_at.filter(|at| *at > until);
    }
}

/// A destination as a key of stored maps: the kind and the printed id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Key(Via);

/// The text names no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a target or a bidder")]
struct KeyError;

impl TryFrom<String> for Key {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        let target = text.parse().map(Via::Target);
        target.or_else(|_| text.parse().map(Via::RtbTarget)).map(Self).map_err(|_| KeyError)
    }
}
impl From<Key> for String {
    fn from(key: Key) -> Self {
        match key.0 {
            Via::Target(id) => id.to_string(),
            Via::RtbTarget(id) => id.to_string(),
        }
    }
}

/// One call as its caller's history knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    began_at: Timestamp,
    ended: bool,
}

/// What is kept of one caller's calls to one campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallerHistory {
    /// The newest calls, at most [`MAX_CALLS`].
    calls: BTreeMap<CallId, Kept>,
    /// When the newest call that was forgotten began: older ones are not taken up again.
    forgotten_until: Option<Timestamp>,
    /// The last call that was connected.
    connected: Option<Reached>,
    /// The last call that was converted.
    converted: Option<Reached>,
    /// By target, at most [`MAX_TARGETS`], those of the newest calls.
    targets: BTreeMap<Key, OfTarget>,
    /// What happened with targets until then was forgotten.
    targets_forgotten_until: Option<Timestamp>,
}

/// What a history learns of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It began. When it ended, that says everything.
    Began,
    /// It is over.
    Ended {
        /// Where and when it was connected.
        connected: Option<Reached>,
        /// Where and when it was converted.
        converted: Option<Reached>,
    },
}

impl CallerHistory {
    /// Folds what a call that began at `began_at` did into what is known. The same news twice, and news in another order, lead
    /// to the same history.
    pub fn after(&mut self, call: CallId, began_at: Timestamp, news: News) {
        if self.forgotten_until.is_none_or(|until| began_at > until) {
            let kept = self.calls.entry(call).or_insert(Kept { began_at, ended: false });
            kept.ended |= matches!(news, News::Ended { .. });
        }
        if let News::Ended { connected, converted } = news {
            self.connected = newer(self.connected, connected);
            self.converted = newer(self.converted, converted);
            let forgotten = self.targets_forgotten_until;
            let known = |reached: &Reached| forgotten.is_none_or(|until| reached.at > until);
            if let Some(Reached { at, via }) = connected.filter(known) {
                let of_target = self.targets.entry(Key(via)).or_default();
                of_target.connected_at = of_target.connected_at.max(Some(at));
            }
            if let Some(Reached { at, via }) = converted.filter(known) {
                let of_target = self.targets.entry(Key(via)).or_default();
                of_target.converted_at = of_target.converted_at.max(Some(at));
            }
        }
        self.forget();
    }

    /// Keeps the newest. Everything up to an instant goes, and what went does not come back: so no order is preferred.
    fn forget(&mut self) {
        while self.calls.len() > MAX_CALLS {
            let Some(oldest) = self.calls.values().map(|kept| kept.began_at).min() else { break };
            self.calls.retain(|_, kept| kept.began_at > oldest);
            self.forgotten_until = Some(oldest);
        }
        while self.targets.len() > MAX_TARGETS {
            let Some(oldest) = self.targets.values().filter_map(OfTarget::newest).min() else { break };
            self.targets.retain(|_, of_target| {
                of_target.forget(oldest);
                of_target.newest().is_some()
            });
            self.targets_forgotten_until = Some(oldest);
        }
    }

    /// When the last call began before this instant, as far as calls are kept.
    pub fn last_call_before(&self, began_at: Timestamp) -> Option<Timestamp> {
        let kept = self.calls.values().map(|kept| kept.began_at);
        kept.chain(self.forgotten_until).filter(|at| *at < began_at).max()
    }

    /// How many calls began from one instant on and before another, of those kept.
    pub fn calls_between(&self, from: Timestamp, before: Timestamp) -> usize {
        self.calls.values().filter(|kept| from <= kept.began_at && kept.began_at < before).count()
    }

    /// How many calls have begun and not ended, of those kept.
    pub fn live(&self) -> usize {
        self.calls.values().filter(|kept| !kept.ended).count()
    }

    /// The last call that was connected.
    pub const fn last_connected(&self) -> Option<Reached> {
        self.connected
    }

    /// The last call that was converted.
    pub const fn last_converted(&self) -> Option<Reached> {
        self.converted
    }

    /// What is known of one destination.
    pub fn of_target(&self, via: Via) -> OfTarget {
        self.targets.get(&Key(via)).copied().unwrap_or_default()
    }
}

/// The later of the two; of the same instant the greater destination, so that no order is preferred.
fn newer(one: Option<Reached>, other: Option<Reached>) -> Option<Reached> {
    one.into_iter().chain(other).max_by_key(|reached| (reached.at, reached.via))
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No earlier call counts.
    #[default]
    First,
    /// A duplicate, treated as any other call.
    RouteNormally,
    /// A duplicate that goes to this destination first.
    Prefer(Via),
    /// A duplicate that goes to any destination but this.
    Avoid(Via),
    /// A duplicate that is not taken.
    Refuse,
}

impl Verdict {
    /// Whether an earlier call counts.
    pub const fn is_duplicate(self) -> bool {
        !matches!(self, Self::First)
    }

    /// Whether none does.
    pub const fn is_first(&self) -> bool {
        matches!(self, Self::First)
    }

    /// The reason in plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::First => "the caller's first call",
            Self::RouteNormally => "the caller called before",
            Self::Prefer(_) => "the caller called before: the same destination first",
            Self::Avoid(_) => "the caller called before: another destination",
            Self::Refuse => "the caller called before: not taken again",
        }
    }
}

/// What a rule makes of a call that begins at `now`; ask once, when it begins. An earlier call that reached nobody has no
/// destination to prefer or avoid: the last connected one within the window stands in for it, and without one the call is
/// routed normally.
pub fn judge(rule: &DuplicateRule, history: &CallerHistory, now: Timestamp) -> Verdict {
    let counts = |at: &Timestamp| within(*at, rule.window_s, now);
    let connected = history.connected.filter(|reached| counts(&reached.at));
    let converted = history.converted.filter(|reached| counts(&reached.at));
    let (is_duplicate, reached) = match rule.counts {
        Counts::AnyCall => (history.last_call_before(now).is_some_and(|at| counts(&at)), connected),
        Counts::PreviouslyConnected => (connected.is_some(), connected),
        Counts::PreviouslyConverted => (converted.is_some(), converted),
    };
    if !is_duplicate {
        return Verdict::First;
    }
    match (rule.action, reached) {
        (Action::Refuse, _) => Verdict::Refuse,
        (Action::OriginalTarget, Some(reached)) => Verdict::Prefer(reached.via),
        (Action::DifferentTarget, Some(reached)) => Verdict::Avoid(reached.via),
        _ => Verdict::RouteNormally,
    }
}

/// Whether something that happened at `at` still counts at `now`: before it, and less than the window ago.
fn within(at: Timestamp, window_s: Option<u32>, now: Timestamp) -> bool {
    at < now && end_of(at, window_s).is_none_or(|end| now < end)
}

fn end_of(at: Timestamp, window_s: Option<u32>) -> Option<Timestamp> {
    window_s.and_then(|seconds| at.checked_add(jiff::SignedDuration::from_secs(i64::from(seconds))).ok())
}
