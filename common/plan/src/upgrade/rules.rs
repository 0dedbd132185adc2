//! The rules between two versions, and between a version and what the operator supports.

use facts::version::{Version, parse_minor};

/// Whether a version is of an older minor than another. As written: 4.23 is older than 5.0, though both are as far from any
/// other minor.
pub(super) fn is_minor_downgrade(from: &Version, wanted: &Version) -> bool {
    (wanted.major(), wanted.minor()) < (from.major(), from.minor())
}

/// Whether two versions are patch releases of one minor, as written.
pub(super) fn is_same_minor(one: &Version, other: &Version) -> bool {
    (one.major(), one.minor()) == (other.major(), other.minor())
}

/// Why a version is none of the minors that the operator supports; none when it is one.
pub(super) fn range_problem(wanted: &Version, supported: &[String]) -> Option<String> {
    let mut minors: Vec<(u64, u64)> = supported.iter().filter_map(|text| parse_minor(text)).collect();
    minors.sort_unstable();
    let wanted_minor = (wanted.major(), wanted.minor());
    let (Some(oldest), Some(newest)) = (minors.first(), minors.last()) else {
        return Some("the operator says that it supports no version at all".to_owned());
    };
    if minors.contains(&wanted_minor) {
        return None;
    }
    let show = |(major, minor): &(u64, u64)| format!("{major}.{minor}");
    Some(if wanted_minor > *newest {
        format!("{wanted} is newer than {}, the newest minor that the operator supports", show(newest))
    } else if wanted_minor < *oldest {
        format!("{wanted} is older than {}, the oldest minor that the operator supports", show(oldest))
    } else {
        format!("{wanted} is none of the minors that the operator supports, {} to {}", show(oldest), show(newest))
    })
}
