//! Where a visitor is and what they use, as far as headers tell.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use app::lease_number::Visitor;
use domain::dni::visit::{Device, DeviceKind, Geo};
use http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use percent_encoding::percent_decode_str;
use runtime::HttpRequest;
use woothee::parser::Parser;

/// Longest place name, language and so on, characters.
const MAX_WORD: usize = 100;
/// Longest name of a browser that is kept, characters.
const MAX_USER_AGENT: usize = 400;
/// Names of browsers that a process remembers, with what they tell.
const MOST_READ: usize = 500;

/// Who asks. The edge of the network tells where they are in `CloudFront-Viewer-…`; locally a test may.
pub fn visitor(request: &HttpRequest) -> Visitor {
    let user_agent = request.header(USER_AGENT.as_str()).unwrap_or_default();
    let (device, is_bot) = device(request, user_agent);
    Visitor { geo: geo(request), device, is_bot }
}

fn word(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_WORD).collect()
}

fn geo(request: &HttpRequest) -> Geo {
    // Names of cities come percent-encoded.
    let told = |name: &str| {
        let text = request.header(name).unwrap_or_default();
        word(&percent_decode_str(text).decode_utf8_lossy())
    };
    // With the port after the last colon; an address of IPv6 has colons of its own.
    let address = request.header("cloudfront-viewer-address").and_then(|address| address.rsplit_once(':'));
    let ip = address.map(|(ip, _)| ip).or(request.source_ip.as_deref()).unwrap_or_default();
    Geo {
        country: told("cloudfront-viewer-country"),
        region: told("cloudfront-viewer-country-region"),
        city: told("cloudfront-viewer-city"),
        postal_code: told("cloudfront-viewer-postal-code"),
        time_zone: told("cloudfront-viewer-time-zone"),
        ip: word(ip.trim_matches(['[', ']'])),
    }
}

/// What a visitor uses, and whether it is a robot that says so.
fn device(request: &HttpRequest, user_agent: &str) -> (Device, bool) {
    let language = request.header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default();
    let language = language.split([',', ';']).next().unwrap_or_default();
    let told = told_by(user_agent);
    let device = Device {
        kind: told.kind,
        system: told.system,
        browser: told.browser,
        language: word(language.trim()),
        user_agent: user_agent.chars().take(MAX_USER_AGENT).collect(),
    };
    (device, told.is_robot)
}

/// What a browser's name for itself tells.
#[derive(Clone)]
struct Told {
    kind: DeviceKind,
    system: String,
    browser: String,
    is_robot: bool,
}

/// Names were read before: browsers cut theirs down to a few by now, and reading one takes some hundred comparisons.
fn told_by(user_agent: &str) -> Told {
    static READ: LazyLock<Mutex<HashMap<String, Told>>> = LazyLock::new(Mutex::default);
    // What a thread that panicked left there is whole.
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(told) = read.get(user_agent) {
        return told.clone();
    }
    let told = tell(user_agent);
    if user_agent.len() <= MAX_USER_AGENT {
        if read.len() >= MOST_READ {
            read.clear();
        }
        read.insert(user_agent.to_owned(), told.clone());
    }
    told
}

fn tell(user_agent: &str) -> Told {
    let parsed = Parser::new().parse(user_agent);
    let category = parsed.as_ref().map_or("", |parsed| parsed.category);
    let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
    Told {
        kind: kind(category, user_agent),
        system: parsed.as_ref().map(|parsed| known(parsed.os)).unwrap_or_default(),
        browser: parsed.as_ref().map(|parsed| known(parsed.name)).unwrap_or_default(),
        is_robot: category == "crawler" || says_robot(user_agent),
    }
}

/// Tablets are phones to the parser: Android's say `Mobile` on phones only.
fn kind(category: &str, user_agent: &str) -> DeviceKind {
    let is_tablet = user_agent.contains("iPad")
        || user_agent.contains("Tablet")
        || (user_agent.contains("Android") && !user_agent.contains("Mobile"));
    match category {
        "smartphone" | "mobilephone" | "pc" if is_tablet => DeviceKind::Tablet,
        "smartphone" | "mobilephone" => DeviceKind::Phone,
        "pc" => DeviceKind::Computer,
        _ => DeviceKind::Unknown,
    }
}

/// Words by which robots name themselves, beside the ones the parser knows; and no name at all, which no browser has.
fn says_robot(user_agent: &str) -> bool {
    const WORDS: [&str; 12] = [
        "bot",
        "crawl",
        "spider",
        "slurp",
        "headless",
        "lighthouse",
        "preview",
        "monitor",
        "curl/",
        "wget/",
        "python-",
        "facebookexternalhit",
    ];
    let lower = user_agent.to_ascii_lowercase();
    // Phones of the maker Cubot are none.
    lower.is_empty() || WORDS.iter().any(|word| lower.replace("cubot", "").contains(word))
}
