//! One request and one answer, free of any HTTP library, so that every handler is a plain function.

use hyper::HeaderMap;
use serde_json::Value;

use crate::errors::Refusal;

/// A request as the handlers see it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: String,
    /// Percent-decoded path without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub raw_query: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Scheme and authority the client used, so that links lead back to the name it trusts.
    pub base: String,
}

impl Call {
    /// Reads the parts of a request into owned values.
    pub fn new(method: &str, target: &str, headers: HeaderMap, body: Vec<u8>, base: String) -> Self {
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let query =
            url::form_urlencoded::parse(raw_query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        Self {
            method: method.to_owned(),
            path: percent_decode(path),
            raw_query: raw_query.to_owned(),
            query,
            headers,
            body,
            base,
        }
    }

    /// A query parameter; names are compared without case, as ARM does.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The non-empty path segments.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// Path and query as the log and fault patterns show them.
    pub fn target(&self) -> String {
        if self.raw_query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.raw_query) }
    }

    /// The JSON object in the body, or ARM's refusal of anything else.
    pub fn object(&self) -> Result<Value, Refusal> {
        let value: Value = serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::new(
                400,
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{error}'."),
            )
        })?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Refusal::new(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: 'Error converting value to type ResourceDefinition'.",
            ))
        }
    }
}

/// An answer before it becomes bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    /// Adds one header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What handlers return.
pub(crate) type Answer = Result<Reply, Refusal>;

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let decoded = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::percent_decode;

    #[test]
    fn decodes_only_whole_escapes() {
        assert_eq!(percent_decode("/a%2Fb%20c"), "/a/b c");
        assert_eq!(percent_decode("/100%"), "/100%");
        assert_eq!(percent_decode("/%zz"), "/%zz");
    }
}
