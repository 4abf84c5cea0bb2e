//! `recovery/*.json`: how long a conversation was and how often its caller was sent on before, and whether they are sent on
//! to the next destination.

use domain::campaign::{Campaign, Recovery};
use domain::validate::Validate;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    recovery: Recovery,
    /// Seconds of the conversation that has just ended.
    talked_s: u32,
    /// How often the caller was sent on in this call.
    sent_on_before: usize,
    sent_on: bool,
}

#[test]
fn callers_are_sent_on_as_written() {
    super::each("recovery", |rule, case: Case| {
        let campaign = json!({"name": "Test", "recovery": case.recovery});
        let campaign: Campaign = serde_json::from_value(campaign).unwrap();
        assert_eq!(campaign.validate(), Ok(()), "{rule}");
        assert_eq!(case.recovery.sends_on(case.talked_s, case.sent_on_before), case.sent_on, "{rule}");
    });
}
