//! CR05: the clocks of this machine and of the management cluster agree with Entra's.

use facts::clock::Reading;

use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// The clock of the management cluster's API server, and that of the machine that runs this program, agree with the
    /// clock of Entra. Each is read from the `Date` header of an answer; half of the round trip is taken off, and what the
    /// measurement leaves open counts in favour of the clock.
    ///
    /// More than 60 seconds are a warning, more than 300 a failure. Where Entra's clock could not be read the two others are
    /// compared with each other.
    ///
    /// ## Why it matters
    /// The control plane signs tokens by the clock of its nodes. Entra refuses those that are not valid yet, or no longer
    /// (AADSTS700024), beyond five minutes. A wrong local clock makes tokens that are signed here invalid, and every age that
    /// is shown here wrong.
    ///
    /// ## How to fix
    /// Let chrony step the clock of the machines that are off, and see why it did not: a time source that is blocked.
    ///
    /// Source: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; linkerd/linkerd2#2762.
    pub static CLOCK_SKEW = {
        code: "CR05",
        id: "clock-skew",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [Clocks],
        caused_by: [],
        judge: judge,
    };
}

/// Seconds of which a warning is made.
const WARN: i64 = 60;
/// Seconds beyond which Entra takes no token.
const FAIL: i64 = 300;

/// How far one clock is ahead of another, in milliseconds, and by how much that may be wrong.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    by: i64,
    give_or_take: i64,
}

impl Ahead {
    fn of(reading: &Reading) -> Self {
        Self { by: reading.ahead_ms(), give_or_take: reading.uncertainty_ms() }
    }

    /// Of a service over another one, both read from here.
    fn over(self, other: Self) -> Self {
        Self { by: self.by - other.by, give_or_take: self.give_or_take + other.give_or_take }
    }

    fn reversed(self) -> Self {
        Self { by: -self.by, ..self }
    }

    /// Seconds that the clocks differ for sure.
    fn least_seconds(self) -> i64 {
        (self.by.abs() - self.give_or_take).max(0) / 1000
    }
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let (entra, management) = match (view.entra_clock(), view.management_clock()) {
        (Err(gap), Err(_)) => return Err(gap),
        clocks => clocks,
    };
    let mut findings = Vec::new();
    let mut passed = Vec::new();
    let mut weigh = |machine: Machine, ahead: Ahead, than: &str, seen: [Option<&Reading>; 2]| match finding(
        machine, ahead, than, seen,
    ) {
        Some(finding) => findings.push(finding),
        None => passed.push(machine.describe()),
    };
    match (&entra, &management) {
        (Ok(entra), Ok(management)) => {
            let local = Ahead::of(entra).reversed();
            let cluster = Ahead::of(management).over(Ahead::of(entra));
            weigh(Machine::Local, local, "Entra's", [Some(entra), None]);
            weigh(Machine::Management, cluster, "Entra's", [Some(entra), Some(management)]);
        }
        (Ok(entra), Err(_)) => weigh(Machine::Local, Ahead::of(entra).reversed(), "Entra's", [Some(entra), None]),
        (Err(_), Ok(management)) => {
            weigh(Machine::Either, Ahead::of(management), "that of this machine", [None, Some(management)]);
        }
        (Err(_), Err(_)) => {}
    }
    for (name, gap) in [("the clock of Entra", entra.err()), ("the clock of the management cluster", management.err())]
    {
        findings.extend(gap.map(|gap| Finding::unknown(name, gap)));
    }
    // Without figures: they differ from one look to the next.
    Ok(Judgement::new(format!("the clocks of {} are right to a minute", passed.join(" and ")), findings))
}

/// Whose clock it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Local,
    Management,
    /// One of both is wrong, and nothing says which.
    Either,
}

impl Machine {
    fn describe(self) -> &'static str {
        match self {
            Self::Local => "this machine",
            Self::Management => "the management cluster",
            Self::Either => "the management cluster or this machine",
        }
    }
}

