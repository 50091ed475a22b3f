//! A real Chromium without a screen, driven through WebDriver: what OBS shows of an overlay.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::http;
use crate::network::Place;
use crate::patience::Deadline;
use crate::picture::Picture;
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
        let log = json!({ "performance": "ALL", "browser": "ALL" });
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options), ("goog:loggingPrefs".to_owned(), log)]);
        let client = ClientBuilder::rustls()
            .expect("a TLS provider is compiled in")
            .capabilities(capabilities)
            .connect(&format!("http://{}", self.address))
            .await
            .unwrap_or_else(|e| panic!("the driver does not find Chromium: {e}"));
        let session = client.session_id().await.ok().flatten().expect("a connected client has a session");
        let window = Window { client, session, driver: self.address, chromium };
        window.resize(width, height).await;
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

/// How long [`Window::until`] waits.
const LIMIT: Duration = Duration::from_secs(60);

impl Window {
    /// Makes the page `width` × `height` CSS pixels.
    ///
    /// # Panics
    /// When Chromium refuses.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// The value of a JavaScript expression in the page.
    ///
    /// # Panics
    /// When it throws.
    pub async fn look(&self, expression: &str) -> Value {
        let looked = self.client.execute(&format!("return ({expression});"), Vec::new()).await;
        looked.unwrap_or_else(|e| panic!("{expression}: {e}"))
    }

    /// Waits until a JavaScript expression in the page is true (in JavaScript's sense), and returns its value.
    ///
    /// # Panics
    /// When it does not become so within a minute; a page that is just loading is looked at again.
    pub async fn until(&self, expression: &str) -> Value {
        let deadline = Deadline::within(LIMIT);
        loop {
            let last = deadline.passed();
            let looked = self.client.execute(&format!("return ({expression});"), Vec::new()).await;
            match looked {
                Ok(value) if is_truthy(&value) => return value,
                _ if !last => tokio::time::sleep(Duration::from_millis(20)).await,
                other => {
                    let page = self.client.execute("return document.body.innerHTML.replace(/<script.*/s, '')", Vec::new()).await;
                    let page =
                        page.map(|page| page.as_str().unwrap_or_default().chars().take(3000).collect::<String>()).unwrap_or_default();
                    panic!("{expression} is still {other:?} after {LIMIT:?}; the page:\n{page}")
                }
            }
        }
    }

    /// A screenshot with its transparency.
    ///
    /// # Panics
    /// When Chromium refuses.
    pub async fn picture(&self) -> Picture {
        Picture::decode(&self.screenshot_with_alpha().await)
    }

    /// The screenshot as a person sees it, whole page and white where nothing is, kept as `target/screenshots/NAME.png`.
    ///
    /// # Panics
    /// When Chromium refuses or the file cannot be written.
    pub async fn keep_picture(&self, name: &str) {
        self.devtools("Emulation.setDefaultBackgroundColorOverride", json!({})).await;
        let shot = self.devtools("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true })).await;
        let text = shot["data"].as_str().unwrap_or_else(|| panic!("no picture: {shot}"));
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("Chromium writes base64");
        crate::picture::keep(name, &bytes);
    }

    /// Every address the page asked for since the last call, WebSockets too, whether it was answered or refused.
    ///
    /// # Panics
    /// When Chromium keeps no log.
    pub async fn requests(&self) -> Vec<String> {
        let mut asked = Vec::new();
        for entry in self.log("performance").await {
            let entry: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default()).expect("the log holds JSON");
            let (method, params) = (&entry["message"]["method"], &entry["message"]["params"]);
            match method.as_str() {
                Some("Network.requestWillBeSent") => asked.extend(params["request"]["url"].as_str().map(str::to_owned)),
                Some("Network.webSocketCreated") => asked.extend(params["url"].as_str().map(str::to_owned)),
                _ => {}
            }
        }
        asked
    }

    /// What the browser complained about since the last call: errors of scripts, refused requests.
    ///
    /// # Panics
    /// When Chromium keeps no log.
    pub async fn complaints(&self) -> Vec<String> {
        self.log("browser").await.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let path = format!("/session/{}/se/log", self.session);
        let answer = self.ask_driver(path, json!({ "type": kind }), "the log").await;
        answer.as_array().cloned().unwrap_or_default()
    }

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
        self.ask_driver(path, json!({ "cmd": command, "params": parameters }), command).await
    }

    async fn ask_driver(&self, path: String, body: Value, what: &str) -> Value {
        let driver = self.driver;
        let json = [("Content-Type", "application/json")];
        let asked = tokio::task::spawn_blocking(move || http::request(driver, "POST", &path, &json, &body.to_string()));
        let reply = asked.await.expect("the request does not panic").unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(reply.status, 200, "{what}: {}", reply.body);
        let mut answer: Value = serde_json::from_str(&reply.body).expect("the driver writes JSON");
        answer["value"].take()
    }
}

/// What JavaScript takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
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
    Recipe { name, program, args, environment: Some(environment), user: None, place: Place::here() }
}

/// Chromium writes the port it chose into the first line of this file.
fn debugging_port(file: &Path) -> Option<u16> {
    fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
}
