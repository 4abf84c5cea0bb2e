//! The words of the REST API: what it accepts, what it answers, how it refuses.
//!
//! Only shapes, no HTTP framework, so that the function, the tests and generated clients read the same types. What must
//! stay true:
//!
//! * **Money is a JSON integer of micro-units** (a millionth of the currency's main unit: 12.50 USD is `12500000`), never
//!   a fraction; the currency stands beside it or on the thing it belongs to. Field names carry no suffix: `revenue`,
//!   `payout`, `amount`, `min_bid` are all micro-units.
//! * **Times** are RFC 3339 in UTC; days are UTC days, `2026-11-22`; durations name their unit (`_s`, `_ms`).
//! * **A refusal** is always a [`problem::ProblemDocument`] with a code from the closed list [`problem::Code`].
//! * **Lists** are a [`page::Page`]: `items` and, when there is more, `next`, to be given back as `cursor`.

pub mod audit;
pub mod books;
pub mod calls;
pub mod campaigns;
pub mod identity;
pub mod number_script;
pub mod numbers;
pub mod page;
pub mod pools;
pub mod privacy;
pub mod problem;
pub mod publication;
pub mod query;
pub mod resource;
pub mod rtb;
pub mod rtb_health;
pub mod rtb_targets;
pub mod sip;
pub mod test_auction;
pub mod usage;
pub mod visits;
