//! Redaction of free text: what must never leave the machine, whatever text it hides in.
//!
//! Facts are built from fields that hold no secrets. This is the second line of defence, for messages, log lines and
//! arguments that other programs wrote.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// What a secret looks like. It is all that is ever said of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A private key in PEM form.
    PrivateKey,
    /// A JSON Web Token.
    Token,
    /// The password of a registry in a pull secret.
    PullSecret,
    /// The signature of a SAS URL.
    SasSignature,
    /// A client secret as Entra makes them.
    ClientSecret,
    /// The key of a storage account.
    StorageKey,
    /// An AWS access key.
    AwsKey,
    /// A value behind a word such as `password`.
    Password,
    /// The values of a Kubernetes Secret.
    SecretData,
}

impl Kind {
    /// What it is, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::PrivateKey => "private key",
            Self::Token => "token",
            Self::PullSecret => "pull secret",
            Self::SasSignature => "SAS signature",
            Self::ClientSecret => "client secret",
            Self::StorageKey => "storage key",
            Self::AwsKey => "AWS access key",
            Self::Password => "password",
            Self::SecretData => "values of a Secret",
        }
    }
}

/// Replaces what looks like a secret in `text`: JSON Web Tokens, PEM private keys, values of secret-like keys
/// (`client_secret=…`, `"password": "…"`, `Authorization: Bearer …`), signatures in SAS URLs, client secrets as Entra makes
/// them, keys of storage accounts and of AWS.
pub fn text(text: &str) -> String {
    redacted(text, &mut |_, _| ())
}

/// The kinds of secrets in `text`, leaving out what only stands behind a secret-like word and need not be one: for text that
/// other programs wrote, in which `password: changed` is no secret.
pub fn kinds(text: &str) -> BTreeSet<Kind> {
    let mut kinds = BTreeSet::new();
    redacted(text, &mut |kind, value| {
        let certain = match kind {
            Kind::PullSecret => value.len() >= 8,
            Kind::Password => {
                let has = |of: fn(char) -> bool| value.contains(of);
                value.len() >= 8 && has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_alphabetic())
            }
            Kind::SasSignature | Kind::StorageKey => value.len() >= 16,
            _ => true,
        };
        if certain {
            kinds.insert(kind);
        }
    });
    kinds
}

/// Told of every secret that is found, with its value.
type Found<'a> = &'a mut dyn FnMut(Kind, &str);

fn redacted(text: &str, found: Found<'_>) -> String {
    let text = private_keys(text, found);
    let text = json_web_tokens(&text, found);
    let text = words(&text, found);
    secret_values(&text, found)
}

fn private_keys(text: &str, found: Found<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = find_private_key(rest) {
        out.push_str(&rest[..begin]);
        out.push_str(MARK);
        let body = &rest[begin..];
        found(Kind::PrivateKey, body);
        // A key that is cut off hides everything behind it.
        rest = match body.find("-----END").and_then(|end| body[end + 8..].find("-----").map(|tail| end + 8 + tail + 5))
        {
            Some(end) => &body[end..],
            None => "",
        };
    }
    out.push_str(rest);
    out
}

fn find_private_key(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN").map(|at| from + at) {
        let header = text[at + 10..].split("-----").next().unwrap_or_default();
        if header.contains("PRIVATE KEY") {
            return Some(at);
        }
        from = at + 10;
    }
    None
}

