//! The picture of the identities: issuer, federated credentials, identities, and their roles at scopes.

use checks::{Group, Key, Report, Row, Verdict};
use facts::Facts;
use facts::azure::Identity;
use facts::catalogue::{COMPONENTS, Component, Scope};
use facts::hosted::HostedCluster;

use super::mark::{Mark, Tone};
use super::svg::{Drawing, Node, Type, height};
use crate::report::Shown;

/// Where the columns begin and how wide they are.
const ISSUER: (i32, i32) = (2, 231);
const CREDENTIALS: (i32, i32) = (293, 236);
const IDENTITY: (i32, i32) = (559, 276);
/// The first column of roles, and how far they are apart.
const ROLES: (i32, i32) = (889, 66);
const TOP: i32 = 44;

const SCOPES: [(Scope, &str); 4] =
    [(Scope::Managed, "managed"), (Scope::NetworkSecurityGroup, "NSG"), (Scope::Vnet, "VNet"), (Scope::Dns, "DNS")];

pub(super) fn draw(shown: &Shown<'_>, cluster: &HostedCluster, id: &str) -> Option<String> {
    let (facts, report) = (shown.facts, shown.report);
    let client_ids = cluster.workload_identities()?;
    let components: Vec<(&Component, &str)> =
        COMPONENTS.iter().filter_map(|component| Some((component, *client_ids.get(component.key)?))).collect();
    if components.is_empty() {
        return None;
    }
    let mut drawing = Drawing::default();
    for ((x, width), caption) in [(ISSUER, "ISSUER"), (CREDENTIALS, "FEDERATED CREDENTIALS"), (IDENTITY, "IDENTITIES")]
    {
        drawing.text(x + 2, 16, width, Type::Caption, caption);
    }
    drawing.text(ROLES.0 - 22, 16, 240, Type::Caption, "ROLES AT RESOURCE GROUPS");
    let mut x = ROLES.0;
    for (_, caption) in SCOPES {
        drawing.centred(x, 36, ROLES.1, Type::More, caption);
        x += ROLES.1;
    }
    let step = height(2) + 8;
    let rows = i32::try_from(components.len()).unwrap_or(0);
    let bottom = TOP + rows * step;
    let issuer = issuer(facts, report, cluster, (TOP, bottom));
    let middle = issuer.y + issuer.height() / 2;
    let mut y = TOP;
    for (component, client_id) in components {
        let middle_here = y + height(2) / 2;
        let keys = [Key::Identity(component.key.into())];
        let mark = Mark::of(report, |row| row.check.group == Group::Federation, &keys);
        drawing.arrow((ISSUER.0 + ISSUER.1, middle), (CREDENTIALS.0, middle_here), link(mark.tone));
        let identity = identity(facts, client_id);
        let (x, width) = CREDENTIALS;
        drawing.node(&Node { x, y, width, lines: credentials(identity, component), mark: &mark });
        let mark = Mark::of(report, |row| row.check.group == Group::Identities, &keys);
        let (x, width) = IDENTITY;
        drawing.arrow((CREDENTIALS.0 + CREDENTIALS.1, middle_here), (x, middle_here), Tone::Pass);
        let named = identity.map_or(client_id, |identity| identity.name.as_str());
        let lines = vec![(Type::Name, component.key.to_owned()), (Type::Code, named.to_owned())];
        drawing.node(&Node { x, y, width, lines, mark: &mark });
        let mut x = ROLES.0;
        for (scope, _) in SCOPES {
            role(report, cluster, component, scope, (x, middle_here), &mut drawing);
            x += ROLES.1;
        }
        y += step;
    }
    drawing.node(&issuer.node());
    let title =
        "The OIDC issuer, the federated credentials that trust it, the identities, and their roles at resource groups";
    Some(drawing.finish(id, bottom.max(issuer.y + issuer.height()) + 4, title))
}

