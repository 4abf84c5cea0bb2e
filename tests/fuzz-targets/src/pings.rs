//! Publishers' pings: read before it is known who sends them.

use std::time::{Duration, Instant};

use domain::filter::Tags;
use domain::inbound::{BodyKind, Ping};

/// Longest time for one ping; what takes longer than this could keep a function busy for little.
const WITHIN: Duration = Duration::from_millis(50);
const MOST: usize = 100;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1_000;

/// The first line is the query, and everything after it the body, read as a form, as JSON and as XML.
pub fn ping(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, body) = bytes.split_at(end);
    let query = String::from_utf8_lossy(query);
    let body = body.get(1..).unwrap_or_default();
    for kind in [BodyKind::Form, BodyKind::Json, BodyKind::Xml] {
        let mut read = None;
        // The best of some: a machine may have other things to do in between.
        let times = (0..5).map(|_| {
            let began = Instant::now();
            read = Some(Ping::read(&query, body, kind));
            began.elapsed()
        });
        let took = times.take_while(|took| *took >= WITHIN).count();
        assert!(took < 5, "{kind:?} takes longer than {WITHIN:?}, always");
        let Some(Ok(ping)) = read else { continue };
        assert!(ping.parameters.len() <= MOST, "{}", ping.parameters.len());
        for (name, value) in &ping.parameters {
            assert!(!name.is_empty() && name.len() <= MAX_NAME && value.len() <= MAX_VALUE);
            assert_eq!(*name, name.to_lowercase(), "names are read without regard to case");
        }
        // What was read says the same when it is sent as a query.
        let mut again = form_urlencoded::Serializer::new(String::new());
        again.extend_pairs(&ping.parameters);
        assert_eq!(Ping::read(&again.finish(), b"", BodyKind::Form), Ok(ping.clone()));
        ping.add_to(&mut Tags::new());
    }
}
