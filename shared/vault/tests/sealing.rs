//! Sealing: what opens, what does not, how often the key service is asked, what is shown.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::ports::{PortError, PortResult, Sealed, Vault, WrappedKey, WrappedKeys};
use app::secret::Secret;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::TenantId;
use uuid::Uuid;
use vault::{DataVault, FileKeys, Generated, KeyService, KmsKeys, Unopened};

const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn token() -> Secret {
    Secret::new(TOKEN)
}

/// A key service that "wraps" by turning bytes round, and counts.
#[derive(Default)]
struct FakeService {
    generated: AtomicUsize,
    decrypted: AtomicUsize,
    failing: AtomicBool,
}

impl FakeService {
    fn asked(&self) -> (usize, usize) {
        (self.generated.load(Ordering::SeqCst), self.decrypted.load(Ordering::SeqCst))
    }

    async fn answer(&self, counter: &AtomicUsize) -> PortResult<usize> {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        // Others get their turn while the service thinks.
        tokio::task::yield_now().await;
        if self.failing.load(Ordering::SeqCst) {
            return Err(PortError::failed("ask the key service", "it is away"));
        }
        Ok(number)
    }
}

#[async_trait]
impl KeyService for FakeService {
    async fn generate(&self) -> PortResult<Generated> {
        let number = self.answer(&self.generated).await?;
        let mut plain = [0x5a; 32];
        plain[0] = u8::try_from(number).expect("few keys");
        Ok(Generated { plain, wrapped: plain.iter().rev().copied().collect() })
    }

    async fn decrypt(&self, wrapped: &[u8]) -> PortResult<[u8; 32]> {
        self.answer(&self.decrypted).await?;
        let plain: Vec<u8> = wrapped.iter().rev().copied().collect();
        Ok(plain.try_into().expect("32 bytes"))
    }
}

#[derive(Default)]
struct Rows(Mutex<Vec<WrappedKey>>);

#[async_trait]
impl WrappedKeys for Rows {
    async fn wrapped_keys(&self) -> PortResult<Vec<WrappedKey>> {
        tokio::task::yield_now().await;
        Ok(self.0.lock().expect("a lock").clone())
    }

    async fn keep_wrapped_key(&self, key: &WrappedKey) -> PortResult<bool> {
        let mut rows = self.0.lock().expect("a lock");
        if rows.iter().any(|row| row.number == key.number) {
            return Ok(false);
        }
        rows.push(key.clone());
        Ok(true)
    }
}

struct World {
    service: Arc<FakeService>,
    rows: Arc<Rows>,
}

impl World {
    fn new() -> Self {
        Self { service: Arc::default(), rows: Arc::default() }
    }

    /// As a process that just started has it.
    fn process(&self) -> DataVault {
        DataVault::new(KmsKeys::new(self.service.clone(), self.rows.clone()))
    }
}

/// Why a sealed text did not open.
fn unopened(result: PortResult<Secret>) -> Unopened {
    let error = result.expect_err("it must not open");
    assert!(matches!(error, PortError::Corrupt { .. }), "{error:?}");
    *error.source().and_then(|cause| cause.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test]
async fn what_was_sealed_opens_in_every_process_of_the_installation() {
    let world = World::new();
    let vault = world.process();
    for secret in ["", TOKEN, "ключ 🔑"] {
        let sealed = vault.seal(tenant(1), "twilio_token", &Secret::new(secret)).await.expect("sealed");
        assert!(sealed.0.starts_with("v1.k1."), "{sealed:?}");
        let opened = world.process().open(tenant(1), "twilio_token", &sealed).await.expect("opened");
        assert_eq!(opened.expose(), secret);
    }
}

#[tokio::test]
async fn the_same_secret_is_sealed_differently_each_time() {
    let vault = World::new().process();
    let one = vault.seal(tenant(1), "totp_seed", &token()).await.expect("sealed");
    assert_ne!(one, vault.seal(tenant(1), "totp_seed", &token()).await.expect("sealed"));
}

#[tokio::test]
async fn it_opens_under_its_tenant_and_its_purpose_only() {
    let vault = World::new().process();
    let sealed = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    for (tenant, purpose) in
        [(tenant(2), "twilio_token"), (tenant(1), "totp_seed"), (tenant(1), ""), (tenant(1), "twilio_token ")]
    {
        assert_eq!(unopened(vault.open(tenant, purpose, &sealed).await), Unopened::NotGenuine);
    }
}

#[tokio::test]
async fn whatever_is_changed_or_cut_off_does_not_open() {
    let vault = World::new().process();
    let sealed = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed").0;
    let bytes = URL_SAFE_NO_PAD.decode(&sealed["v1.k1.".len()..]).expect("base64");
    assert_eq!(bytes.len(), 12 + TOKEN.len() + 16, "nonce, text, tag");
    for position in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[position] ^= bit;
            let changed = Sealed(format!("v1.k1.{}", URL_SAFE_NO_PAD.encode(changed)));
            let refused = unopened(vault.open(tenant(1), "twilio_token", &changed).await);
            assert_eq!(refused, Unopened::NotGenuine, "byte {position}");
        }
    }
    for length in 0..bytes.len() {
        let cut = Sealed(format!("v1.k1.{}", URL_SAFE_NO_PAD.encode(&bytes[..length])));
        unopened(vault.open(tenant(1), "twilio_token", &cut).await);
    }
    let text = &sealed["v1.k1.".len()..];
    for broken in [
        String::new(),
        "v1".to_owned(),
        "v1.k1".to_owned(),
        "v1.k1.".to_owned(),
        text.to_owned(),
        format!("v2.k1.{text}"),
        format!("v1.k0.{text}"),
        format!("v1.k01.{text}"),
        format!("v1.k+1.{text}"),
        format!("v1.1.{text}"),
        format!("v1.k1.{text}="),
        format!("v1.k1.{text}.x"),
    ] {
        let refused = unopened(vault.open(tenant(1), "twilio_token", &Sealed(broken.clone())).await);
        assert_eq!(refused, Unopened::Form, "{broken}");
    }
}

