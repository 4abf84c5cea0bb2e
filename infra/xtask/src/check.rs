//! The structure of the workspace, held by a check: which crate may know which, and what may be linked at all.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::licences;

/// Adapters and glue: they know the use cases, not each other.
const ADAPTERS: [&str; 9] =
    ["store", "twilio", "outbound", "queue", "runtime", "contract", "vault", "mail", "objects"];

/// Crates that `domain`, `app` and `script` must be free of, by the beginning of their names.
const OUTSIDE_WORLD: [&str; 7] = ["aws-", "aws_", "lambda_", "reqwest", "axum", "hyper", "dynoxide"];

/// Crates of which two versions would be a mistake: types that cross crate borders, or the weight of a binary.
const ONCE: [&str; 12] = [
    "aws-sdk-dynamodb",
    "axum",
    "hyper",
    "jiff",
    "lambda_http",
    "lambda_runtime",
    "reqwest",
    "rustls",
    "serde",
    "serde_json",
    "tokio",
    "uuid",
];

/// Crates that must not come in at all. (Two that we would rather not see come with others: `rustls-native-certs` with the
/// SDK's client, which `runtime`'s tests show unused, and `chrono` with the Lambda event types.)
const BANNED: [(&str, &str); 3] = [
    ("openssl", "one TLS implementation: rustls"),
    ("native-tls", "one TLS implementation: rustls"),
    ("rust_decimal", "money is integer micro-units"),
];

/// Runs every check; the answer lists what was looked at, or everything that is wrong.
pub fn run() -> Result<String, String> {
    let metadata =
        MetadataCommand::new().exec().map_err(|error| format!("cargo metadata failed: {error}"))?;
    let mut wrong = Vec::new();
    let ours: BTreeMap<&str, &Package> =
        metadata.workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect();
    for package in ours.values() {
        check_arrows(package, &ours, &mut wrong);
        check_place(package, &metadata, &mut wrong);
    }
    check_linked(&metadata, &mut wrong);
    if wrong.is_empty() {
        Ok(format!(
            "structure: {} crates of ours, {} linked, all as designed",
            ours.len(),
            metadata.packages.len()
        ))
    } else {
        Err(format!("structure: {} problems\n  {}", wrong.len(), wrong.join("\n  ")))
    }
}

/// functions → adapters → app → domain → script; testkit only for tests, the local platform and xtask.
fn may_depend(from: &Package, to: &str) -> bool {
    let folder = folder_of(from);
    match (folder.as_str(), from.name.as_str()) {
        (_, "script") => false,
        (_, "domain") => to == "script",
        (_, "app") => to == "domain",
        (_, "testkit") => true,
        // The one place where neighbours meet, so that they need not know each other.
        ("shared", "webhook") => ["app", "domain", "runtime", "twilio", "vault"].contains(&to),
        // What two functions share that take the same reports.
        ("shared", "reports") => ["app", "domain", "runtime"].contains(&to),
        ("shared", _) => ["app", "domain"].contains(&to),
        ("functions", _) => ADAPTERS.contains(&to) || ["app", "domain", "reports", "webhook"].contains(&to),
        _ => true,
    }
}

fn check_arrows(package: &Package, ours: &BTreeMap<&str, &Package>, wrong: &mut Vec<String>) {
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let for_tests = dependency.kind == DependencyKind::Development;
        let pure = ["script", "domain", "app"].contains(&package.name.as_str());
        if pure && !for_tests && OUTSIDE_WORLD.iter().any(|prefix| name.starts_with(prefix)) {
            wrong.push(format!("{} must not know {name}: it is pure", package.name));
        }
        if ours.contains_key(name) && !for_tests && !may_depend(package, name) {
            wrong.push(format!("{} must not depend on {name}: arrows point one way", package.name));
        }
    }
}

/// Package = folder = binary, and shared settings are inherited.
fn check_place(package: &Package, metadata: &Metadata, wrong: &mut Vec<String>) {
    let folder = package.manifest_path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
    let known_exception = package.name == "local-platform" && folder == "local";
    if folder != package.name.as_str() && !known_exception {
        wrong.push(format!("{} lives in a folder named {folder}", package.name));
    }
    if package.license.as_deref() != Some("MIT OR Apache-2.0") {
        wrong.push(format!("{} does not inherit the workspace's licence", package.name));
    }
    if folder_of(package) == "functions" {
        let name = package.name.as_str();
        if !package.targets.iter().any(|target| target.is_bin() && target.name == name) {
            wrong.push(format!("{name} has no binary of its name"));
        }
        let events = metadata.workspace_root.join("events").join(name);
        let samples = std::fs::read_dir(&events).map(Iterator::count).unwrap_or(0);
        if samples < 2 {
            wrong.push(format!("{events} holds {samples} sample events: at least two are wanted"));
        }
    }
}

fn check_linked(metadata: &Metadata, wrong: &mut Vec<String>) {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &metadata.packages {
        versions.entry(package.name.as_str()).or_default().insert(package.version.to_string());
        if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == package.name.as_str()) {
            wrong.push(format!("{} must not be linked: {why}", package.name));
        }
        let licence = package.license.as_deref().unwrap_or("");
        let has_file_only = licence.is_empty() && package.license_file.is_some();
        if !has_file_only && !licences::allowed(licence) {
            wrong.push(format!(
                "{} {} has a licence that is not on the list: '{licence}'",
                package.name, package.version
            ));
        }
    }
    for name in ONCE {
        if let Some(found) = versions.get(name).filter(|found| found.len() > 1) {
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            wrong.push(format!("{name} comes in {} versions: {}", found.len(), found.join(", ")));
        }
    }
}

/// First folder below the workspace root: `shared`, `functions`, `infra` or `tests`.
fn folder_of(package: &Package) -> String {
    let folders: Vec<&str> = package.manifest_path.components().map(|part| part.as_str()).collect();
    let known = ["shared", "functions", "infra", "tests"];
    let first = folders.iter().rev().skip(1).find(|folder| known.contains(folder));
    first.map_or_else(String::new, |folder| (*folder).to_owned())
}
