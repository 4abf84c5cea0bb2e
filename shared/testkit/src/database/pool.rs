//! A number's row in a pool, as the catalogue writes it when the number enters the pool.

use app::ports::PoolPlace;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::TenantId;
use store::keys;

use super::{TABLE, TestDatabase};

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl TestDatabase {
    /// Puts the row of a number that nobody was ever shown; one that is there is forgotten.
    ///
    /// # Errors
    /// The database does not take it.
    pub async fn pool_row(&self, tenant: TenantId, place: &PoolPlace) -> Result<(), Cause> {
        let PoolPlace { pool, shard, number } = place;
        let key = keys::pool_number(tenant, *pool, *shard, number);
        let texts = [
            ("pk", key.pk.as_str()),
            ("sk", &key.sk),
            ("kind", "pool_number"),
            ("tenant", &tenant.to_string()),
            ("number", number.as_str()),
            ("visit", ""),
            ("lease", ""),
            ("previous", ""),
        ]
        .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
        let numbers = [("v", "1"), ("until", "0"), ("free_after", "0"), ("previous_free_after", "0")]
            .map(|(name, digits)| (name.to_owned(), AttributeValue::N(digits.to_owned())));
        let item = texts.into_iter().chain(numbers).collect();
        let put = self.client().put_item().table_name(TABLE).set_item(Some(item));
        Box::pin(put.send()).await?;
        Ok(())
    }
}
