//! Phone numbers inside of other people's texts: finding them however they are written, masking them, erasing one.
//!
//! What must stay true: no number of ten to fifteen digits stays readable in a masked text, whatever stands between its
//! digits (blanks, dots, hyphens, brackets, slashes, also percent-encoded); when in doubt a text is masked too much. A date
//! is no number.

use std::ops::Range;

use smallvec::SmallVec;

use super::{E164, mask};

/// Most signs between two digits of one number.
const MAX_GAP: usize = 4;
/// Digits of the longest number (E.164).
const LONGEST: usize = 15;
/// Digits from which a row of groups is taken to be a whole number.
const WHOLE: usize = 10;
/// Digits from which a group behind a `+` is one.
const AFTER_PLUS: usize = 8;
/// What stands where a number was erased; fit for texts, names and SIP addresses.
pub const ERASED: &str = "erased";

/// Digits that may belong together, with the signs between them.
struct Run {
    /// Place of each digit in the text.
    digits: SmallVec<[usize; 16]>,
    /// Index of each group's first digit.
    groups: SmallVec<[usize; 8]>,
    /// A `+` stands before it: how many bytes it takes.
    plus: usize,
}

/// Masks every phone number in a text that programs wrote: `+` with 8 to 15 digits, and 10 to 15 digits in any
/// formatting. Some long numbers that are none (a time in milliseconds) are masked with them.
pub fn mask_all(text: &str) -> String {
    mask_runs(text, WHOLE)
}

/// Masks every phone number in a text that people wrote: there, seven digits may be one.
pub fn mask_words(text: &str) -> String {
    mask_runs(text, 7)
}

