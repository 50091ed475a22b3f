//! The picture of the README: chat on the left, what the stream shows on the right. Taken, not drawn.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::Locator;
use serde_json::json;

use crate::visit::Visit;

/// The most bytes a README should make its readers load.
const LARGEST: usize = 200 * 1024;

/// The frame around both: a desk with the hub, and a stream with the overlay over it.
const DESK: &str = r#"<!doctype html><style>
body { margin: 0; width: 1280px; height: 560px; background: #0c1017; display: flex; gap: 20px; padding: 20px; box-sizing: border-box; }
.window { border-radius: 12px; overflow: hidden; border: 1px solid #2b3743; position: relative; }
.window img { display: block; width: 100%; }
.hub { width: 460px; flex: none; }
.stream { flex: 1; background: #1b2d4a; }
.stream i { position: absolute; }
.sky { inset: 0; background: #24416b; } .ice { left: 0; right: 0; bottom: 0; height: 34%; background: #d7e6f2; }
.berg { bottom: 34%; width: 0; border-left: solid transparent; border-right: solid transparent; border-bottom: solid; }
.sun { width: 90px; height: 90px; border-radius: 50%; background: #f7c873; right: 110px; top: 56px; }
.stream img { position: absolute; inset: 0; height: 100%; object-fit: cover; }
</style><body><div class="window hub"><img src="HUB"></div><div class="window stream"><i class="sky"></i><i class="sun"></i>
<i class="berg" style="left:30px;border-width:0 130px 170px;border-bottom-color:#9fc0da"></i>
<i class="berg" style="left:210px;border-width:0 90px 110px;border-bottom-color:#b7d1e6"></i>
<i class="berg" style="right:40px;border-width:0 120px 140px;border-bottom-color:#8fb3d1"></i><i class="ice"></i><img src="OVERLAY"></div>"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_shows_a_shout_out_from_chat_to_stream() {
    let visit = Visit::begin().await;
    visit.go("/overlays").await;
    let address = visit.page.look("document.querySelector('#url-general').value").await;
    let obs = visit.browser.open(760, 520).await;
    obs.goto(address.as_str().unwrap()).await.unwrap();

    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    visit.page.devtools("Emulation.setEmulatedMedia", media).await;
    visit.page.resize(460, 520).await;
    visit.go("/chat").await;
    visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
    let field = visit.page.find(Locator::Css("[name=text]")).await.unwrap();
    for (name, role, line) in
        [("kai", "viewer", "good evening everybody"), ("ana", "moderator", "!ping are you awake"), ("ana", "moderator", "!so @ninja")]
    {
        visit.write(".say [name=user]", name).await;
        visit.page.look(&format!("document.querySelector('[name=role]').value = '{role}'")).await;
        field.send_keys(&format!("{line}\u{E007}")).await.unwrap();
        visit.page.until("document.querySelector('[name=text]').value === ''").await;
    }
    // Typed fast, it stands there as it was typed.
    let said = "[...document.querySelectorAll('.line:not(.bot) .text')].map(line => line.textContent).join('|')";
    visit.page.until(&format!("{said} === 'good evening everybody|!ping are you awake|!so @ninja'")).await;
    visit.page.until("[...document.querySelectorAll('.line.bot')].some(line => line.textContent.includes('Go check out ninja'))").await;
    obs.until("document.querySelector('.panel.on .shoutout h2')?.innerText === 'ninja'").await;
    obs.until("document.getAnimations().length === 0").await;
    visit.page.until("document.getAnimations().length === 0").await;

    let data = |png: Vec<u8>| format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png));
    // The overlay first: it leaves after a while.
    let overlay = data(obs.screenshot_with_alpha().await);
    let hub = data(visit.page.screenshot_with_alpha().await);
    let desk = visit.browser.open(1280, 560).await;
    let page = DESK.replace("HUB", &hub).replace("OVERLAY", &overlay);
    let document = desk.devtools("Page.getFrameTree", json!({})).await["frameTree"]["frame"]["id"].clone();
    desk.devtools("Page.setDocumentContent", json!({ "frameId": document, "html": page })).await;
    desk.until("[...document.images].length === 2 && [...document.images].every(image => image.complete && image.naturalWidth > 0)").await;
    desk.keep_picture("picture").await;

    let taken = std::fs::read(target().join("screenshots/picture.png")).unwrap();
    assert!(taken.len() < LARGEST, "the picture has {} bytes", taken.len());
    if std::env::var_os("WADDLEBOT_PICTURE").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/overlay.png"), taken).unwrap();
    }
}

fn target() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
