//! What a password must be: long rather than intricate.
//!
//! What must stay true: any Unicode is allowed and nothing is changed about it; no rule asks for certain signs (NIST
//! SP 800-63B); what everybody tries first is refused. The shortest allowed length keeps the list of commonest ones short:
//! `data/common-passwords.txt` holds only those that are long enough to pass it.

use crate::validate::Problem;

/// Fewest characters.
pub const MIN_LENGTH: usize = 12;
/// Most characters; the limit keeps hashing cheap.
pub const MAX_LENGTH: usize = 128;

const COMMONEST: &str = include_str!("../data/common-passwords.txt");

/// Says what is wrong with a password; `known` are texts that anybody would try: the e-mail address, the names of person
/// and account.
pub fn weakness(field: &str, password: &str, known: &[&str]) -> Option<Problem> {
    let problem = |rule: &str, message: String| {
        Some(Problem { field: field.to_owned(), rule: rule.to_owned(), message })
    };
    let length = password.chars().count();
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        let words = format!("a password has {MIN_LENGTH} to {MAX_LENGTH} characters, this one has {length}");
        return problem("length", words);
    }
    let lower = password.trim().to_lowercase();
    if COMMONEST.lines().any(|common| common == lower) {
        return problem(
            "common",
            "this password is among the first that are tried; choose another".to_owned(),
        );
    }
    let mut letters = lower.chars();
    let first = letters.next();
    if letters.all(|letter| Some(letter) == first) {
        return problem("common", "this password is one character repeated; choose another".to_owned());
    }
    let is_known = |text: &&str| {
        let text = text.trim().to_lowercase();
        let local = text.split('@').next().unwrap_or_default();
        !text.is_empty() && (lower == text || (text.contains('@') && lower == local))
    };
    if known.iter().any(is_known) {
        let words = "a password is not the e-mail address or a name; choose another";
        return problem("personal", words.to_owned());
    }
    None
}
