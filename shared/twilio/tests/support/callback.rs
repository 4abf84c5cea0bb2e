//! Any callback of any call.

use domain::ids::{CallId, TenantId};
use domain::voice::{Callback, CallbackTo};
use proptest::prelude::*;
use uuid::Uuid;

/// Any callback of any call.
pub fn callback() -> impl Strategy<Value = Callback> {
    (any::<u128>(), "[0-9a-f]{32}", 0..4u8, any::<u16>()).prop_filter_map(
        "a call id",
        |(tenant, call, kind, n)| {
            let call: CallId = format!("RGB{call}").parse().ok()?;
            let to = match kind {
                0 => CallbackTo::Auction(n),
                1 => CallbackTo::DialResult(n),
                2 => CallbackTo::Leg(n),
                _ => CallbackTo::Recording(n),
            };
            Some(Callback { tenant: TenantId::from_uuid(Uuid::from_u128(tenant)), call, to })
        },
    )
}
