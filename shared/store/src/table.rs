//! The table itself, for tests and the local platform; in the cloud the template makes the same one, with a stream.
//!
//! Nobody reads a stream here, and the embedded database goes through all of its records with each write: after a hundred
//! thousand writes each one took seconds.

use app::ports::PortError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use crate::keys::{GSI1, GSI2};

const WHAT: &str = "create the table";

/// Makes the table with both indexes and expiry by `ttl`; a table that is there already is left as it is.
///
/// # Errors
/// When the database refuses, or cannot be reached.
pub async fn create_table(client: &Client, name: &str) -> Result<(), PortError> {
    let request = definition(client, name).map_err(|cause| PortError::failed(WHAT, cause))?;
    if let Err(error) = Box::pin(request.send()).await {
        let exists = error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception());
        return if exists { Ok(()) } else { Err(PortError::failed(WHAT, error)) };
    }
    let expiry = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build();
    let expiry = expiry.map_err(|cause| PortError::failed(WHAT, cause))?;
    let request = client.update_time_to_live().table_name(name).time_to_live_specification(expiry);
    Box::pin(request.send())
        .await
        .map_err(|error| PortError::failed("switch the table's expiry on", error))?;
    Ok(())
}

fn definition(
    client: &Client,
    name: &str,
) -> Result<aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder, BuildError> {
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("")?));
    for prefix in ["", GSI1, GSI2] {
        for part in ["pk", "sk"] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(format!("{prefix}{part}"))
                .attribute_type(ScalarAttributeType::S)
                .build()?;
            request = request.attribute_definitions(attribute);
        }
    }
    for index in [GSI1, GSI2] {
        let index = GlobalSecondaryIndex::builder()
            .index_name(index)
            .set_key_schema(Some(key_schema(index)?))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()?;
        request = request.global_secondary_indexes(index);
    }
    Ok(request)
}

fn key_schema(prefix: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    [("pk", KeyType::Hash), ("sk", KeyType::Range)]
        .into_iter()
        .map(|(part, kind)| {
            KeySchemaElement::builder().attribute_name(format!("{prefix}{part}")).key_type(kind).build()
        })
        .collect()
}
