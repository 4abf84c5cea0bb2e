//! E-mail to people who use the product: through SES, or into a folder where there is no SES.
//!
//! What must stay true: a message may sign somebody in, so its text is in no log and no error, its receiver only masked,
//! and a file that holds one is readable by its owner only.

mod folder;
mod ses;

pub use folder::{Announce, FolderMailer};
pub use ses::SesMailer;
