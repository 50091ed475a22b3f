//! What a rule matched, and how it is put into the texts of its action.

/// What was matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured<'t> {
    /// The part of the text that matched; the whole text for `*`.
    pub text: &'t str,
    /// The groups of a regular expression, the first one first.
    pub groups: Vec<Option<&'t str>>,
}

/// Puts what is known into `{user}`, `{match}`, `{message}` and `{1}` to `{9}`; a group that took no
/// part is empty. Other braces stay as they are, and nothing that is put in is looked at again.
#[must_use]
pub fn filled(template: &str, user: &str, message: &str, captured: &Captured<'_>) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let name = rest.find('}').map(|close| &rest[1..close]);
        let value = name.and_then(|name| match name {
            "user" => Some(user),
            "match" => Some(captured.text),
            "message" => Some(message),
            _ => group(name, captured),
        });
        match (name, value) {
            (Some(name), Some(value)) => {
                out.push_str(value);
                rest = &rest[name.len() + 2..];
            }
            _ => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn group<'t>(name: &str, captured: &Captured<'t>) -> Option<&'t str> {
    let number = match name.as_bytes() {
        [digit @ b'1'..=b'9'] => usize::from(digit - b'1'),
        _ => return None,
    };
    Some(captured.groups.get(number).copied().flatten().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_put_in_once_and_other_braces_stay() {
        let captured = Captured { text: "{user}", groups: vec![Some("one"), None] };
        assert_eq!(filled("{user}: {match} {1}{2}{3}", "ana", "hi", &captured), "ana: {user} one");
        assert_eq!(filled("{message} {} { {x} {0} }", "ana", "hi", &captured), "hi {} { {x} {0} }");
    }
}
