//! Mail into a folder: whole, private, announced without the address.
use std::sync::{Arc, Mutex};

use app::ports::{Mail, Mailer};
use mail::FolderMailer;

#[tokio::test]
async fn each_message_is_a_file_of_its_own_that_only_its_owner_reads() {
    let folder = std::env::temp_dir().join(format!("mail-{}", uuid::Uuid::now_v7().as_simple()));
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = said.clone();
    let mailer = FolderMailer::new(&folder)
        .announcing(move |line| heard.lock().expect("a lock").push(line.to_owned()));
    let mail = |subject: &str, text: &str| Mail {
        to: "Anna@Example.com".parse().expect("an address"),
        subject: subject.to_owned(),
        text: text.to_owned(),
    };
    mailer
        .send(&mail("Reset\r\nBcc: x@example.com", "https://app.example.com/reset#secret"))
        .await
        .expect("sent");
    mailer.send(&mail("Welcome", "Two\nlines")).await.expect("sent");

    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let texts: Vec<String> =
        files.iter().map(|path| std::fs::read_to_string(path).expect("a message")).collect();
    assert_eq!(
        texts,
        [
            "To: anna@example.com\nSubject: ResetBcc: x@example.com\n\nhttps://app.example.com/reset#secret\n",
            "To: anna@example.com\nSubject: Welcome\n\nTwo\nlines\n",
        ]
    );
    let said = said.lock().expect("a lock").clone();
    let expected: Vec<String> =
        files.iter().map(|path| format!("mail to a***@example.com: {}", path.display())).collect();
    assert_eq!(said, expected);
    #[cfg(unix)]
    for path in &files {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
    assert!(!format!("{mailer:?} {:?}", mail("s", "secret")).contains("secret"));
    std::fs::remove_dir_all(&folder).expect("removed");
}