fn json_web_tokens(text: &str, found: Found<'_>) -> String {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let end = rest[at..].find(|c| !is_token_char(c)).map_or(rest.len(), |len| at + len);
        let token = &rest[at..end];
        out.push_str(&rest[..at]);
        // Header, payload and (perhaps cut) signature; a lone base64 JSON header is not a token.
        if token.len() >= 40 && token.matches('.').count() >= 1 {
            found(Kind::Token, token);
            out.push_str(MARK);
        } else {
            out.push_str(token);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Secrets that are known by their form: words of letters, digits and few signs.
fn words(text: &str, found: Found<'_>) -> String {
    let is_word_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_word_char) {
        let len = rest[begin..].find(|c| !is_word_char(c)).unwrap_or(rest.len() - begin);
        let (word, behind) = rest[begin..].split_at(len);
        out.push_str(&rest[..begin]);
        match kind_of_word(word, behind) {
            Some((kind, from)) => {
                found(kind, &word[from..]);
                out.push_str(&word[..from]);
                out.push_str(MARK);
            }
            None => out.push_str(word),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The kind of secret that a word is, and where in it the secret begins. `behind` is what follows.
///
/// Source: forms published with GitHub's and Microsoft's secret scanning: client secrets hold a digit and `Q~` in the fourth
/// to sixth place and 31 to 34 characters more; a storage key is 64 bytes in base64.
fn kind_of_word(word: &str, behind: &str) -> Option<(Kind, usize)> {
    let bytes = word.as_bytes();
    if let Some(at) = word.find("Q~").filter(|at| *at >= 4 && bytes[at - 1].is_ascii_digit() && word.len() - at >= 33) {
        return Some((Kind::ClientSecret, at - 4));
    }
    let is_base64 = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    if behind.starts_with("==") && word.len() == 86 && is_base64(bytes) {
        return Some((Kind::StorageKey, 0));
    }
    let is_aws = word.len() == 20
        && (word.starts_with("AKIA") || word.starts_with("ASIA"))
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_aws.then_some((Kind::AwsKey, 0))
}

/// Keys whose value is a secret, in lower case without `-` and `_`.
const SECRET_KEYS: [&str; 17] = [
    "clientsecret",
    "aadclientsecret",
    "clientassertion",
    "password",
    "passwd",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "accountkey",
    "sharedaccesskey",
    "sig",
    "authorization",
    "bearer",
    "azureclientsecret",
    "secretaccesskey",
    "awssecretaccesskey",
    "storageaccountkey",
];

/// What the value behind a secret-like key is.
fn kind_of_key(key: &str) -> Kind {
    match key {
        "auth" => Kind::PullSecret,
        "sig" => Kind::SasSignature,
        "accountkey" | "sharedaccesskey" | "storageaccountkey" => Kind::StorageKey,
        _ => Kind::Password,
    }
}

fn secret_values(text: &str, found: Found<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let word_len =
            text[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(text.len() - at);
        if word_len == 0 {
            let len = text[at..].chars().next().map_or(1, char::len_utf8);
            out.push_str(&text[at..at + len]);
            at += len;
            continue;
        }
        let word = &text[at..at + word_len];
        out.push_str(word);
        at += word_len;
        let normal: String = word.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        // In a pull secret `auth` is a password; elsewhere it is a word.
        let in_json = normal == "auth" && text[at..].trim_start_matches('\\').starts_with('"');
        if !in_json && !SECRET_KEYS.contains(&normal.as_str()) {
            continue;
        }
        // The separator between key and value: `=`, `: `, `": "`, or one blank after "Bearer".
        let rest = &text[at..];
        // `\n` of a quoted text ends a line as a newline does.
        let ends = |(i, c): &(usize, char)| {
            !matches!(c, '"' | '\'' | ':' | '=' | ' ' | '\\')
                || (*c == '\\' && rest[i + 1..].starts_with(['n', 'r', 't']))
        };
        let gap = rest.char_indices().find(ends).map_or(rest.len(), |(i, _)| i);
        let separator = &text[at..at + gap];
        let separates = separator.contains([':', '=']) || (normal == "bearer" && separator == " ");
        if !separates {
            continue;
        }
        out.push_str(separator);
        at += gap;
        // A quoted value ends at its quote, another at the next blank or delimiter.
        let quote = separator.chars().last().filter(|c| matches!(c, '"' | '\''));
        let ends_value = |c: char| match quote {
            Some(quote) => c == quote || c == '\\',
            None => c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '&' | ';' | '}' | '\\'),
        };
        let value_len = text[at..].find(ends_value).unwrap_or(text.len() - at);
        let value = &text[at..at + value_len];
        // "Authorization: Bearer x": the scheme is no secret, what follows it is.
        if value.eq_ignore_ascii_case("bearer") || value.is_empty() || value == MARK {
            continue;
        }
        found(kind_of_key(&normal), value);
        out.push_str(MARK);
        at += value_len;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJodHRwczovL3gifQ.c2lnbmF0dXJl";
        let table = [
            (format!("token {jwt} sent"), "token [redacted] sent".to_owned()),
            (format!("Authorization: Bearer {jwt}"), "Authorization: Bearer [redacted]".to_owned()),
            ("Bearer abc.def".into(), "Bearer [redacted]".into()),
            (
                r#"{"client_secret": "s3cr3t", "client_id": "c"}"#.into(),
                r#"{"client_secret": "[redacted]", "client_id": "c"}"#.into(),
            ),
            (r#"{\"password\":\"p w\"}"#.into(), r#"{\"password\":\"[redacted]\"}"#.into()),
            ("clientSecret: hunter2\nclientId: c".into(), "clientSecret: [redacted]\nclientId: c".into()),
            ("https://a.blob/c?sv=1&sig=AbC%3D&se=2".into(), "https://a.blob/c?sv=1&sig=[redacted]&se=2".into()),
            ("a -----BEGIN RSA PRIVATE KEY-----\nxx\n-----END RSA PRIVATE KEY----- b".into(), "a [redacted] b".into()),
            ("a -----BEGIN PRIVATE KEY-----\nxx".into(), "a [redacted]".into()),
            (
                r#"{"auths":{"quay.io":{"auth":"dXNlcjpwYXNz"}}}"#.into(),
                r#"{"auths":{"quay.io":{"auth":"[redacted]"}}}"#.into(),
            ),
            (r#"{\"auth\":\"dXNlcg==\"} auth: none"#.into(), r#"{\"auth\":\"[redacted]\"} auth: none"#.into()),
            (format!("login with abc8Q~{} failed", "xY3_z.w-~".repeat(4)), "login with [redacted] failed".into()),
            (format!("key {}== of the account", "aB3+/".repeat(17) + "x"), "key [redacted]== of the account".into()),
            ("password:\nuser12345".into(), "password:\nuser12345".into()),
            (r"password:\nuser12345".into(), r"password:\nuser12345".into()),
            ("AKIAIOSFODNN7EXAMPLE and AKIAI".into(), "[redacted] and AKIAI".into()),
            ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG".into(), "aws_secret_access_key = [redacted]".into()),
            (
                "-----BEGIN PUBLIC KEY-----\nxx\n-----END PUBLIC KEY-----".into(),
                "-----BEGIN PUBLIC KEY-----\nxx\n-----END PUBLIC KEY-----".into(),
            ),
            (
                "AADSTS700213: no password was asked; authorization failed".into(),
                "AADSTS700213: no password was asked; authorization failed".into(),
            ),
            (
                "subject 'system:serviceaccount:kube-system:capi-provider' – ümlaut".into(),
                "subject 'system:serviceaccount:kube-system:capi-provider' – ümlaut".into(),
            ),
        ];
        for (input, want) in table {
            assert_eq!(text(&input), want);
            assert_eq!(text(&want), want, "redaction is stable");
        }
    }

    #[test]
    fn kinds_are_told_and_words_that_need_be_no_secret_are_not() {
        let table = [
            ("-----BEGIN EC PRIVATE KEY-----", Some(Kind::PrivateKey)),
            ("https://a/c?sv=1&sig=AbCdEfGhIjKlMnOp%3D", Some(Kind::SasSignature)),
            (r#"{"auths":{"quay.io":{"auth":"dXNlcjpwYXNz"}}}"#, Some(Kind::PullSecret)),
            ("AccountName=a;AccountKey=abcdefghijklmnopqrst==", Some(Kind::StorageKey)),
            ("password: hunter2hunter2", Some(Kind::Password)),
            ("password: changed", None),
            ("authorization: webhook", None),
            ("password: [redacted]", None),
            ("the password field", None),
            ("sig: 1", None),
            ("AKIAIOSFODNN7EXAMPLE", Some(Kind::AwsKey)),
        ];
        for (input, want) in table {
            assert_eq!(kinds(input).into_iter().next(), want, "{input}");
        }
    }
}
