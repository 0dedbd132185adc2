//! What a refused token said against what there is: in the cluster's facts, else in the catalogue.

use facts::Facts;
use facts::azure::{FederatedCredential, Identity};
use facts::catalogue::{self, Component, Credential};

use crate::federation::{IssuerDifference, Member};
use crate::judgement::{Evidence, Fix};
use crate::refusal::Entra;
use crate::remedy;
use crate::shell::command;

/// How far a subject may be from a known one and still be taken for it.
const NEAR: usize = 12;

/// Tells what the token said, and the pair of values that differ, where they are known; gives the commands that mend a
/// credential, where it is known which.
pub(super) fn see_entra(
    entra: &Entra,
    component: Option<&'static Component>,
    facts: Option<&Facts>,
    see: &mut dyn FnMut(&str, &str),
) -> Option<Fix> {
    match (&entra.subject, component) {
        (Some(subject), _) => see("subject", subject),
        (None, Some(component)) => {
            let subjects: Vec<String> = component.credentials.iter().map(Credential::subject).collect();
            let label = if subjects.len() == 1 { "subject" } else { "one of the subjects" };
            see(label, &subjects.join(", "));
        }
        (None, None) => {}
    }
    for (label, value) in [
        ("issuer of the token", &entra.issuer),
        ("audience of the token", &entra.audience),
        ("key of the token", &entra.key_id),
        ("client id asked for", &entra.app_id),
        ("tenant asked", &entra.tenant),
    ] {
        if let Some(value) = value {
            see(label, value);
        }
    }
    let identity = component.and_then(|component| identity_of(component, facts?));
    if let Some(identity) = identity {
        see("identity", identity.id.as_str());
    }
    let member = component.zip(identity).map(|(component, identity)| Member { component, identity, needed: true });
    let seen = member.and_then(|member| of_credentials(entra, member, facts));
    let (pair, note, fix) = match seen {
        Some(Seen { pair, note, fix }) => (pair, note, fix),
        None => (pair(entra, facts), None, None),
    };
    if let Some(pair) = pair {
        see(Evidence::WANT, &pair.want);
        see(Evidence::FOUND, &pair.found);
        see("found in", &pair.place);
    }
    if let Some(note) = note {
        see("credentials", &note);
    }
    for (label, value) in [("trace id", &entra.trace_id), ("correlation id", &entra.correlation_id)] {
        if let Some(value) = value {
            see(label, value);
        }
    }
    fix
}

/// Two values that should be equal, and where the second one stands.
struct Pair {
    want: String,
    found: String,
    place: String,
}

/// What the federated identity credentials of an identity say to a refusal.
#[derive(Default)]
struct Seen {
    pair: Option<Pair>,
    note: Option<String>,
    fix: Option<Fix>,
}

/// Compares a refused token with the credentials of its identity; none where those say nothing.
fn of_credentials(entra: &Entra, member: Member<'_>, facts: Option<&Facts>) -> Option<Seen> {
    let list = member.identity.federated.get()?;
    let cluster = facts?.hosted.cluster.get()?;
    let issuer = entra.issuer.as_deref().unwrap_or(&cluster.issuer_url);
    let place = |credential: &FederatedCredential| format!("federated identity credential {}", credential.name);
    let mend = |commands: Vec<String>| Fix::azure(commands).note("Entra takes up to 5 minutes to know a change");
    let holds = |note: String| {
        let namespace = facts.map(|facts| facts.target.control_plane_namespace()).unwrap_or_default();
        let workload = member.component.workloads.first().copied().unwrap_or_default();
        let logs = command!("oc -n {} logs deployment/{} --since=10m", namespace, workload);
        let wait = Fix::hypershift([logs]).note("a refusal that goes on after 10 minutes has another reason");
        Seen { note: Some(note), fix: Some(wait), ..Seen::default() }
    };
    match entra.aadsts {
        700_213 | 7_002_138 => {
            let subject = entra.subject.as_deref()?;
            if let Some(now) = list.iter().find(|credential| credential.subject == subject) {
                return Some(holds(format!(
                    "{} has this subject: it is newer than the refusal, or of another issuer",
                    now.name
                )));
            }
            let (_, credential) = catalogue::by_subject(subject)?;
            // A credential that another of its tokens needs is not the one to change.
            let needed = |subject: &str| catalogue::by_subject(subject).is_some();
            let near = list
                .iter()
                .filter(|known| !needed(&known.subject))
                .min_by_key(|known| distance(subject, &known.subject))
                .filter(|known| distance(subject, &known.subject) <= 2 * NEAR);
            Some(match near {
                Some(near) => Seen {
                    pair: differs(subject, &near.subject, place(near)),
                    note: None,
                    fix: Some(mend(vec![member.credential_command("update", &near.name, issuer, subject)])),
                },
                None => Seen {
                    fix: Some(mend(vec![member.credential_command(
                        "create",
                        &member.component.credential_name(&cluster.name, credential),
                        issuer,
                        subject,
                    )])),
                    ..holds(format!("none of the {} of this identity has this subject", list.len()))
                },
            })
        }
        // A token of another issuer than the cluster's is no fault of the credentials.
        700_211 if cluster.issuer_url == issuer => {
            let wrong: Vec<&FederatedCredential> = list.iter().filter(|known| known.issuer != issuer).collect();
            let Some(first) = wrong.first() else {
                return Some(holds("all have this issuer: they are newer than the refusal".into()));
            };
            let commands =
                wrong.iter().map(|known| member.credential_command("update", &known.name, issuer, &known.subject));
            Some(Seen {
                pair: differs(issuer, &first.issuer, place(first)),
                note: None,
                fix: Some(mend(commands.collect())),
            })
        }
        700_212 => {
            let wrong: Vec<&FederatedCredential> =
                list.iter().filter(|known| known.audiences.as_slice() != [catalogue::AUDIENCE]).collect();
            let first = wrong.first()?;
            let commands = wrong
                .iter()
                .map(|known| member.credential_command("update", &known.name, &known.issuer, &known.subject));
            Some(Seen {
                pair: differs(catalogue::AUDIENCE, &first.audiences.join(", "), place(first)),
                note: None,
                fix: Some(mend(commands.collect())),
            })
        }
        _ => None,
    }
}

