//! Files by name: in a bucket, or in a folder on machines without one.
//!
//! What must stay true: a reader sees the file as it was or as it is, never half of one; putting or removing it again
//! changes nothing.

mod bids;

use std::path::{Path, PathBuf};

use app::ports::{PortError, PortResult};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;

pub use bids::BidArchive;

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Objects(Place);

#[derive(Debug, Clone)]
enum Place {
    Bucket(Client, String),
    /// Made when the first file is put.
    Folder(PathBuf),
}

/// What a file is, for whoever fetches it over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// `Cache-Control`.
    pub cache_control: Option<&'static str>,
}

impl Objects {
    /// Those in a bucket.
    pub fn in_bucket(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        // Stand-ins for S3 know no host names per bucket.
        let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
        Self(Place::Bucket(Client::from_conf(config), bucket.into()))
    }

    /// Those in a folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(Place::Folder(folder.into()))
    }

    /// Puts a file. `name` is ours: letters, digits, `-`, `=`, `.`, and slashes between folders.
    pub async fn put(&self, name: &str, kind: Kind, body: Vec<u8>) -> PortResult<()> {
        const WHAT: &str = "put a file";
        match &self.0 {
            Place::Bucket(client, bucket) => {
                let put = client
                    .put_object()
                    .bucket(bucket)
                    .key(name)
                    .content_type(kind.content_type)
                    .set_content_encoding(kind.encoding.map(str::to_owned))
                    .set_cache_control(kind.cache_control.map(str::to_owned))
                    .body(ByteStream::from(body));
                put.send().await.map_err(|cause| PortError::failed(WHAT, cause))?;
                Ok(())
            }
            Place::Folder(folder) => {
                let failed = |cause: std::io::Error| PortError::failed(WHAT, cause);
                let path = folder.join(name);
                let parent = path.parent().unwrap_or(folder);
                tokio::fs::create_dir_all(parent).await.map_err(failed)?;
                // Written beside and renamed, so that a reader sees the old file or the new one.
                let unfinished = parent.join(format!(".{}", uuid::Uuid::now_v7().as_simple()));
                tokio::fs::write(&unfinished, body).await.map_err(failed)?;
                tokio::fs::rename(&unfinished, path).await.map_err(failed)
            }
        }
    }

    /// The file; `None` when there is none of that name.
    pub async fn get(&self, name: &str) -> PortResult<Option<Vec<u8>>> {
        const WHAT: &str = "read a file";
        match &self.0 {
            Place::Bucket(client, bucket) => {
                let asked = client.get_object().bucket(bucket).key(name).send().await;
                let found = match asked {
                    Ok(found) => found,
                    Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                        return Ok(None);
                    }
                    Err(cause) => return Err(PortError::failed(WHAT, cause)),
                };
                let body = found.body.collect().await.map_err(|cause| PortError::failed(WHAT, cause))?;
                Ok(Some(body.into_bytes().to_vec()))
            }
            Place::Folder(folder) => match tokio::fs::read(folder.join(name)).await {
                Ok(body) => Ok(Some(body)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(cause) => Err(PortError::failed(WHAT, cause)),
            },
        }
    }

    /// Removes the files whose names begin so; those that are not there are removed already. A beginning ends within a file's
    /// name, not within a folder's.
    pub async fn remove(&self, beginning: &str) -> PortResult<()> {
        match &self.0 {
            Place::Bucket(client, bucket) => remove_from_bucket(client, bucket, beginning).await,
            Place::Folder(folder) => remove_from_folder(folder, beginning).await,
        }
    }
}

const REMOVE: &str = "remove files";

async fn remove_from_bucket(client: &Client, bucket: &str, beginning: &str) -> PortResult<()> {
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(beginning).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|cause| PortError::failed(REMOVE, cause))?;
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let gone = client.delete_object().bucket(bucket).key(key).send().await;
            gone.map_err(|cause| PortError::failed(REMOVE, cause))?;
        }
    }
    Ok(())
}

async fn remove_from_folder(folder: &Path, beginning: &str) -> PortResult<()> {
    let failed = |cause: std::io::Error| PortError::failed(REMOVE, cause);
    let (inner, name) = beginning.rsplit_once('/').unwrap_or(("", beginning));
    let mut files = match tokio::fs::read_dir(folder.join(inner)).await {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed(cause)),
    };
    while let Some(file) = files.next_entry().await.map_err(failed)? {
        if file.file_name().to_string_lossy().starts_with(name) {
            match tokio::fs::remove_file(file.path()).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
    }
    Ok(())
}
