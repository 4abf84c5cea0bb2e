//! Which licences the crates we link may have.

/// Any one of these is enough where a crate offers a choice; all parts of an `AND` must be among them.
const ALLOWED: [&str; 14] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "MIT-0",
    // Certificates of the public web, as data.
    "CDLA-Permissive-2.0",
];

/// Whether an SPDX expression can be satisfied with the allowed licences.
pub fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut tokens = tokens(&expression);
    tokens.reverse();
    let satisfied = either(&mut tokens);
    satisfied && tokens.is_empty()
}

fn tokens(expression: &str) -> Vec<String> {
    expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(" WITH ", "\u{0}WITH\u{0}")
        .split_whitespace()
        .map(|token| token.replace('\u{0}', " "))
        .collect()
}

fn either(tokens: &mut Vec<String>) -> bool {
    let mut satisfied = all(tokens);
    while tokens.last().is_some_and(|token| token == "OR") {
        tokens.pop();
        satisfied |= all(tokens);
    }
    satisfied
}

fn all(tokens: &mut Vec<String>) -> bool {
    let mut satisfied = one(tokens);
    while tokens.last().is_some_and(|token| token == "AND") {
        tokens.pop();
        satisfied &= one(tokens);
    }
    satisfied
}

fn one(tokens: &mut Vec<String>) -> bool {
    match tokens.pop().as_deref() {
        Some("(") => {
            let satisfied = either(tokens);
            tokens.pop();
            satisfied
        }
        Some(name) => ALLOWED.contains(&name),
        None => false,
    }
}