/// The pair that differs where no credential tells.
fn pair(entra: &Entra, facts: Option<&Facts>) -> Option<Pair> {
    match entra.aadsts {
        700_213 | 7_002_138 => {
            // The token's own subject is no component's: the service account that signed is another one.
            let subject = entra.subject.as_deref()?;
            let (_, known) = nearest_subject(subject)?;
            differs(&known, subject, "the token; the subject it is nearest to is wanted".into())
        }
        700_211 => {
            let issuer = entra.issuer.as_deref()?;
            let known = &facts?.hosted.cluster.get()?.issuer_url;
            let parts = IssuerDifference::between(known, issuer)?.describe();
            differs(known, issuer, format!("the token; it differs from spec.issuerURL in {parts}"))
        }
        700_212 => differs(catalogue::AUDIENCE, entra.audience.as_deref()?, "the token".into()),
        7_000_272 | 700_027 => {
            let key = entra.key_id.as_deref()?;
            let published = facts?.oidc.jwks.get()?.document.as_ref()?;
            let kids: Vec<&str> = published.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
            (!kids.contains(&key)).then(|| Pair {
                want: key.to_owned(),
                found: kids.join(", "),
                place: "the keys that the issuer publishes".into(),
            })
        }
        700_016 => {
            let asked = entra.app_id.as_deref()?;
            let list = facts?.azure.identities.get()?;
            let known = list.iter().any(|identity| identity.client_id.eq_ignore_ascii_case(asked));
            let near = list.iter().map(|identity| identity.client_id.as_str()).min_by_key(|id| distance(asked, id))?;
            (!known).then(|| Pair {
                want: near.to_owned(),
                found: asked.to_owned(),
                place: "the request; the client id it is nearest to is wanted".into(),
            })
        }
        _ => None,
    }
}

fn differs(want: &str, found: &str, place: String) -> Option<Pair> {
    (want != found).then(|| Pair { want: want.to_owned(), found: found.to_owned(), place })
}

fn identity_of<'a>(component: &Component, facts: &'a Facts) -> Option<&'a Identity> {
    let client_id = remedy::client_id_of(facts.hosted.cluster.get(), component)?;
    facts.azure.identities.get()?.iter().find(|identity| identity.client_id.eq_ignore_ascii_case(client_id))
}

/// How far two texts are apart. Texts of others can be long: beyond a line they are as far as can be.
fn distance(one: &str, other: &str) -> usize {
    if one.len().max(other.len()) > 400 {
        return usize::MAX;
    }
    // Letters in another case are nearer than other letters.
    let (lower_one, lower_other) = (one.to_lowercase(), other.to_lowercase());
    strsim::damerau_levenshtein(&lower_one, &lower_other) * 2 + usize::from(one != other)
}

/// The known subject that is nearest to one, with its component; none that is near.
pub(super) fn nearest_subject(subject: &str) -> Option<(&'static Component, String)> {
    catalogue::COMPONENTS
        .iter()
        .flat_map(|component| component.credentials.iter().map(move |credential| (component, credential.subject())))
        .map(|(component, known)| (distance(subject, &known), component, known))
        .min_by_key(|(distance, ..)| *distance)
        .filter(|(distance, ..)| *distance <= NEAR)
        .map(|(_, component, known)| (component, known))
}

/// What to do about a refusal by Entra without a cluster that fills the values in.
pub(super) fn general_fix(entra: &Entra, component: Option<&Component>) -> Option<Fix> {
    let list = "az identity federated-credential list -g GROUP --identity-name IDENTITY -o table".to_owned();
    match entra.aadsts {
        70021 | 700_211 | 700_212 | 700_213 | 7_002_138 => {
            let issuer = entra.issuer.as_deref().unwrap_or("ISSUER");
            let subject = match (&entra.subject, component.map(|component| component.credentials)) {
                (Some(subject), _) => subject.clone(),
                (None, Some([credential])) => credential.subject(),
                _ => "SUBJECT".into(),
            };
            let verb = if matches!(entra.aadsts, 700_213 | 7_002_138) { "create" } else { "update" };
            let change = command!(
                "az identity federated-credential {} -g GROUP --identity-name IDENTITY --name NAME --issuer {} --subject {} --audiences {}",
                verb, issuer, subject, catalogue::AUDIENCE
            );
            Some(Fix::azure([list, change]).note(
                "words in capitals are to be filled in; with --bundle or --hosted-cluster they are; Entra takes up to 5 minutes to know a change",
            ))
        }
        7_000_215 | 7_000_222 => Some(
            Fix::azure(["az ad app credential reset --id CLIENT_ID --append --query '{clientId:appId,tenant:tenant}'"])
                .note("the new secret goes into the credentials file or Secret that the component reads; store it where nobody else reads it"),
        ),
        _ => None,
    }
}
