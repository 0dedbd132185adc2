//! Redaction of free text: what must never leave the machine, whatever text it hides in.
//!
//! Facts are built from fields that hold no secrets. This is the second line of defence, for messages, log lines and
//! arguments that other programs wrote.

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// Replaces what looks like a secret in `text`: JSON Web Tokens, PEM private keys, values of secret-like keys
/// (`client_secret=…`, `"password": "…"`, `Authorization: Bearer …`), and signatures in SAS URLs.
pub fn text(text: &str) -> String {
    let text = private_keys(text);
    let text = json_web_tokens(&text);
    secret_values(&text)
}

fn private_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = find_private_key(rest) {
        out.push_str(&rest[..begin]);
        out.push_str(MARK);
        let body = &rest[begin..];
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

fn json_web_tokens(text: &str) -> String {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let end = rest[at..].find(|c| !is_token_char(c)).map_or(rest.len(), |len| at + len);
        let token = &rest[at..end];
        out.push_str(&rest[..at]);
        // Header, payload and (perhaps cut) signature; a lone base64 JSON header is not a token.
        if token.len() >= 40 && token.matches('.').count() >= 1 {
            out.push_str(MARK);
        } else {
            out.push_str(token);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Keys whose value is a secret, in lower case without `-` and `_`.
const SECRET_KEYS: [&str; 14] = [
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
];

fn secret_values(text: &str) -> String {
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
        let gap =
            text[at..].find(|c: char| !matches!(c, '"' | '\'' | ':' | '=' | ' ' | '\\')).unwrap_or(text.len() - at);
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
}
