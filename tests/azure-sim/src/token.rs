//! Access tokens: real JWTs that clients can decode, which only this simulator can have signed.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{Error, errors::Refusal, state::Principal};

/// The claims of an access token that clients and services read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub appid: String,
    pub appidacr: String,
    pub idp: String,
    pub oid: String,
    pub sub: String,
    pub tid: String,
    pub ver: String,
}

/// Signs and verifies access tokens with a key of its own.
pub(crate) struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
}

/// Why a bearer token is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Invalid,
    Expired { at: i64 },
}

impl Tokens {
    /// Makes a fresh signing key.
    ///
    /// # Errors
    /// `Error::Tls` when the system gives no randomness.
    pub fn new() -> Result<Self, Error> {
        let mut secret = [0u8; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|e| Error::Tls(e.to_string()))?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self { sign: EncodingKey::from_secret(&secret), verify: DecodingKey::from_secret(&secret), validation })
    }

    /// A token for a principal. `lifetime` in seconds may be negative, for a token that is already over.
    pub fn issue(&self, principal: &Principal, tenant: &str, audience: &str, secret: bool, lifetime: i64) -> String {
        let now = now();
        let issuer = format!("https://sts.windows.net/{tenant}/");
        let claims = Claims {
            aud: audience.to_owned(),
            iss: issuer.clone(),
            iat: now.min(now + lifetime) - 300,
            nbf: now.min(now + lifetime) - 300,
            exp: now + lifetime,
            appid: principal.app_id.clone().unwrap_or_default(),
            appidacr: if secret { "1" } else { "2" }.to_owned(),
            idp: issuer,
            oid: principal.id.clone(),
            sub: principal.id.clone(),
            tid: tenant.to_owned(),
            ver: "1.0".to_owned(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("azure-sim".to_owned());
        jsonwebtoken::encode(&header, &claims, &self.sign).unwrap_or_default()
    }

    /// The claims of a token of ours that is not over.
    pub fn check(&self, token: &str) -> Result<Claims, Rejected> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verify, &self.validation)
            .map_err(|_| Rejected::Invalid)?
            .claims;
        if claims.exp <= now() {
            return Err(Rejected::Expired { at: claims.exp });
        }
        Ok(claims)
    }
}

impl Rejected {
    /// ARM's answer.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Invalid => Refusal::new(401, "InvalidAuthenticationToken", "The access token is invalid."),
            Self::Expired { at } => Refusal::new(
                401,
                "ExpiredAuthenticationToken",
                format!(
                    "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                    clock(*at),
                    clock(now())
                ),
            ),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn clock(second: i64) -> String {
    jiff::Timestamp::from_second(second)
        .map(|time| time.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string())
        .unwrap_or_default()
}