fn finding(machine: Machine, ahead: Ahead, than: &str, seen: [Option<&Reading>; 2]) -> Option<Finding> {
    let seconds = ahead.least_seconds();
    if seconds <= WARN {
        return None;
    }
    let whose = if machine == Machine::Either { "the management cluster" } else { machine.describe() };
    let subject = format!("clock of {}", machine.describe());
    let direction = if ahead.by < 0 { "behind" } else { "ahead of" };
    let what = format!("the clock of {whose} is {} s {direction} {than}", (ahead.by.abs() + 500) / 1000);
    let why = match machine {
        Machine::Local => {
            "tokens that are signed here are not valid for Entra (AADSTS700024), and ages that are shown here are wrong"
        }
        _ => {
            "Entra refuses the tokens of the control plane beyond five minutes (AADSTS700024): nothing is done in Azure any more"
        }
    };
    let mut finding =
        if seconds > FAIL { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
    for reading in seen.into_iter().flatten() {
        finding = finding.see(
            &reading.service,
            format!(
                "{}, when it was {} here (round trip {} ms)",
                reading.says, reading.asked_at, reading.round_trip_ms
            ),
        );
    }
    let local = Fix::azure(["chronyc tracking", "sudo chronyc makestep"])
        .note("on this machine; without chrony: `timedatectl timesync-status`");
    let cluster = Fix::hypershift([
        "oc get nodes -o name | xargs -I NODE oc debug NODE -- chroot /host chronyc tracking",
        "oc get nodes -o name | xargs -I NODE oc debug NODE -- chroot /host chronyc makestep",
    ]);
    finding = match machine {
        Machine::Local => finding.fix(local),
        Machine::Management => finding.fix(cluster),
        Machine::Either => finding.fix(local).fix(cluster),
    };
    Some(finding.touches(Key::Clock))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;
    use facts::hosted::LogLine;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CLOCK_SKEW;

    fn set(facts: &mut facts::Facts, entra: i64, management: i64) {
        facts.clocks.entra = Fact::Known(reading("login.microsoftonline.com", entra));
        facts.clocks.management = Fact::Known(reading("api.mgmt.example.com", management));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the management cluster is ten minutes ahead, and Entra refuses its tokens", |facts| {
                set(facts, 0, 600);
                let text = "AADSTS700024: Client assertion is not within its valid time range.".to_owned();
                let line = LogLine {
                    pod: "capi-provider-6d8f9-0".into(),
                    app: Some("capi-provider".into()),
                    container: "manager".into(),
                    time: Some(minutes_ago(1)),
                    log_end: Some(minutes_ago(0)),
                    text,
                };
                if let Fact::Known(lines) = &mut facts.hosted.logs {
                    lines.push(line);
                }
            }),
            Fault::new("this machine is two minutes behind", |facts| set(facts, 120, 120)),
        ]
    }

    #[test]
    fn small_differences_pass() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        set(&mut facts, 59, -59);
        // Each is within a minute of this machine, and they are two apart.
        assert_eq!(the_finding(CHECK, &facts).subject, "clock of the management cluster");
        set(&mut facts, 50, 50);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn it_is_told_whose_clock_is_wrong() {
        let mut facts = healthy();
        set(&mut facts, 400, 400);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "clock of this machine");
        assert_eq!(finding.what, "the clock of this machine is 400 s behind Entra's");
        set(&mut facts, 0, 400);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "the clock of the management cluster is 400 s ahead of Entra's");
        set(&mut facts, 0, -100);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_a_slow_answer_leaves_open_counts_for_the_clock() {
        let mut facts = healthy();
        let mut slow = reading("api.mgmt.example.com", 70);
        slow.asked_at = minutes_ago(0);
        slow.round_trip_ms = 30_000;
        facts.clocks.management = Fact::Known(slow);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn without_entra_the_two_others_are_compared() {
        let mut facts = healthy();
        set(&mut facts, 0, 400);
        facts.clocks.entra = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no answer"));
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        facts.clocks.management = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no answer"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }
}
