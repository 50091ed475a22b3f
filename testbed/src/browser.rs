//! A real Chromium without a screen, driven through WebDriver: what OBS shows of an overlay.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::http;
use crate::process::{Process, Recipe, folder, free_port};
use crate::program;

/// Keeps Chromium from asking the internet anything, and lets pages play sound by themselves as OBS does.
const SWITCHES: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-crash-reporter",
    "--autoplay-policy=no-user-gesture-required",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];

/// A chromedriver, which opens any number of windows.
pub struct Browser {
    _driver: Process,
    address: SocketAddr,
    opened: AtomicU32,
    folder: TempDir,
}

impl Browser {
    /// Starts the driver on a free port.
    ///
    /// # Panics
    /// When Chromium or its driver is not installed, or does not come up.
    pub fn start() -> Self {
        let folder = folder("browser");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let program = program::find("chromedriver", "chromium-driver");
        let recipe = recipe("chromedriver", program, vec![format!("--port={}", address.port())], folder.path());
        let mut driver = Process::start(recipe, folder.path());
        driver.wait_ready(|_| http::get(address, "/status").is_ok_and(|reply| reply.body.contains("\"ready\":true")));
        Self { _driver: driver, address, opened: AtomicU32::new(0), folder }
    }

    /// Opens a Chromium of its own with an empty profile, whose page is `width` × `height` CSS pixels.
    ///
    /// # Panics
    /// When Chromium does not start.
    pub async fn open(&self, width: u32, height: u32) -> Window {
        let profile = self.folder.path().join(format!("profile-{}", self.opened.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&profile).expect("a new folder can be made");
        let mut switches: Vec<String> = SWITCHES.iter().map(|&switch| switch.to_owned()).collect();
        switches.push(format!("--user-data-dir={}", profile.display()));
        // Started by us and not by the driver, which would leave it running when it is itself killed.
        let recipe = recipe("chromium", program::find("chromium", "chromium"), switches, &profile);
        let mut chromium = Process::start(recipe, &profile);
        let port_file = profile.join("DevToolsActivePort");
        chromium.wait_ready(|_| debugging_port(&port_file).is_some());
        let port = debugging_port(&port_file).expect("it was there a moment ago");
        let options = json!({ "debuggerAddress": format!("127.0.0.1:{port}") });
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let client = ClientBuilder::rustls()
            .expect("a TLS provider is compiled in")
            .capabilities(capabilities)
            .connect(&format!("http://{}", self.address))
            .await
            .unwrap_or_else(|e| panic!("the driver does not find Chromium: {e}"));
        let session = client.session_id().await.ok().flatten().expect("a connected client has a session");
        let window = Window { client, session, driver: self.address, chromium };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        window.devtools("Emulation.setDeviceMetricsOverride", size).await;
        window
    }

    /// The folder that holds the profiles of every Chromium opened here.
    pub fn profiles(&self) -> &Path {
        self.folder.path()
    }
}

/// One open Chromium; it ends at once, with all its connections, when dropped.
pub struct Window {
    client: Client,
    session: String,
    driver: SocketAddr,
    chromium: Process,
}

impl Window {
    /// A PNG of the page with an alpha channel: transparent where the page is, as in OBS.
    ///
    /// # Panics
    /// When Chromium refuses.
    pub async fn screenshot_with_alpha(&self) -> Vec<u8> {
        let clear = json!({ "color": { "r": 0, "g": 0, "b": 0, "a": 0 } });
        self.devtools("Emulation.setDefaultBackgroundColorOverride", clear).await;
        let shot = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        let text = shot["data"].as_str().unwrap_or_else(|| panic!("no picture: {shot}"));
        base64::engine::general_purpose::STANDARD.decode(text).expect("Chromium writes base64")
    }

    /// Sends a command of the Chrome DevTools Protocol and returns its result.
    ///
    /// # Panics
    /// When Chromium refuses.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let path = format!("/session/{}/goog/cdp/execute", self.session);
        let body = json!({ "cmd": command, "params": parameters }).to_string();
        let driver = self.driver;
        let json = [("Content-Type", "application/json")];
        let asked = tokio::task::spawn_blocking(move || http::request(driver, "POST", &path, &json, &body));
        let reply = asked.await.expect("the request does not panic").unwrap_or_else(|e| panic!("{command}: {e}"));
        assert_eq!(reply.status, 200, "{command}: {}", reply.body);
        let mut answer: Value = serde_json::from_str(&reply.body).expect("the driver writes JSON");
        answer["value"].take()
    }
}

impl Deref for Window {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.chromium.kill_9();
    }
}

/// Both programs write to the home folder, so they get one of their own.
fn recipe(name: &'static str, program: std::path::PathBuf, args: Vec<String>, home: &Path) -> Recipe {
    let environment = vec![("HOME".to_owned(), home.display().to_string()), ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())];
    Recipe { name, program, args, environment: Some(environment), user: None }
}

/// Chromium writes the port it chose into the first line of this file.
fn debugging_port(file: &Path) -> Option<u16> {
    fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
}