/// A credential that fails is a link that does not hold.
fn link(tone: Tone) -> Tone {
    if matches!(tone, Tone::Fail | Tone::Unknown) { tone } else { Tone::Pass }
}

/// The issuer's box, which owns its mark.
struct Issuer {
    y: i32,
    lines: Vec<(Type, String)>,
    mark: Mark,
}

impl Issuer {
    fn height(&self) -> i32 {
        height(self.lines.len())
    }

    fn node(&self) -> Node<'_> {
        Node { x: ISSUER.0, y: self.y, width: ISSUER.1, lines: self.lines.clone(), mark: &self.mark }
    }
}

fn issuer(facts: &Facts, report: &Report, cluster: &HostedCluster, (top, bottom): (i32, i32)) -> Issuer {
    let mut lines = vec![(Type::Name, "OIDC issuer".to_owned())];
    let url = &cluster.issuer_url;
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.split_once('/') {
        Some((host, path)) if !scheme.is_empty() => {
            lines.push((Type::Code, format!("{scheme}://{host}")));
            lines.push((Type::Code, format!("/{path}")));
        }
        _ => lines.push((Type::Code, url.clone())),
    }
    if let Some(key) = facts.oidc.signing_key.get() {
        lines.push((Type::More, format!("signs with key {}", key.kid)));
    }
    if let Some(storage) = facts.oidc.storage.get() {
        lines.push((Type::More, format!("on {}", storage.account_id.name().unwrap_or_default())));
    }
    let mark = Mark::of(report, |row| row.check.group == Group::Oidc, &[]);
    let height = height(lines.len());
    Issuer { y: (top.midpoint(bottom) - height / 2).max(top), lines, mark }
}

fn identity<'a>(facts: &'a Facts, client_id: &str) -> Option<&'a Identity> {
    facts.azure.identities.get()?.iter().find(|identity| identity.client_id.eq_ignore_ascii_case(client_id))
}

fn credentials(identity: Option<&Identity>, component: &Component) -> Vec<(Type, String)> {
    let wanted = component.credentials.len();
    let count = match identity.and_then(|identity| identity.federated.get()) {
        Some(list) => format!("{} present, {wanted} needed", list.len()),
        None => format!("{wanted} needed"),
    };
    let accounts: Vec<&str> = component.credentials.iter().map(|credential| credential.service_account).collect();
    vec![(Type::Name, count), (Type::Code, accounts.join(", "))]
}

/// The mark of one role at one scope.
fn role(
    report: &Report,
    cluster: &HostedCluster,
    component: &Component,
    scope: Scope,
    at: (i32, i32),
    drawing: &mut Drawing,
) {
    let wanted = component.role.is_some_and(|role| role.scopes.contains(&scope));
    let Some(id) = cluster.scope(scope).filter(|_| wanted) else {
        drawing.centred(at.0, at.1 + 5, 20, Type::Name, "·");
        return;
    };
    let key = Key::Identity(component.key.into());
    let of = |row: &&Row| row.check.group == Group::Roles && row.verdict != Verdict::Skipped;
    let mut tone = Tone::Quiet;
    for row in report.rows.iter().filter(of) {
        let missing = |value: &str| value.starts_with("missing");
        let here = match row.verdict {
            Verdict::Unknown => {
                let about_us = row.keys().contains(&key) || !row.subject.starts_with("identity ");
                let named = row.subject.starts_with(&format!("identity {} ", component.key));
                let place = row.subject.to_ascii_lowercase().contains(&id.key()) || row.subject.is_empty();
                (about_us && place) || named
            }
            Verdict::Pass => true,
            // A finding lists the scopes that lack the role; one that lists none is about all of them.
            _ => {
                row.keys().contains(&key)
                    && (row.evidence.get(scope.describe()).is_some_and(missing)
                        || !row.evidence.0.iter().any(|(_, value)| missing(value)))
            }
        };
        tone = if here { tone.min(Tone::of(row)) } else { tone.min(Tone::Pass) };
    }
    drawing.shape(at.0, at.1, tone);
}
