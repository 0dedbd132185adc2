//! [`Secret`]: a text that a plan carries and nobody sees.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// A secret text, such as a private key. Debug output does not show it, and it is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The text, for the one place that writes it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<SecretString> for Secret {
    fn from(text: SecretString) -> Self {
        Self(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_nothing() {
        let secret = Secret::from(SecretString::from("hunter2"));
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.expose(), "hunter2");
    }
}
