//! `--toleration key=…,operator=…,value=…,effect=…,tolerationSeconds=…`.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

const FLAG: &str = "--toleration";

/// How many tolerations a HostedCluster takes.
pub(super) const MAX: usize = 25;

/// Reads one toleration. Names of fields, operators and effects are taken in any case, as upstream does.
pub(super) fn parse(given: &str) -> Result<Value, Refusal> {
    let refuse = |why: String| {
        Refusal::new(FLAG, given, why, "give for example key=dedicated,operator=Equal,value=cp,effect=NoSchedule")
    };
    let mut found = Map::new();
    for field in given.split(',') {
        let parts: Vec<&str> = field.split('=').map(str::trim).collect();
        let [name, value] = parts.as_slice() else {
            return Err(refuse(format!("'{field}' is not of the form field=value")));
        };
        let choose = |what: &str, allowed: &[&str]| match allowed.iter().find(|known| known.eq_ignore_ascii_case(value))
        {
            Some(known) => Ok(json!(known)),
            None if value.is_empty() => Ok(json!("")),
            None => Err(refuse(format!("'{value}' is no {what}; there are {}", allowed.join(", ")))),
        };
        let (key, value) = match name.to_ascii_lowercase().as_str() {
            "key" => ("key", json!(value)),
            "value" => ("value", json!(value)),
            "operator" => ("operator", choose("operator", &["Exists", "Equal"])?),
            "effect" => ("effect", choose("effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"])?),
            "tolerationseconds" => {
                let seconds: i64 =
                    value.parse().map_err(|_| refuse(format!("tolerationSeconds '{value}' is no number")))?;
                ("tolerationSeconds", json!(seconds))
            }
            _ => return Err(refuse(format!("a toleration has no field '{name}'"))),
        };
        found.insert(key.to_owned(), value);
    }
    found.retain(|_, value| value != "");
    Ok(Value::Object(found))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_in_any_case() {
        assert_eq!(
            parse("key=dedicated, operator=equal ,value=cp,effect=noschedule").unwrap(),
            json!({"key": "dedicated", "operator": "Equal", "value": "cp", "effect": "NoSchedule"})
        );
        assert_eq!(parse("key=x,TolerationSeconds=60").unwrap(), json!({"key": "x", "tolerationSeconds": 60}));
    }

    #[test]
    fn what_is_no_toleration() {
        for bad in ["", "foo", "key=a=b", "key=a,tolerationSeconds=x", "operator=like", "effect=no", "color=red"] {
            let refusal = parse(bad).unwrap_err();
            assert_eq!((refusal.flag, refusal.value.as_str()), (FLAG, bad));
        }
    }
}
