//! Visits as they are shown, addresses and numbers masked for those who may not see them.

use contract::visits::VisitLine;
use domain::dni::visit::{Geo, PageSeen, Params, Visit};
use domain::phone::E164;

use crate::calls::{Viewer, mask_ip, words};

/// Parameters in a list, and the longest text of one, characters: a page of the largest visits is still an answer.
const IN_LIST: usize = 20;
const TEXT_IN_LIST: usize = 100;
/// Longest address in a list, characters.
const URL_IN_LIST: usize = 300;

/// One line of the list.
pub fn line(visit: &Visit, viewer: &Viewer) -> VisitLine {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let texts = params(&visit.params, viewer);
    VisitLine {
        landed_on: visit.pages.first().map(|page| words(&cut(&page.url, URL_IN_LIST), viewer.sees_numbers)),
        params: texts
            .iter()
            .take(IN_LIST)
            .map(|(name, text)| (name.clone(), cut(text, TEXT_IN_LIST)))
            .collect(),
        ..whole(visit, viewer)
    }
}

/// The same with all parameters.
pub fn whole(visit: &Visit, viewer: &Viewer) -> VisitLine {
    VisitLine {
        id: visit.id,
        tag: visit.tag,
        campaign: visit.campaign,
        publisher: visit.publisher,
        started_at: visit.started_at,
        seen_at: visit.seen_at,
        number: visit.number.as_ref().map(|shown| number(shown, viewer)),
        attributed: visit.attributed,
        landed_on: visit.pages.first().map(|page| words(&page.url, viewer.sees_numbers)),
        params: params(&visit.params, viewer),
        geo: geo(&visit.geo, viewer),
    }
}

/// A number that a visitor is shown.
pub fn number(number: &E164, viewer: &Viewer) -> String {
    if viewer.sees_numbers { number.as_str().to_owned() } else { number.masked() }
}

/// What a browser said may hold somebody's number.
pub fn params(params: &Params, viewer: &Viewer) -> Params {
    params.iter().map(|(name, value)| (name.clone(), words(value, viewer.sees_numbers))).collect()
}

/// The pages.
pub fn pages(visit: &Visit, viewer: &Viewer) -> Vec<PageSeen> {
    let page = |page: &PageSeen| PageSeen {
        url: words(&page.url, viewer.sees_numbers),
        referrer: words(&page.referrer, viewer.sees_numbers),
        at: page.at,
    };
    visit.pages.iter().map(page).collect()
}

fn geo(geo: &Geo, viewer: &Viewer) -> Geo {
    let ip = if viewer.sees_numbers { geo.ip.clone() } else { mask_ip(&geo.ip) };
    Geo { ip, ..geo.clone() }
}
