//! The answers that many addresses give alike: refusals with their statuses, and the headers of every answer.

use serde_json::{Map, Value, json};

/// A status that refuses, its name in the document, and when it comes.
const REFUSALS: [(u16, &str, &str); 13] = [
    (400, "BadRequest", "what was sent cannot be understood; `code` says what is wrong with it"),
    (401, "Unauthorized", "no key, or one that is unknown or revoked"),
    (403, "Forbidden", "the key's role may not do this"),
    (404, "NotFound", "there is no such thing"),
    (405, "MethodNotAllowed", "this address takes other methods"),
    (409, "Conflict", "there is one already"),
    (410, "Gone", "it was there and is no more"),
    (413, "TooLarge", "the body is larger than this address takes"),
    (415, "UnsupportedMediaType", "the body is not sent as application/json"),
    (422, "Unprocessable", "it is understood and cannot be done"),
    (429, "TooManyRequests", "the key has asked too often, or too much waits already; Retry-After says when to come back"),
    (500, "Internal", "a fault of this program; its log has the request's id"),
    (503, "Unavailable", "not now: a part of the house cannot be reached"),
];

/// The name of a refusal in the document.
///
/// # Panics
/// When the table above lacks the status: a test builds the whole document.
pub(super) fn name(status: u16) -> &'static str {
    let found = REFUSALS.iter().find(|(own, ..)| *own == status);
    found.unwrap_or_else(|| panic!("src/api/openapi/refusals.rs does not know the status {status}")).1
}

/// `components/responses`.
pub(super) fn responses() -> Value {
    let shown = |(status, name, when): &(u16, &str, &str)| {
        let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
        if [429, 503].contains(status) {
            headers["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        ((*name).to_owned(), json!({"description": when, "headers": headers, "content": content}))
    };
    REFUSALS.iter().map(shown).collect::<Map<_, _>>().into()
}

/// `components/headers`.
pub(super) fn headers() -> Value {
    let whole = |about: &str| json!({"description": about, "schema": {"type": "integer", "minimum": 0}});
    json!({
        "X-Request-Id": {
            "description": "the request's id: the caller's own when it is 1 to 64 letters, digits, - or _; in the log as well",
            "schema": {"type": "string"},
        },
        "X-RateLimit-Limit": whole("how often this key may ask in a minute; left out where nothing is limited"),
        "X-RateLimit-Remaining": whole("how often it may still"),
        "X-RateLimit-Reset": whole("seconds until the window ends"),
        "Retry-After": whole("after how many seconds it is worth asking again"),
    })
}

/// `components/schemas/Error`.
pub(super) fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "one word for programs; stable", "examples": ["bad_request"]},
                "message": {"type": "string", "description": "a sentence for people"},
            },
        }},
    })
}
