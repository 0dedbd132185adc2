//! Storage accounts, blob services, containers.

use std::sync::Arc;

use crate::bridge::wrong_type;
use crate::client::Arm;
use crate::error::Result;
use crate::id::ArmId;
use crate::model::storage::{BlobServiceWire, ContainerWire, StorageAccountWire};
use crate::model::{BlobService, Container, StorageAccount};
use crate::read::resources::{segment, subscription_id};

const STORAGE: &str = "2024-01-01";
const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";

impl Arm {
    /// A storage account.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn storage_account(&self, id: &ArmId) -> Result<Option<StorageAccount>> {
        let url = self.url(account(id)?, "", STORAGE, &[]);
        self.resource::<StorageAccountWire, _>(url).await
    }

    /// All storage accounts of a subscription that the caller may see.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError).
    pub async fn storage_accounts(&self, subscription: &str) -> Result<Arc<Vec<StorageAccount>>> {
        let url = self.url(&subscription_id(subscription)?, &format!("/providers/{ACCOUNTS}"), STORAGE, &[]);
        self.shared::<StorageAccountWire, _>(url).await
    }

    /// The storage account of this name, sought in the subscription's list. None may also mean that it belongs to
    /// another subscription or that the caller may not see it.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError).
    pub async fn storage_account_named(&self, subscription: &str, name: &str) -> Result<Option<StorageAccount>> {
        let accounts = self.storage_accounts(subscription).await?;
        Ok(accounts.iter().find(|account| account.name.eq_ignore_ascii_case(name)).cloned())
    }

    /// The blob service of a storage account.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is not that of an account; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn blob_service(&self, account_id: &ArmId) -> Result<Option<BlobService>> {
        let url = self.url(account(account_id)?, "/blobServices/default", STORAGE, &[]);
        self.resource::<BlobServiceWire, _>(url).await
    }

    /// A blob container of a storage account.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is not that of an account or the name is none; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn container(&self, account_id: &ArmId, name: &str) -> Result<Option<Container>> {
        segment(name)?;
        let url = self.url(account(account_id)?, &format!("/blobServices/default/containers/{name}"), STORAGE, &[]);
        self.resource::<ContainerWire, _>(url).await
    }
}

fn account(id: &ArmId) -> Result<&ArmId> {
    if id.is_type(ACCOUNTS) { Ok(id) } else { Err(wrong_type(id, ACCOUNTS)) }
}
