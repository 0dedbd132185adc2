//! Refusals in the shape in which each service words them.

use serde_json::{Value, json};

use crate::http::Reply;

/// An error answer of ARM: status, code, message and what surrounds them.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// Boxed, for few refusals have any of it and all results would be large.
    more: Box<More>,
}

#[derive(Debug, Clone, Default)]
struct More {
    target: Option<String>,
    details: Option<Value>,
    headers: Vec<(String, String)>,
    /// The body without the `error` envelope, as private DNS sends it.
    bare: bool,
}

impl Refusal {
    /// A refusal with ARM's usual envelope.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), more: Box::default() }
    }

    /// Names the member at fault.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.more.target = Some(target.into());
        self
    }

    /// Adds `details`; Microsoft.Network always sends the list, if only empty.
    pub fn details(mut self, details: Value) -> Self {
        self.more.details = Some(details);
        self
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.more.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Marks a refusal by ARM's front door rather than by a resource provider.
    pub fn gateway(self) -> Self {
        self.with("x-ms-failure-cause", "gateway")
    }

    /// Drops the `error` envelope.
    pub fn bare(mut self) -> Self {
        self.more.bare = true;
        self
    }

    /// The `{code, message, …}` object.
    pub fn inner(&self) -> Value {
        let mut inner = json!({"code": self.code, "message": self.message});
        if let Some(target) = &self.more.target {
            inner["target"] = json!(target);
        }
        if let Some(details) = &self.more.details {
            inner["details"] = details.clone();
        }
        inner
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let inner = refusal.inner();
        let body = if refusal.more.bare { inner } else { json!({"error": inner}) };
        let mut reply = Reply::json(refusal.status, body).with("x-ms-error-code", refusal.code);
        reply.headers.extend(refusal.more.headers);
        reply
    }
}

/// 404 for a resource that its provider does not know.
pub(crate) fn not_found(kind: &str, name: &str, group: &str) -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        ),
    )
    .gateway()
}

/// 404 for a resource group.
pub(crate) fn group_not_found(group: &str) -> Refusal {
    Refusal::new(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found.")).gateway()
}

/// 404 for a child whose parent is missing.
pub(crate) fn parent_not_found(parent: &str) -> Refusal {
    Refusal::new(
        404,
        "ParentResourceNotFound",
        format!(
            "Failed to perform 'write' on resource. Can not perform requested operation on nested resource. Parent resource '{parent}' not found."
        ),
    )
    .gateway()
}

/// 400 of Microsoft.Network, which always sends `details`.
pub(crate) fn network(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(status, code, message).details(json!([]))
}

/// 405 for a verb that the path does not take.
pub(crate) fn method_not_allowed(method: &str) -> Refusal {
    Refusal::new(405, "MethodNotAllowed", format!("The requested resource does not support http method '{method}'."))
}
