//! `cargo run -p xtask -- check`: dependencies point one way, licences are allowed, key crates come once.
//! `cargo run -p xtask -- api-key --tenant AC… --name "…" [--scopes a,b]`: makes an API key and prints it, once.
//! `cargo run -p xtask -- rotate-data-key`: makes another data key for tenants' secrets.

mod api_key;
mod check;
mod data_key;
mod licences;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(),
        ["api-key", options @ ..] => api_key::run(options),
        ["rotate-data-key"] => data_key::rotate(),
        _ => {
            let usage = "usage: xtask check | xtask api-key --tenant AC… --name \"what for\" [--scopes calls:read,…] \
                         | xtask rotate-data-key";
            Err(usage.to_owned())
        }
    };
    match outcome {
        Ok(said) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            say(&problem);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]
fn say(text: &str) {
    println!("{text}");
}
