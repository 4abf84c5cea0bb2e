//! The static documents for when we are down.

use api::pages::{Pages, document};
use app::ports::FallbackPages;
use objects::Objects;

use crate::support::phone;

#[test]
fn a_document_dials_or_apologises() {
    assert_eq!(
        document(Some(&phone("+12025550180"))),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial timeout=\"30\" answerOnBridge=\"true\">\
         +12025550180</Dial><Say>This call has ended. Goodbye.</Say><Hangup/></Response>"
    );
    assert_eq!(
        document(None),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say>We are sorry. We cannot take your call at the \
         moment. Please try again later.</Say><Hangup/></Response>"
    );
}

#[tokio::test]
async fn the_folder_holds_one_whole_file_per_number() {
    let folder = std::env::temp_dir().join(format!("pages-{}", uuid::Uuid::now_v7().as_simple()));
    let pages = Pages(Objects::in_folder(folder.join("fallback")));
    let number = phone("+18335550100");
    pages.write(&number, "first").await.unwrap();
    pages.write(&number, "second").await.unwrap();
    pages.write(&phone("+18335550101"), "other").await.unwrap();
    pages.write_default("sorry").await.unwrap();
    assert_eq!(pages.read(&number).await.unwrap().as_deref(), Some("second"));
    assert_eq!(pages.read(&phone("+18335550102")).await.unwrap(), None);
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder.join("fallback"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    let text = |text: &str| text.to_owned();
    let expected = [("18335550100.xml", "second"), ("18335550101.xml", "other"), ("apology.xml", "sorry")];
    assert_eq!(files, expected.map(|(name, document)| (text(name), text(document))));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let file = std::env::temp_dir().join(format!("no-folder-{}", uuid::Uuid::now_v7().as_simple()));
    std::fs::write(&file, "in the way").unwrap();
    let error = Pages(Objects::in_folder(&file)).write(&phone("+18335550100"), "x").await.unwrap_err();
    assert_eq!(error.to_string(), "put a file: failed");
    std::fs::remove_file(file).unwrap();
}
