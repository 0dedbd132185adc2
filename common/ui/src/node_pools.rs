//! NodePools: as a table, and for programs.

use checks::node_pools::{NodePoolRow, RowSkew};
use comfy_table::{ColumnConstraint, ContentArrangement};
use serde::Serialize;

use crate::grid;
use crate::terminal::Terminal;
use crate::text;

/// What a table of NodePools shows besides the usual columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    /// The namespace.
    pub namespace: bool,
    /// Architecture, size, zone and release.
    pub wide: bool,
}

/// One line per NodePool.
pub fn table(rows: &[NodePoolRow], columns: Columns, terminal: &Terminal) -> String {
    let mut header = vec!["NAME", "CLUSTER", "WANT", "READY", "VERSION", "SKEW", "AUTOSCALING", "STATE"];
    if columns.namespace {
        header.insert(0, "NAMESPACE");
    }
    if columns.wide {
        header.extend(["ARCH", "SIZE", "ZONE", "RELEASE"]);
    }
    let last = header.len() - 1;
    let mut table = grid::new(header, terminal);
    if columns.wide {
        // One line per row, however long, as kubectl's wide output.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for row in rows {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let mut cells = vec![
            row.name.clone(),
            row.cluster.clone(),
            or_dash(row.want.map(|want| want.to_string())),
            row.ready.to_string(),
            or_dash(row.version.clone()),
            row.skew.word(),
            row.autoscaling.map_or_else(|| "off".to_owned(), |limits| format!("{}-{}", limits.min, limits.max)),
            row.state.clone(),
        ];
        if columns.namespace {
            cells.insert(0, row.namespace.clone());
        }
        if columns.wide {
            let more = [row.arch.clone(), row.vm_size.clone(), or_dash(row.zone.clone()), row.release_image.clone()];
            cells.extend(more);
        }
        table.add_row(cells.iter().map(|cell| text::printable(cell).into_owned()));
    }
    // Names and numbers stay whole; what is said of the state takes the room that is left.
    for column in table.column_iter_mut().take(last) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    terminal.fit(&grid::text(&mut table, terminal))
}

/// NodePools for programs. Fields are only ever added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolList<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    namespace: &'a str,
    name: &'a str,
    cluster: &'a str,
    /// How many nodes are wanted; absent when the autoscaler decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<i32>,
    ready: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    skew: Skew,
    #[serde(skip_serializing_if = "Option::is_none")]
    autoscaling: Option<Limits>,
    state: &'a str,
    arch: &'a str,
    vm_size: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    release_image: &'a str,
}

#[derive(Debug, Serialize)]
struct Skew {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Limits {
    min: i32,
    max: i32,
}

impl<'a> NodePoolList<'a> {
    /// The document of rows.
    pub fn of(rows: &'a [NodePoolRow]) -> Self {
        Self { api_version: "hcp-azure.io/v1", kind: "NodePoolList", items: rows.iter().map(item).collect() }
    }
}

fn item(row: &NodePoolRow) -> Item<'_> {
    let (verdict, behind) = match row.skew {
        RowSkew::Ok { behind } => ("ok", Some(behind)),
        RowSkew::TooOld { behind } => ("tooOld", Some(behind)),
        RowSkew::Newer => ("newer", None),
        RowSkew::Unknown => ("unknown", None),
    };
    Item {
        namespace: &row.namespace,
        name: &row.name,
        cluster: &row.cluster,
        want: row.want,
        ready: row.ready,
        version: row.version.as_deref(),
        skew: Skew { verdict, behind },
        autoscaling: row.autoscaling.map(|limits| Limits { min: limits.min, max: limits.max }),
        state: &row.state,
        arch: &row.arch,
        vm_size: &row.vm_size,
        zone: row.zone.as_deref(),
        release_image: &row.release_image,
    }
}
