//! Decision tables: one file, one rule, readable by someone who knows the trade and not Rust. The file's name is the rule.

mod auction;
mod caller;
mod dni;
mod money;
mod recovery;
mod routing;
mod rtb_inbound;

use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// Reads every case of a folder, and fails when there is none: an empty table proves nothing.
fn each<C: DeserializeOwned>(folder: &str, mut check: impl FnMut(&str, C)) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", path.display());
    for file in files {
        let rule = file.file_stem().unwrap().to_string_lossy().replace('-', " ");
        let text = std::fs::read_to_string(&file).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        check(&rule, case);
    }
}