#[tokio::test]
async fn a_key_that_nobody_has_is_said_to_be_unknown() {
    let vault = World::new().process();
    let sealed = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed").0;
    let other = Sealed(sealed.replacen("v1.k1.", "v1.k2.", 1));
    assert_eq!(unopened(vault.open(tenant(1), "twilio_token", &other).await), Unopened::UnknownKey);

    let empty = World::new();
    let refused = unopened(empty.process().open(tenant(1), "twilio_token", &Sealed(sealed)).await);
    assert_eq!(refused, Unopened::UnknownKey);
    assert_eq!(empty.service.asked(), (0, 0), "opening makes no key");
}

#[tokio::test]
async fn the_key_service_is_asked_once_by_a_process_however_many_wait() {
    let world = World::new();
    let vault = Arc::new(world.process());
    let sealing = (0..50).map(|_| {
        let vault = vault.clone();
        tokio::spawn(async move { vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed") })
    });
    let mut sealed = Vec::new();
    for task in sealing.collect::<Vec<_>>() {
        sealed.push(task.await.expect("a task"));
    }
    assert_eq!(world.service.asked(), (1, 0), "one key was made");

    let fresh = Arc::new(world.process());
    let opening = sealed.into_iter().map(|sealed| {
        let vault = fresh.clone();
        tokio::spawn(async move { vault.open(tenant(1), "twilio_token", &sealed).await.expect("opened") })
    });
    for task in opening.collect::<Vec<_>>() {
        assert_eq!(task.await.expect("a task").expose(), TOKEN);
    }
    assert_eq!(world.service.asked(), (1, 1), "and decrypted once");
    fresh.warm_up().await.expect("warm");
    assert_eq!(world.service.asked(), (1, 1));
}

#[tokio::test]
async fn two_processes_that_start_at_once_agree_on_the_first_key() {
    let world = World::new();
    let (one, other) = (world.process(), world.process());
    let secret = token();
    let (first, second) = tokio::join!(
        one.seal(tenant(1), "twilio_token", &secret),
        other.seal(tenant(1), "twilio_token", &secret)
    );
    for sealed in [first.expect("sealed"), second.expect("sealed")] {
        for vault in [&one, &other] {
            assert_eq!(vault.open(tenant(1), "twilio_token", &sealed).await.expect("opened").expose(), TOKEN);
        }
    }
    assert_eq!(world.rows.0.lock().expect("a lock").len(), 1);
    assert_eq!(world.service.asked().0, 2, "both were really at it at once");
}

#[tokio::test]
async fn a_failure_of_the_key_service_is_not_remembered() {
    let world = World::new();
    let vault = world.process();
    world.service.failing.store(true, Ordering::SeqCst);
    let failed = vault.seal(tenant(1), "twilio_token", &token()).await;
    assert!(matches!(failed, Err(PortError::Failed { .. })), "{failed:?}");
    world.service.failing.store(false, Ordering::SeqCst);
    vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
}

#[tokio::test]
async fn after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() {
    let world = World::new();
    let (vault, running) = (world.process(), world.process());
    let old = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    let name = vault.pseudonym(tenant(1), "+12025550100").await.expect("a pseudonym");
    running.warm_up().await.expect("warm");

    assert_eq!(vault.rotate().await.expect("rotated").to_string(), "k2");
    let new = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    assert!(new.0.starts_with("v1.k2."), "{new:?}");
    let later = world.process();
    for vault in [&vault, &running, &later] {
        for sealed in [&old, &new] {
            assert_eq!(vault.open(tenant(1), "twilio_token", sealed).await.expect("opened").expose(), TOKEN);
        }
        assert_eq!(vault.pseudonym(tenant(1), "+12025550100").await.expect("a pseudonym"), name);
    }
    let moved = Sealed(new.0.replacen("v1.k2.", "v1.k1.", 1));
    assert_eq!(unopened(vault.open(tenant(1), "twilio_token", &moved).await), Unopened::NotGenuine);
}

#[tokio::test]
async fn a_pseudonym_is_the_same_again_and_another_for_every_tenant_value_and_installation() {
    let vault = World::new().process();
    let name = vault.pseudonym(tenant(1), "+12025550100").await.expect("a pseudonym");
    assert!(name.len() == 32 && name.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{name}");
    assert_eq!(vault.pseudonym(tenant(1), "+12025550100").await.expect("a pseudonym"), name);
    assert_ne!(vault.pseudonym(tenant(2), "+12025550100").await.expect("a pseudonym"), name);
    assert_ne!(vault.pseudonym(tenant(1), "+12025550101").await.expect("a pseudonym"), name);
    let folder = Folder::new();
    let other = DataVault::new(FileKeys::new(folder.key_file()));
    assert_ne!(other.pseudonym(tenant(1), "+12025550100").await.expect("a pseudonym"), name);
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let vault = World::new().process();
    let sealed = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    let opened = vault.open(tenant(1), "twilio_token", &sealed).await.expect("opened");
    let error = vault.open(tenant(2), "twilio_token", &sealed).await.expect_err("refused");
    let shown = format!("{vault:?} {opened:?} {error:?} {error}");
    for secret in [TOKEN, "5a5a", "90, 90"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!shown.contains(&sealed.0), "{shown}");
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("vault-{}", Uuid::now_v7().as_simple())))
    }

    fn key_file(&self) -> PathBuf {
        self.0.join("vault.key")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_key_file_is_made_once_for_its_owner_only() {
    let folder = Folder::new();
    let making = (0..8).map(|_| {
        let vault = DataVault::new(FileKeys::new(folder.key_file()));
        tokio::spawn(async move { vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed") })
    });
    let reader = DataVault::new(FileKeys::new(folder.key_file()));
    for task in making.collect::<Vec<_>>() {
        let sealed = task.await.expect("a task");
        assert_eq!(reader.open(tenant(1), "twilio_token", &sealed).await.expect("opened").expose(), TOKEN);
    }
    let text = std::fs::read_to_string(folder.key_file()).expect("the file");
    assert_eq!((text.lines().count(), text.trim_end().len()), (1, 64));
    assert_eq!(std::fs::read_dir(&folder.0).expect("the folder").count(), 1, "nothing is left beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &PathBuf| std::fs::metadata(path).expect("the file").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.key_file()), 0o600);
        std::fs::set_permissions(folder.key_file(), std::fs::Permissions::from_mode(0o640))
            .expect("opened up");
        let open = DataVault::new(FileKeys::new(folder.key_file())).warm_up().await;
        let error = open.expect_err("others may read it");
        assert!(error.source().is_some_and(|cause| cause.to_string().contains("chmod 600")), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_file_rotates_too_and_one_that_is_broken_is_not_overwritten() {
    let folder = Folder::new();
    let vault = DataVault::new(FileKeys::new(folder.key_file()));
    vault.warm_up().await.expect("nothing to read yet");
    assert!(!folder.key_file().exists(), "warming up makes nothing");
    let old = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    assert_eq!(vault.rotate().await.expect("rotated").number(), 2);
    let new = vault.seal(tenant(1), "twilio_token", &token()).await.expect("sealed");
    let later = DataVault::new(FileKeys::new(folder.key_file()));
    for sealed in [old, new] {
        assert_eq!(later.open(tenant(1), "twilio_token", &sealed).await.expect("opened").expose(), TOKEN);
    }
    let text = std::fs::read_to_string(folder.key_file()).expect("the file");
    std::fs::write(folder.key_file(), text.replace('\n', "x\n")).expect("broken");
    let broken = DataVault::new(FileKeys::new(folder.key_file()));
    assert!(matches!(broken.seal(tenant(1), "x", &token()).await, Err(PortError::Corrupt { .. })));
}
