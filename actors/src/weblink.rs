//! A link somebody typed: only to the web, and complete.

/// The most characters a link may have.
const LONGEST: usize = 2_000;

/// The link as it is kept, with `https://` put before it when it was left out. `None` for anything
/// that is no web address, such as `javascript:` or `file:`.
pub(crate) fn weblink(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let (scheme, rest) = match typed.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#', '.']) => (scheme.to_ascii_lowercase(), rest),
        _ => ("https".to_owned(), typed),
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, port) = match rest[..host_end].rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (&rest[..host_end], None),
    };
    let sound = matches!(scheme.as_str(), "http" | "https")
        && typed.chars().count() <= LONGEST
        && !rest.chars().any(|letter| letter.is_whitespace() || letter.is_control() || "\"'<>\\^`{|}".contains(letter))
        && port.is_none_or(|port| !port.is_empty() && port.parse::<u16>().is_ok())
        && (host.contains('.') || host.eq_ignore_ascii_case("localhost"))
        && host.split('.').all(|label| !label.is_empty() && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-'));
    sound.then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_is_kept_and_completed() {
        for (typed, kept) in [
            ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
            ("HTTP://Example.org", "http://Example.org"),
            (" example.org/x ", "https://example.org/x"),
            ("example.org?to=https://other.org", "https://example.org?to=https://other.org"),
            ("localhost:8060/hub", "https://localhost:8060/hub"),
            ("https://bücher.example", "https://bücher.example"),
        ] {
            assert_eq!(weblink(typed).as_deref(), Some(kept), "{typed}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("https://example.org/{}", "a".repeat(2_000));
        for typed in [
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "ftp://example.org",
            "file:///etc/passwd",
            "data:text/html,x",
            "",
            "word",
            "https://",
            "https:///x",
            "https://a b.org",
            "https://user:secret@example.org",
            "https://example.org:x",
            "https://example..org",
            "https://example.org/\"onload=x",
            &long,
        ] {
            assert_eq!(weblink(typed), None, "{typed}");
        }
    }
}
