//! Installing CustomResourceDefinitions and waiting until they are usable.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::try_join_all;
use kube::Client;
use serde::Deserialize;

use crate::Error;
use crate::bed::get;
use crate::process::eventually;

/// Creates the CRD of each file; returns how many there are, once all of them are served and discoverable.
pub(crate) async fn install(client: &Client, files: &[PathBuf], limit: Duration) -> Result<usize, Error> {
    let made = try_join_all(files.iter().map(|file| create(client, file))).await?;
    try_join_all(made.iter().map(|crd| served(client, crd, limit))).await?;
    Ok(made.len())
}

/// The few fields of a CRD that lead to its endpoints; a whole one is half a megabyte.
#[derive(Deserialize)]
struct Crd {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    group: String,
    names: Names,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Names {
    plural: String,
}

#[derive(Deserialize)]
struct Version {
    name: String,
    served: bool,
}

async fn create(client: &Client, file: &Path) -> Result<Crd, Error> {
    let body = fs::read(file).map_err(Error::file(file))?;
    // The server reads YAML itself, which spares parsing megabytes of it in a debug build.
    let request = http::Request::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .header(http::header::CONTENT_TYPE, "application/yaml")
        .body(body)
        .map_err(kube::Error::HttpError)?;
    let answer = client.request_text(request).await?;
    serde_json::from_str(&answer).map_err(|error| Error::Input(format!("{}: {error}", file.display())))
}

async fn served(client: &Client, crd: &Crd, limit: Duration) -> Result<(), Error> {
    let Spec { group, names: Names { plural }, versions } = &crd.spec;
    for version in versions.iter().filter(|version| version.served) {
        let path = format!("/apis/{group}/{}", version.name);
        eventually(&format!("{path}/{plural} is served"), limit, || async {
            let in_discovery =
                get(client, &path).await.is_ok_and(|text| text.contains(&format!("\"name\":\"{plural}\"")));
            let listed = in_discovery && get(client, &format!("{path}/{plural}?limit=1")).await.is_ok();
            Ok(listed.then_some(()))
        })
        .await?;
    }
    Ok(())
}
