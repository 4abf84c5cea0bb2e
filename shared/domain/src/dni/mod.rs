//! Dynamic number insertion: visitors of a page see a phone number of their own, so that a call can be told from a click.
//!
//! [`tag`] and [`url_parameter`] are what is set up; [`question`] is what a browser asks and is answered; [`lease`] says whose a
//! pool's number is; [`visit`] is what is known of a browser session, and [`call_tags`] what that makes known of a call. [`redtrack`]
//! is what a tracker is told.

pub mod call_tags;
pub mod lease;
pub mod question;
pub mod redtrack;
pub mod tag;
pub mod url_parameter;
pub mod visit;
