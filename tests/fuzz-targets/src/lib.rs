//! What is fuzzed: everything that reads bytes of strangers before anybody is known.
//!
//! A target takes any bytes, must not panic, and asserts what always holds of what it read. The same functions run over
//! the committed corpus and seeded mutations of it (`tests/fuzz.rs`, `make test`; a million each in `make soak`) and
//! under cargo-fuzz (`make fuzz`, the folder `tests/fuzz`). A new parser is a function here, a line in [`TARGETS`], a
//! folder of samples in `tests/fuzz/corpus` and a file in `tests/fuzz/fuzz_targets`.

pub mod mutate;

mod bodies;
mod pings;
mod queries;
mod twilio_side;

/// A parser with what holds of it.
pub struct Target {
    /// Its name: of the corpus folder and of the cargo-fuzz target.
    pub name: &'static str,
    /// Reads the bytes; panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "twilio_form", run: twilio_side::form },
    Target { name: "twilio_webhooks", run: twilio_side::webhooks },
    Target { name: "signed_url", run: twilio_side::signed_url },
    Target { name: "callback_path", run: twilio_side::callback_path },
    Target { name: "noun_body", run: bodies::noun },
    Target { name: "merge_patch", run: bodies::merge_patch },
    Target { name: "erasure_body", run: bodies::erasure },
    Target { name: "list_query", run: queries::list },
    Target { name: "calls_query", run: queries::calls },
    Target { name: "cursor", run: queries::cursor },
    Target { name: "ping", run: pings::ping },
    Target { name: "numbers_in_text", run: queries::numbers_in_text },
];

/// Runs the target of this name; for cargo-fuzz, whose files have one line each.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    assert!(target.is_some(), "there is no fuzz target {name}");
    if let Some(target) = target {
        (target.run)(bytes);
    }
}
