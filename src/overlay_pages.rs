//! The pages OBS loads: everything inside one file each, so that nothing is fetched and nothing foreign can run.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use waddlebot_actors::overlay::item::Source;
use waddlebot_runtime::secret::fingerprint;

const FRAME: &str = include_str!("overlay_pages/page.html");
const BASE: &str = include_str!("overlay_pages/base.css");
const LINK: &str = include_str!("overlay_pages/link.js");
const ICONS: &str = include_str!("overlay_pages/icons.js");
const TICKER: [&str; 2] = [include_str!("overlay_pages/ticker.css"), include_str!("overlay_pages/ticker.js")];
const MEDIA: [&str; 2] = [include_str!("overlay_pages/media.css"), include_str!("overlay_pages/media.js")];
const GENERAL: [&str; 2] = [include_str!("overlay_pages/general.css"), include_str!("overlay_pages/general.js")];
const MISSING: [&str; 2] = [include_str!("overlay_pages/missing.css"), include_str!("overlay_pages/missing.js")];

/// A page and what it may do.
pub(crate) struct Page {
    /// The whole page.
    pub(crate) html: String,
    /// Its content security policy: this script and no other; pictures and films from https.
    pub(crate) policy: String,
}

static TICKER_PAGE: LazyLock<Page> = LazyLock::new(|| page_of("ticker", TICKER));
static MEDIA_PAGE: LazyLock<Page> = LazyLock::new(|| page_of("media", MEDIA));
static GENERAL_PAGE: LazyLock<Page> = LazyLock::new(|| page_of("general", GENERAL));
static MISSING_PAGE: LazyLock<Page> = LazyLock::new(|| assembled("missing", MISSING[0], MISSING[1]));

/// The page of one overlay.
pub(crate) fn page(source: Source) -> &'static Page {
    match source {
        Source::Ticker => &TICKER_PAGE,
        Source::Media => &MEDIA_PAGE,
        Source::General => &GENERAL_PAGE,
    }
}

/// What an address without a good token shows: nothing at all on a stream, a word in a browser.
pub(crate) fn missing() -> &'static Page {
    &MISSING_PAGE
}

/// Changes when a page changes: a page that is open in OBS while the bot is updated loads itself anew.
pub(crate) fn version() -> String {
    let parts = [FRAME, BASE, LINK, ICONS, TICKER[0], TICKER[1], MEDIA[0], MEDIA[1], GENERAL[0], GENERAL[1]];
    fingerprint(&parts.concat())[..12].to_owned()
}

fn page_of(name: &str, [style, script]: [&str; 2]) -> Page {
    let link = LINK.replace("PAGE_VERSION", &version());
    assembled(name, &format!("{BASE}{style}"), &format!("\"use strict\";\n{link}{ICONS}{script}"))
}

fn assembled(name: &str, style: &str, script: &str) -> Page {
    let html = FRAME.replace("NAME", name).replace("/*STYLE*/", style).replace("/*SCRIPT*/", script);
    let hash = BASE64_STANDARD.encode(Sha256::digest(script.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src https: data:; media-src https:; \
         connect-src 'self' ws: wss:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    );
    Page { html, policy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_fetches_nothing() {
        for source in Source::ALL {
            let page = page(source);
            assert!(!page.html.contains("/*S") && !page.html.contains("PAGE_VERSION"), "{source:?}");
            for foreign in ["src=\"http", "href=\"", "@import", "url(http", "<link"] {
                assert!(!page.html.contains(foreign), "{foreign} in {source:?}");
            }
            let script = page.html.split_once("<script>").expect("a script").1.split_once("</script>").expect("its end").0;
            assert!(page.policy.contains(&BASE64_STANDARD.encode(Sha256::digest(script.as_bytes()))));
        }
    }
}
