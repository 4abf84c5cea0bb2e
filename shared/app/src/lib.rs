//! The deeds of the platform, in the trade's words, over ports: answer a call, run its auction, dial the next one, follow
//! its legs, settle it.
//!
//! A use case takes only the ports it needs. Nothing here knows AWS, Twilio's XML or HTTP. Expected refusals are values;
//! an error means that something did not work, and keeps its cause.

pub mod answer_call;
pub mod answer_ping;
pub mod api_keys;
pub mod authenticate;
pub mod bid_log;
pub mod bidder_health;
pub mod books;
pub mod campaigns;
pub mod catalog;
pub mod check_bidders;
pub mod clock;
pub mod close_call;
pub mod close_overdue;
mod counted;
pub mod dial_next;
pub mod erase_caller;
pub mod follow_leg;
pub mod identity;
pub mod incoming_webhooks;
pub mod lease_number;
pub mod numbers;
pub mod place;
pub mod pools;
pub mod ports;
pub mod preview_route;
pub mod preview_rtb_target;
pub mod publish_campaign;
pub mod read_usage;
pub mod read_visits;
pub mod rtb_addresses;
pub mod run_auction;
pub mod secret;
pub mod tell_trackers;
pub mod trail;
pub mod twilio_accounts;
pub mod watch_bidders;
