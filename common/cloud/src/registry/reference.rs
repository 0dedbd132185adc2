//! The name of an image: registry, repository, and tag or digest.

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Host and port of the registry's API.
    pub host: String,
    /// The registry as pull secrets name it.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The digest if there is one, else the tag.
    pub version: String,
}

impl Reference {
    /// Reads a name as container tools do.
    pub fn parse(image: &str) -> Result<Self, &'static str> {
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        let (registry, rest) = name.split_once('/').ok_or("it begins with no registry")?;
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err("it begins with no registry");
        }
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        let port = registry.split_once(':').map(|(_, port)| port);
        if !registry.chars().all(is_host) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err("its registry is no host");
        }
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        let is_part = |part: &str| {
            !part.is_empty()
                && part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        if !repository.split('/').all(is_part) {
            return Err("its repository is none");
        }
        let is_tag = |tag: &str| {
            (1..=128).contains(&tag.len())
                && !tag.starts_with(['.', '-'])
                && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err("its tag is none");
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err("its digest is none of sha256");
        }
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        Ok(Self {
            host: host.to_owned(),
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            version: digest.or(tag).unwrap_or("latest").to_owned(),
        })
    }

    /// The digest, if the image is named by one.
    pub fn digest(&self) -> Option<&str> {
        Some(self.version.as_str()).filter(|version| version.starts_with("sha256:"))
    }
}

/// Whether a text is a digest that can be checked.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_images() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let parts = |image: &str| {
            Reference::parse(image).map(|it| (it.host, it.repository, it.version)).map_err(|_| image.to_owned())
        };
        let of = |host: &str, repository: &str, version: &str| {
            Ok((host.to_owned(), repository.to_owned(), version.to_owned()))
        };
        assert_eq!(parts("quay.io/a/b:4.22.3"), of("quay.io", "a/b", "4.22.3"));
        assert_eq!(parts("localhost:5000/b"), of("localhost:5000", "b", "latest"));
        assert_eq!(parts("docker.io/a/b:x"), of("registry-1.docker.io", "a/b", "x"));
        assert_eq!(parts(&format!("q.io/a/b:4.22.3@{digest}")), of("q.io", "a/b", &digest));
        for bad in [
            "b",
            "a/b",
            "q.io/",
            "q.io/A",
            "q.io/../b",
            "q.io/a:b:c",
            "q.io/a:",
            "q.io/a@sha256:01",
            "q.io:x/a",
            "q.io/a?b",
            "u@q.io/a",
            "q.io/a/./b",
            "q.io/a#b",
        ] {
            assert_eq!(parts(bad), Err(bad.to_owned()), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_may_name_an_image(text in "(quay.io|localhost|[/:@.]|sha256:|[0-9a-f]{1,64}|é|\\PC){0,12}") {
            if let Ok(reference) = Reference::parse(&text) {
                let _ = reference.digest();
            }
        }
    }
}
