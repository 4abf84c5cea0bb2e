//! What people prove themselves with: codes of an app, recovery codes, argon2id.

use std::collections::HashSet;

use app::identity::passwords::Argon2Passwords;
use app::identity::totp::{self, code_at, new_recovery_codes, new_seed, recovery_hash, step_of};
use app::ports::Passwords;
use app::secret::Secret;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::id;

/// The seed of RFC 6238, appendix B: "12345678901234567890".
const RFC_SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn seconds(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

#[test]
fn codes_are_those_of_rfc_6238() {
    let seed = Secret::new(RFC_SEED);
    // The RFC prints eight digits; six are the last six of them.
    let vectors = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    for (second, printed) in vectors {
        assert_eq!(code_at(&seed, seconds(second)).expect("a code"), printed[2..], "{second}");
        let step = u64::try_from(second / 30).expect("positive");
        assert_eq!(step_of(&seed, &printed[2..], seconds(second), 0).expect("a seed"), Some(step));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_122), ..ProptestConfig::default() })]

    #[test]
    fn a_code_is_good_a_step_before_and_after_and_never_twice(second in 1_000_000_000_i64..4_000_000_000, late in -200_i64..200) {
        let seed = Secret::new(RFC_SEED);
        let code = code_at(&seed, seconds(second)).expect("a code");
        let now = seconds(second + late);
        let (made, judged) = (second / 30, (second + late) / 30);
        let found = step_of(&seed, &code, now, 0).expect("a seed");
        let near: Vec<i64> = (judged - 1..=judged + 1)
            .filter(|step| code_at(&seed, seconds(step * 30)).expect("a code") == code)
            .collect();
        prop_assert_eq!(found.map(|step| i64::try_from(step).expect("small")), near.first().copied());
        prop_assert_eq!(found.is_some(), (made - judged).abs() <= 1 || !near.is_empty());
        if let Some(step) = found {
            prop_assert_eq!(step_of(&seed, &code, now, step).expect("a seed"), None);
            prop_assert_eq!(step_of(&seed, &code, now, step + 5).expect("a seed"), None);
        }
    }

    #[test]
    fn nothing_else_is_a_code(text in "\\PC{0,12}") {
        let seed = Secret::new(RFC_SEED);
        let now = seconds(1_800_000_000);
        let plain: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
        let near = [-30, 0, 30].map(|late| code_at(&seed, seconds(1_800_000_000 + late)).expect("a code"));
        let found = step_of(&seed, &text, now, 0).expect("a seed");
        prop_assert_eq!(found.is_some(), near.contains(&plain));
    }
}

#[test]
fn seeds_and_recovery_codes_are_long_and_never_the_same() {
    let seeds: HashSet<String> = (0..50).map(|_| new_seed().expect("a seed").expose().to_owned()).collect();
    assert_eq!(seeds.len(), 50);
    assert!(seeds.iter().all(|seed| seed.len() == 32), "160 bits in base32");
    let codes = new_recovery_codes().expect("codes");
    let unique: HashSet<&str> = codes.iter().map(Secret::expose).collect();
    assert_eq!(unique.len(), totp::RECOVERY_CODES);
    for code in unique {
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4], "{code}");
        assert_eq!(recovery_hash(id(1), code), recovery_hash(id(1), &code.to_lowercase().replace('-', " ")));
        assert_ne!(recovery_hash(id(1), code), recovery_hash(id(2), code));
    }
}

#[test]
fn the_picture_names_issuer_account_and_seed() {
    let uri = totp::uri(&Secret::new(RFC_SEED), "jo+x@acme.example");
    assert_eq!(
        uri,
        format!(
            "otpauth://totp/CallCenter%20Pro:jo%2Bx%40acme.example?secret={RFC_SEED}&issuer=CallCenter%20Pro&\
             algorithm=SHA1&digits=6&period=30"
        )
    );
}

#[tokio::test]
async fn passwords_are_hashed_with_argon2id_as_owasp_recommends() {
    let passwords = Argon2Passwords::new().expect("random bytes");
    let secret = Secret::new("p\u{e4}ssw\u{f6}rd \u{1f511} of mine");
    let hash = passwords.hash(&secret).await.expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash, passwords.hash(&secret).await.expect("a hash"), "every hash has its own salt");
    assert!(passwords.verify(&secret, &hash).await.expect("an answer"));
    assert!(!passwords.verify(&Secret::new("another password"), &hash).await.expect("an answer"));
    assert!(!passwords.verify(&secret, passwords.nobodys()).await.expect("an answer"));
    assert!(passwords.verify(&secret, "no hash").await.is_err());
    assert!(!passwords.is_outdated(&hash));

    let yesterday = Argon2Passwords::with(64, 1).expect("parameters");
    let old = yesterday.hash(&secret).await.expect("a hash");
    assert!(passwords.is_outdated(&old) && !yesterday.is_outdated(&old));
    assert!(passwords.verify(&secret, &old).await.expect("an answer"), "an old hash still verifies");
}
