//! Makes HTML harmless: what a community or a module hands in must not run, frame or fetch anything unasked.

use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

/// The HTML without scripts, handlers, frames, forms, ids and foreign styles; pictures and films from
/// https only, pictures also as data. More than `longest` bytes are cut off first.
#[must_use]
pub(super) fn clean(html: &str, longest: usize) -> String {
    let mut end = html.len().min(longest);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    CLEANER.clean(&html[..end]).to_string()
}

/// The address of a picture or film when a page may load it: https, or a picture as data.
#[must_use]
pub(super) fn picture(address: &str) -> Option<String> {
    let address = address.trim();
    let lower: String = address.chars().take(16).collect::<String>().to_ascii_lowercase();
    let clean = !address.chars().any(|letter| letter.is_control() || letter.is_whitespace());
    let https = lower.starts_with("https://") && address.len() <= 2048;
    let data = lower.starts_with("data:image/") && address.len() <= 256 * 1024;
    (clean && (https || data)).then(|| address.to_owned())
}

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_tags(["video", "audio", "source", "section"])
        .add_tag_attributes("video", ["src", "poster", "autoplay", "muted", "loop", "width", "height", "playsinline"])
        .add_tag_attributes("audio", ["src", "autoplay", "loop"])
        .add_tag_attributes("source", ["src", "type"])
        .rm_tags(["map", "area"])
        .add_generic_attributes(["class", "style", "role", "aria-label", "aria-hidden"])
        .url_schemes(HashSet::from(["https", "http", "data", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .filter_style_properties(STYLES.iter().copied().collect())
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            (_, "src" | "poster") => picture(value).map(Into::into),
            ("a", "href") => (!value.trim_start().to_ascii_lowercase().starts_with("data:")).then(|| value.into()),
            _ => Some(value.into()),
        });
    builder
});

/// Style properties that cannot fetch anything or pin themselves elsewhere on the page.
const STYLES: &[&str] = &[
    "align-items",
    "background-color",
    "border",
    "border-bottom",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-style",
    "border-top",
    "border-width",
    "box-shadow",
    "color",
    "column-gap",
    "display",
    "flex",
    "flex-direction",
    "flex-wrap",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "gap",
    "height",
    "justify-content",
    "letter-spacing",
    "line-height",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "overflow",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "row-gap",
    "text-align",
    "text-decoration",
    "text-shadow",
    "text-transform",
    "transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: usize = 64 * 1024;

    #[test]
    fn what_could_run_is_gone_and_what_is_said_stays() {
        let dirty = r#"<p class="loud" style="color: red; position: fixed; background: url(https://spy)" onclick="steal()">hi</p>
            <script>steal()</script><iframe src="https://x"></iframe><svg onload=steal()><object data="x"></object>
            <img src="https://a/b.png" onerror="steal()"><img src="http://a/b.png"><a href="javascript:steal()">x</a><form action=x><input></form>"#;
        let clean = clean(dirty, ALL);
        for bad in ["steal", "script", "iframe", "onclick", "onerror", "svg", "object", "position", "url(", "http://", "form", "input"] {
            assert!(!clean.contains(bad), "{bad} in {clean}");
        }
        assert!(clean.contains(r#"<p class="loud""#) && clean.contains("hi") && clean.contains("https://a/b.png"), "{clean}");
        assert!(clean.contains("color:red"), "{clean}");
    }

    #[test]
    fn pictures_come_from_https_or_are_data() {
        assert!(picture("https://a/b.png").is_some());
        assert!(picture("DATA:image/png;base64,AAAA").is_some());
        for bad in ["http://a/b", "javascript:1", "data:text/html,x", "https://a\nb", "//a/b", "file:///etc/passwd", "", " "] {
            assert!(picture(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn html_is_cut_between_characters() {
        assert_eq!(clean("<b>ä", 4), "<b></b>");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(html in "[<>/=\"' a-zA-Z&;:()#-]{0,120}") {
            let once = clean(&html, ALL);
            prop_assert_eq!(clean(&once, ALL), once);
        }
    }
}
