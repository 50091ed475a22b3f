//! What is said about overlays: what can be shown, and the secret addresses it is shown under.

use serde_json::json;

use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, choice, either, list as listed, map, object, text, truth, whole};

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
    let item = object()
        .with("session_id", text().shortest(1))
        .with("community_id", community())
        .with("source_type", choice(&SOURCES))
        .may(
            "display_data",
            object().about("ticker_text; media_url, media_type, media_data; content, content_type, style, form_data; duration"),
        )
        .may("content", either([text(), object()]).about("the shorter form"))
        .may("duration", either([whole().from(0).to(86_400)]))
        .may("module_name", text());
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
    Operation::new("The addresses of all communities, or of one")
        .query("community_id", whole())
        .answers(object().with("status", choice(&["success"])).with("tokens", listed(token())))
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
