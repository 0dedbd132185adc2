//! Capacity: the limits of Azure, and what a wish would make of them.

use checks::capacity::{Amounts, Capacity, CapacityRow, Resource, Unit};

use crate::grid;
use crate::terminal::Terminal;
use crate::text;

/// One line per limit; those that would not hold are marked.
pub fn table(capacity: &Capacity, terminal: &Terminal) -> String {
    let header = ["LIMIT", "NAME", "MAX", "USED", "NEED", "AFTER", "PEAK", "FITS MORE", "ANSWER"];
    let mut table = grid::new(header, terminal);
    for row in &capacity.rows {
        let number =
            |of: fn(&Amounts) -> i64| row.amounts.as_ref().map_or_else(|| "?".to_owned(), |own| of(own).to_string());
        let fits = match (&row.amounts, row.unit) {
            (Some(amounts), Unit::Nodes) => format!("{} nodes", amounts.fits),
            (Some(amounts), Unit::Clusters) => format!("{} clusters", amounts.fits),
            (None, _) => "?".to_owned(),
        };
        let cells = [
            describe(row.resource).to_owned(),
            row.name.clone(),
            number(|own| own.limit),
            number(|own| own.used),
            number(|own| own.need),
            number(|own| own.after),
            number(|own| own.peak),
            fits,
            answer(row),
        ];
        table.add_row(cells.iter().map(|cell| text::printable(cell).into_owned()));
    }
    terminal.fit(&grid::text(&mut table, terminal))
}

/// Whether a limit would not hold.
pub fn is_exceeded(row: &CapacityRow) -> bool {
    row.amounts.as_ref().is_some_and(|amounts| amounts.after > amounts.limit)
}

fn answer(row: &CapacityRow) -> String {
    match (&row.amounts, &row.unknown) {
        (None, Some(gap)) => format!("unknown: {}", gap.why),
        (None, None) => "unknown".to_owned(),
        (Some(amounts), _) if is_exceeded(row) => {
            format!("too little by {}", amounts.after.saturating_sub(amounts.limit))
        }
        (Some(amounts), _) if amounts.is_short_at_peak() => "enough, but not for the peak".to_owned(),
        (Some(_), _) => "enough".to_owned(),
    }
}

fn describe(resource: Resource) -> &'static str {
    match resource {
        Resource::FamilyVcpus => "vCPUs of a family",
        Resource::RegionalVcpus => "vCPUs of the region",
        Resource::SubnetAddresses => "subnet addresses",
        Resource::SnatNodes => "nodes by SNAT ports",
        Resource::PublicIps => "public IPs",
        Resource::LoadBalancers => "load balancers",
        Resource::NetworkSecurityGroups => "security groups",
        Resource::VirtualNetworks => "virtual networks",
        Resource::RoleAssignments => "role assignments",
        Resource::FederatedCredentials => "federated credentials",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(after: i64) -> CapacityRow {
        CapacityRow {
            resource: Resource::FamilyVcpus,
            name: "standardDSv5Family".into(),
            scope: "eastus".into(),
            unit: Unit::Nodes,
            amounts: Some(Amounts { limit: 100, used: 40, need: 0, after, surge: 0, peak: after, fits: 3 }),
            pools: vec!["prod".into()],
            unknown: None,
        }
    }

    #[test]
    fn what_does_not_fit_is_said_with_the_difference() {
        let capacity = Capacity { rows: vec![row(60), row(130)] };
        let shown = table(&capacity, &Terminal::plain(120));
        assert!(shown.contains("enough") && shown.contains("too little by 30"), "{shown}");
        assert!(!is_exceeded(&capacity.rows[0]) && is_exceeded(&capacity.rows[1]));
    }
}
