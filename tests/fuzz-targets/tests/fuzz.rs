//! The corpus, arbitrary bytes, and seeded mutations of the corpus: `FUZZ_CASES` of them for each target, or for those
//! in whose name `FUZZ_TARGET` stands.
#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

use std::path::PathBuf;
use std::time::Instant;

use domain::seed::Dice;
use fuzz_targets::{TARGETS, mutate};
use proptest::prelude::*;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

/// The samples of a target, in the order of their names.
fn samples(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder("corpus").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn every_target_has_samples_and_a_file_for_cargo_fuzz_and_no_others_exist() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    for kind in ["corpus", "fuzz_targets"] {
        let mut found: Vec<String> = std::fs::read_dir(folder(kind))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        let mut wanted = names.clone();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{kind}");
    }
    let manifest = std::fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in names {
        assert!(samples(name).len() >= 3, "{name} has too few samples");
        assert!(manifest.contains(&format!("\"{name}\"")), "{name} is not in tests/fuzz/Cargo.toml");
    }
}

#[test]
fn the_corpus_holds() {
    for target in TARGETS {
        for sample in samples(target.name) {
            (target.run)(&sample);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "these are about the test, not about the product")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn mutations_of_the_corpus_hold() {
    let cases: u32 = setting("FUZZ_CASES").map_or(2_000, |cases| cases.parse().unwrap());
    let seed: u64 = setting("FUZZ_SEED").map_or(20_261_122, |seed| seed.parse().unwrap());
    let wanted = setting("FUZZ_TARGET").unwrap_or_default();
    for target in TARGETS.iter().filter(|target| target.name.contains(&wanted)) {
        let samples = samples(target.name);
        let mut dice = Dice::new(seed);
        let (began, mut bytes, mut longest) = (Instant::now(), 0_usize, 0);
        for number in 0..cases {
            let case = mutate::case(&samples, &mut dice);
            bytes += case.len();
            longest = longest.max(case.len());
            let held = std::panic::catch_unwind(|| (target.run)(&case));
            assert!(
                held.is_ok(),
                "{} case {number} of seed {seed}: {:?}",
                target.name,
                String::from_utf8_lossy(&case)
            );
        }
        println!("{:16} {cases} cases, {bytes} bytes, longest {longest}, {:?}", target.name, began.elapsed());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_hold(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for target in TARGETS {
            (target.run)(&bytes);
        }
    }

    #[test]
    fn arbitrary_texts_hold(text in any::<String>(), json in "[\\[\\]{}:,\"a-z0-9.eE+\\\\ -]{0,80}") {
        for target in TARGETS {
            (target.run)(text.as_bytes());
            (target.run)(json.as_bytes());
        }
    }
}
