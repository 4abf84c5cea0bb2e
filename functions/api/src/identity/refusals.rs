//! Refusals about accounts and people, in words.

use app::identity::{NotDone, Refused};
use contract::problem::Code;
use domain::validate::Problem;

use crate::refusal::Refusal;

impl From<NotDone> for Refusal {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Failed(error) => error.into(),
            NotDone::Refused(refused) => words(refused),
        }
    }
}

fn words(refused: Refused) -> Refusal {
    match refused {
        Refused::WrongCredentials => Refusal::new(
            Code::WrongCredentials,
            "no active user has this address and this password; try again, or ask for a new password",
        ),
        Refused::WrongPassword => {
            Refusal::new(Code::WrongPassword, "this is not the password you sign in with")
        }
        Refused::WrongCode => Refusal::new(
            Code::WrongCode,
            "wait for the next code of your app, or use one of your recovery codes; each is good once",
        ),
        Refused::Locked { retry_after_s } => {
            let detail = format!("too many attempts: try again in {} minutes", retry_after_s.div_ceil(60));
            Refusal::new(Code::Locked, detail).retry_after(retry_after_s)
        }
        Refused::TokenInvalid => {
            Refusal::new(Code::TokenInvalid, "it was used, is too old, or was cut off: ask for a new one")
        }
        Refused::Invalid(fields) => Refusal::fields(Code::Invalid, fields),
        Refused::WeakPassword(problem) => Refusal::fields(Code::PasswordWeak, vec![problem]),
        Refused::EmailTaken => {
            let message = "somebody signs in with this address, or is invited with it, already".to_owned();
            let problem = Problem { field: "email".to_owned(), rule: "unique".to_owned(), message };
            Refusal::fields(Code::Taken, vec![problem])
        }
        Refused::NotFound => Refusal::not_found(),
        Refused::Changed { current } => {
            let detail =
                "read it again, look at what changed, and send your change with the version you read";
            Refusal::new(Code::VersionConflict, detail).with_version(current)
        }
        Refused::AboveRole => Refusal::new(
            Code::AboveRole,
            "nobody gives, changes or takes away a role above their own; only an owner decides over owners",
        ),
        Refused::LastOwner => Refusal::new(
            Code::LastOwner,
            "this is the account's last active owner: make somebody else an owner first",
        ),
        Refused::Full { what, most } => {
            Refusal::new(Code::LimitReached, format!("an account has at most {most} {what}"))
        }
        Refused::State(detail) => Refusal::new(Code::WrongState, detail),
    }
}
