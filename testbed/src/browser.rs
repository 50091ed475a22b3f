//! A real Chromium without a window, driven through WebDriver.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, json};
use tempfile::TempDir;

use crate::http;
use crate::process::{Process, Recipe, folder, free_port};
use crate::program;

/// Keeps Chromium from asking the internet anything, and lets pages play sound by themselves as OBS does.
const SWITCHES: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--hide-scrollbars",
];

/// A chromedriver; each [`Browser::open`] is a fresh Chromium of its own.
pub struct Browser {
    _process: Process,
    port: u16,
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
        program::find("chromium", "chromium");
        let port = free_port();
        let recipe = Recipe {
            name: "chromedriver",
            program: program::find("chromedriver", "chromium-driver"),
            args: vec![format!("--port={port}")],
            environment: None,
            user: None,
        };
        let mut process = Process::start(recipe, folder.path());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        process.wait_ready(|_| {
            http::get(address, "/status")
                .is_ok_and(|reply| reply.status == 200 && reply.body.contains("\"ready\":true"))
        });
        Self { _process: process, port, opened: AtomicU32::new(0), folder }
    }

    /// Opens a Chromium with an empty profile and a window of the given size in CSS pixels.
    ///
    /// Close it with [`Client::close`]; what is left open ends with the driver.
    ///
    /// # Panics
    /// When Chromium does not start.
    pub async fn open(&self, width: u32, height: u32) -> Client {
        let profile = self.folder.path().join(format!("profile-{}", self.opened.fetch_add(1, Ordering::Relaxed)));
        let mut switches: Vec<String> = SWITCHES.iter().map(|&s| s.to_owned()).collect();
        switches.push(format!("--user-data-dir={}", profile.display()));
        switches.push(format!("--window-size={width},{height}"));
        let mut capabilities = Map::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "binary": program::find("chromium", "chromium"), "args": switches }),
        );
        ClientBuilder::rustls()
            .expect("a TLS provider is compiled in")
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .unwrap_or_else(|e| panic!("Chromium does not start: {e}"))
    }

    /// The folder that holds the profiles of every Chromium opened here.
    pub fn profiles(&self) -> &Path {
        self.folder.path()
    }

    /// Where the driver listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
