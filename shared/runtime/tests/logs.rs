//! Only our own crates may write more than warnings, and the list of them is complete.

use std::path::Path;

#[test]
fn every_crate_of_ours_obeys_the_level_and_no_library_does() {
    let filter = runtime::logs::filter("TRACE");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["shared", "functions"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().join("Cargo.toml").exists() {
                let name = entry.file_name().to_string_lossy().replace('-', "_");
                assert!(
                    filter.split(',').any(|part| part == format!("{name}=trace")),
                    "{name} is not in {filter}"
                );
            }
        }
    }
    assert!(filter.starts_with("warn,"), "{filter}");
    assert!(!filter.contains("hyper") && !filter.contains("aws"), "{filter}");
}

#[test]
fn an_unknown_level_means_info() {
    assert!(runtime::logs::filter("loud").contains("app=info"));
    assert!(runtime::logs::filter("error").starts_with("error,"));
}
