//! Whose a dialled number is: one item for each number we own, written with the catalogue's number.

use app::ports::{Numbers, PortResult};
use async_trait::async_trait;
use domain::number::NumberOwner;
use domain::phone::E164;

use crate::Store;
use crate::item::body;
use crate::keys;

#[async_trait]
impl Numbers for Store {
    async fn owner(&self, number: &E164) -> PortResult<Option<NumberOwner>> {
        const WHAT: &str = "look up a number's owner";
        let item = self.get(WHAT, keys::number(number)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }
}
