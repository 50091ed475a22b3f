//! What is said about overlays: what can be shown, and the secret addresses it is shown under.

use serde_json::json;

use super::tokens::PAGE;
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, choice, either, list as listed, map, number, object, text, truth, whole};

const SOURCES: [&str; 3] = ["ticker", "media", "general"];

/// `GET /browser/source/health`
pub(super) fn health() -> Operation {
    let shown = object()
        .with("status", choice(&["healthy", "unhealthy"]))
        .with("module", text())
        .with("version", text())
        .with("websocket", map(whole().from(0)))
        .with("queues", map(whole().from(0)))
        .called("OverlayHealth");
    Operation::new("Whether overlays are served").answers(shown.clone()).answers_with(503, "they are not", shown)
}

/// `POST /browser/source/display`
pub(super) fn display() -> Operation {
    let seconds = || number().from(0).to(86_400).or_null();
    let rank = either([whole().from(1).to(10), choice(&["high", "normal", "low"])]);
    let ticker = object().with("ticker_text", text()).may("ticker_duration", seconds()).may("priority", rank);
    let media = object()
        .with("media_url", text().shortest(1))
        .may("media_type", choice(&["music", "video", "image"]))
        .may("media_data", object().or_null().about("title, artist, album, album_art, progress and duration in milliseconds, service"))
        .may("duration", seconds());
    let general = object()
        .with("content", text().about("HTML; sanitised before it reaches a page"))
        .may("content_type", choice(&["html", "announcement", "alert"]))
        .may("style", object().or_null().about("type, title, accent"))
        .may("duration", seconds().about("0 stays until replaced"));
    let shown = [("ticker", ticker), ("media", media), ("general", general)];
    let forms = shown.map(|(source, data)| object().with("source_type", choice(&[source])).with("display_data", data));
    let item = object()
        .with("session_id", text().shortest(1))
        .with("community_id", community())
        .with("source_type", choice(&SOURCES))
        .with("display_data", object().about("what fits the source_type; a form is `form_data` with title, description and fields"))
        .may("module_name", text())
        .and_either(forms);
    Operation::new("Shows one item")
        .header("Idempotency-Key", text().about("the same key twice shows the item once"))
        .body(item)
        .example(json!({"session_id": "s1", "community_id": 1, "source_type": "ticker", "display_data": {"ticker_text": "tea is ready"}}))
        .answers(
            object()
                .with("status", choice(&["success"]))
                .with("session_id", text())
                .with("state", choice(&["showing", "waiting", "known"]).about("known: this key was seen before")),
        )
        .fails(&[404])
}

/// `GET /browser/source/admin/tokens`
pub(super) fn list() -> Operation {
    Operation::new("The addresses of all communities, a page at a time, or of one")
        .query("community_id", whole())
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("status", choice(&["success"])).with("total", whole().from(0)).with("tokens", listed(token())))
}

/// `POST /browser/source/admin/tokens`
pub(super) fn make() -> Operation {
    let asked = object().with("community_id", community()).may("source_types", listed(choice(&SOURCES)).or_null());
    Operation::new("A community's three addresses, made when there are none")
        .body(asked)
        .example(json!({"community_id": 1}))
        .answers(object().with("status", choice(&["success"])).with("community_id", whole()).with("tokens", listed(token())))
        .fails(&[404])
}

/// `POST /browser/source/admin/tokens/{token}/regenerate`
pub(super) fn regenerate() -> Operation {
    Operation::new("A new address; the old one ends at once").path("token", text().shortest(1)).answers(token()).fails(&[404])
}

/// `DELETE /browser/source/admin/tokens/{token}`
pub(super) fn revoke() -> Operation {
    Operation::new("Ends an address at once")
        .path("token", text().shortest(1))
        .answers(object().with("status", choice(&["success"])))
        .fails(&[404])
}

/// `GET /browser/source/api/communities/{id}/urls`
pub(super) fn urls() -> Operation {
    let found = object()
        .with("status", choice(&["success"]))
        .with("community_id", whole())
        .with("urls", map(text()))
        .with("sources", listed(token()))
        .with("created_at", text().or_null());
    Operation::new("The addresses of a community by what they show").path("id", whole()).answers(found).fails(&[404])
}

/// `GET /browser/source/stats`
pub(super) fn stats() -> Operation {
    let overlay = object()
        .with("community_id", whole())
        .with("source_type", choice(&SOURCES))
        .with("pages", whole().from(0))
        .with("frames", whole().from(0))
        .with("missed", whole().from(0))
        .with("waiting", whole().from(0))
        .with("dropped", whole().from(0));
    let found = object()
        .with("status", choice(&["success"]))
        .with("connections", whole().from(0))
        .with("max_connections", whole().from(0))
        .with("connections_by_type", map(whole().from(0)))
        .with("overlays", listed(overlay));
    Operation::new("Pages, queues, and what was dropped").answers(found)
}

fn community() -> Schema {
    either([whole().from(1).to(i64::MAX), text().pattern("^[1-9][0-9]{0,17}$")])
}

fn token() -> Schema {
    object()
        .with("community_id", whole())
        .with("source_type", choice(&SOURCES))
        .with("token", text())
        .with("url", text())
        .with("is_active", truth())
        .with("created_at", text())
        .with("width", whole().about("the size for OBS, in pixels"))
        .with("height", whole())
        .called("OverlayToken")
}
