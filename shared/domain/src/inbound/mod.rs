//! Being asked: a publisher's system pings us about a call that it has, and we answer with a bid.
//!
//! A ping takes no capacity: it is looked whether somebody could take the call now, and looked again, exactly, when the
//! call arrives. What must stay true: the same ping again before its bid has expired gets the same bid; with a caller id a
//! bid is a promise for one caller on one number, and only a bid without one has a number of its own; every refusal has
//! the code by which the publishers' systems know it; a test never gives a number away that rings.

mod address;
mod answer;
mod bid;
mod decide;
mod free;
mod pass_through;
mod ping;
mod price;
mod settings;

pub use address::{bid_of_address, caller_of_address, is_sip};
pub use answer::{Answer, Format, PHONE_OF_NOBODY, SIP_HOST_OF_NOBODY, Warning};
pub use bid::{
    ANY_CALLER, Arrived, BidVerdict, CallBid, InboundBid, PingLine, RtbAddress, RtbId, arrive,
    arrive_by_address,
};
pub use decide::{Asking, Counted, Given, Priced, Reject, Rejected, Verdict, decide, fingerprint, sent_tags};
pub use pass_through::{Margin, PassThrough, PassedOn};
pub use ping::{BodyKind, Environment, MAX_BODY, Ping, Unreadable};
pub use price::{Modifier, Then};
pub use settings::{
    Agreed, Authentication, InboundRtb, MAX_MODIFIERS, Per, PublisherRtb, RateLimit, StaleBid,
};