/// Writes [`ERASED`] in place of this number, in whatever form it stands there; `None` when it does not.
pub fn erase_number(text: &str, number: &E164) -> Option<String> {
    let wanted: Vec<u8> = number.digits().bytes().collect();
    let (core, lead) = match number.nanp() {
        Some(_) => (&wanted[1..], 1),
        // How long a country code is only a table knows: at home the number begins after one to three digits.
        None if wanted.len() >= 10 => (&wanted[3..], 5),
        None => (wanted.as_slice(), 0),
    };
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut runs = runs(text);
    while let Some(run) = runs.next() {
        let digits: Vec<u8> = run.digits.iter().map(|at| text.as_bytes()[*at]).collect();
        let is_local = number.nanp().is_some() && digits == wanted[wanted.len() - 7..];
        let mut from = 0;
        while let Some(found) = if is_local && from == 0 { Some(0) } else { position(&digits, core, from) } {
            let length = if is_local { digits.len() } else { core.len() };
            let first =
                if found - from <= lead { from } else { found - country_code(&digits[from..found], &wanted) };
            let begin = if first == 0 { run.digits[0] - run.plus } else { run.digits[first] };
            places.push(begin..run.digits[found + length - 1] + 1);
            from = found + length;
        }
    }
    if places.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        out.push_str(&text[at..place.start]);
        drop_open_bracket(&mut out, &text[place.clone()]);
        out.push_str(ERASED);
        at = place.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// The number in what Twilio says of a caller: itself, or the user of a SIP address.
pub fn number_of_caller(from: &str) -> Option<E164> {
    if let Ok(number) = from.parse() {
        return Some(number);
    }
    let address = from.strip_prefix("sips:").or_else(|| from.strip_prefix("sip:"))?;
    let user = address.split(['@', ';']).next()?;
    let user = user.strip_prefix("%2B").or_else(|| user.strip_prefix("%2b")).unwrap_or(user);
    match user.strip_prefix('+') {
        Some(_) => user.parse().ok(),
        None if user.len() > WHOLE => format!("+{user}").parse().ok(),
        None => None,
    }
}

/// How many of the digits at the end of `before` are the country code that `wanted` begins with.
fn country_code(before: &[u8], wanted: &[u8]) -> usize {
    (1..=3).rev().find(|length| wanted.len() > *length && before.ends_with(&wanted[..*length])).unwrap_or(0)
}

fn position(digits: &[u8], core: &[u8], from: usize) -> Option<usize> {
    digits.get(from..)?.windows(core.len()).position(|window| window == core).map(|at| from + at)
}

fn mask_runs(text: &str, least: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut runs = runs(text);
    while let Some(run) = runs.next() {
        if run.digits.len() < least.min(AFTER_PLUS) {
            continue;
        }
        // The end of a long run may be the end of a number whose beginning was masked.
        let mut goes_on = false;
        for (range, has_plus) in numbers_in(run) {
            let digits = range.len();
            let begin = run.digits[range.start];
            let end = run.digits[range.end - 1] + 1;
            let is_number = digits >= least || (has_plus && digits >= AFTER_PLUS) || goes_on;
            if !is_number || (range_is_one_group(run, &range) && digits > LONGEST) {
                continue;
            }
            out.push_str(&text[at..begin - if has_plus { run.plus } else { 0 }]);
            drop_open_bracket(&mut out, &text[begin..end]);
            out.push_str(&mask(&digits_of(text, &run.digits[range])));
            at = end;
            goes_on = true;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// Digits of a run, by their indices, that may be one number, and whether its `+` stands before them.
type Numbers = SmallVec<[(Range<usize>, bool); 2]>;

/// Cuts a run that is too long for one number where whole numbers may end.
fn numbers_in(run: &Run) -> Numbers {
    let total = run.digits.len();
    let ends = run.groups.iter().skip(1).copied().chain([total]);
    let mut numbers = Numbers::new();
    let mut start = 0;
    let push = |numbers: &mut Numbers, start: usize, end: usize| {
        if end > start {
            numbers.push((start..end, start == 0 && run.plus > 0));
        }
    };
    for (group, end) in run.groups.iter().copied().zip(ends) {
        if end - group > LONGEST {
            push(&mut numbers, start, group);
            push(&mut numbers, group, end);
            start = end;
        } else if total - start > LONGEST && end - start >= WHOLE {
            push(&mut numbers, start, end);
            start = end;
        }
    }
    push(&mut numbers, start, total);
    numbers
}

fn range_is_one_group(run: &Run, range: &Range<usize>) -> bool {
    !run.groups.iter().any(|group| *group > range.start && *group < range.end)
}

fn digits_of(text: &str, places: &[usize]) -> String {
    let mut digits = String::with_capacity(places.len());
    digits.extend(places.iter().filter_map(|at| text.as_bytes().get(*at)).map(|byte| char::from(*byte)));
    digits
}

/// `(415) 555-0100` loses the bracket before it together with the one inside.
fn drop_open_bracket(out: &mut String, taken: &str) {
    if taken.contains(')') && !taken.contains('(') && out.ends_with('(') {
        out.pop();
    }
}

/// Goes from run to run along a text. Every text of the bid log comes through here, and most of its runs are short ones of
/// ids: they share one place in memory.
struct Runs<'a> {
    text: &'a str,
    at: usize,
    run: Run,
}

fn runs(text: &str) -> Runs<'_> {
    Runs { text, at: 0, run: Run { digits: SmallVec::new(), groups: SmallVec::new(), plus: 0 } }
}

impl Runs<'_> {
    fn next(&mut self) -> Option<&Run> {
        let Self { text, at, run } = self;
        let bytes = text.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        loop {
            *at += bytes.get(*at..)?.iter().position(|byte| byte.is_ascii_digit() || *byte == b'%')?;
            let skipped = match bytes[*at] {
                b'%' => Some(escape_at(bytes, *at).unwrap_or(1)),
                _ => date_at(bytes, *at),
            };
            match skipped {
                Some(length) => *at += length,
                None => break,
            }
        }
        run.plus = match *at {
            at if at >= 1 && bytes[at - 1] == b'+' => 1,
            at if at >= 3 && bytes[at - 3..at].eq_ignore_ascii_case(b"%2B") => 3,
            _ => 0,
        };
        run.digits.clear();
        run.groups.clear();
        loop {
            run.groups.push(run.digits.len());
            while is_digit(*at) {
                run.digits.push(*at);
                *at += 1;
            }
            match gap_at(text, *at) {
                Some(next) => *at = next,
                None => return Some(run),
            }
        }
    }
}

/// Where the next digit stands, when only a few separating signs lie between.
fn gap_at(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    for _ in 0..MAX_GAP {
        at += separator_at(text, at)?;
        if text.as_bytes().get(at).is_some_and(u8::is_ascii_digit) {
            return Some(at);
        }
    }
    None
}

/// The length of the separating sign that stands here.
fn separator_at(text: &str, at: usize) -> Option<usize> {
    if let Some(length) = escape_at(text.as_bytes(), at) {
        return Some(length);
    }
    let sign = text.get(at..)?.chars().next()?;
    let separates = matches!(
        sign,
        ' ' | '\t'
            | '-'
            | '.'
            | '('
            | ')'
            | '/'
            | '+'
            | '_'
            | '\u{a0}'
            | '\u{b7}'
            | '\u{2009}'
            | '\u{202f}'
            | '\u{2212}'
    ) || ('\u{2010}'..='\u{2015}').contains(&sign);
    separates.then(|| sign.len_utf8())
}

/// A percent-encoded separating sign; its own digits belong to no number.
fn escape_at(bytes: &[u8], at: usize) -> Option<usize> {
    let [b'%', high, low] = bytes.get(at..at + 3)? else { return None };
    let separates =
        matches!((high, low.to_ascii_uppercase()), (b'2', b'0' | b'8' | b'9' | b'B' | b'D' | b'E' | b'F'));
    separates.then_some(3)
}

/// A day as programs write it, `2026-11-22` or `11/22/2026`, with no further digits at its ends.
fn date_at(bytes: &[u8], at: usize) -> Option<usize> {
    const FORMS: [&[u8]; 2] = [b"0000-00-00", b"00/00/0000"];
    let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
    if before.is_ascii_digit() || before == b'+' || before == b'-' {
        return None;
    }
    let fits = |form: &&&[u8]| {
        let Some(text) = bytes.get(at..at + form.len()) else { return false };
        let same = text.iter().zip(form.iter()).all(|(byte, sign)| match sign {
            b'0' => byte.is_ascii_digit(),
            _ => byte == sign,
        });
        let year = if form[2] == b'/' { &text[6..8] } else { &text[..2] };
        let followed = bytes.get(at + form.len());
        same && matches!(year, b"19" | b"20")
            && !followed.is_some_and(|byte| {
                byte.is_ascii_digit() || matches!(byte, b'-' | b'/' | b'.' | b'+' | b'(' | b'%')
            })
    };
    FORMS.iter().find(fits).map(|form| form.len())
}
