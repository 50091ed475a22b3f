//! An owner in front of a running bot.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::json;
use waddlebot_testbed::{Bot, Browser, Deadline, Window};

/// A running bot, and the browser of its owner.
pub(crate) struct Visit {
    pub(crate) bot: Bot,
    pub(crate) page: Window,
    pub(crate) browser: Browser,
}

impl Visit {
    /// Starts the bot and goes in by the link that it prints.
    pub(crate) async fn begin() -> Self {
        let visit = Self::outside().await;
        visit.page.goto(&visit.link()).await.unwrap();
        visit.press("main button").await;
        visit.page.until("location.pathname === '/' && document.querySelector('.cards')").await;
        visit
    }

    /// Starts the bot and opens a browser.
    pub(crate) async fn outside() -> Self {
        let mut bot = Bot::start(env!("CARGO_BIN_EXE_waddlebot"), &[], &[]);
        bot.wait_healthy();
        let browser = Browser::start();
        let page = browser.open(1280, 800).await;
        Self { bot, page, browser }
    }

    /// The log-in link that the bot printed last.
    pub(crate) fn link(&self) -> String {
        self.bot.wait_for_line("/login/");
        let printed = self.bot.stdout();
        let line = printed.lines().rfind(|line| line.contains("/login/")).unwrap();
        line[line.find("http").unwrap()..].trim().to_owned()
    }

    /// Goes to a page of the hub.
    pub(crate) async fn go(&self, path: &str) {
        self.page.goto(&self.bot.url(path)).await.unwrap();
    }

    /// Clicks as a mouse does.
    pub(crate) async fn press(&self, what: &str) {
        self.page.find(Locator::Css(what)).await.unwrap().click().await.unwrap();
    }

    /// Types into a field.
    pub(crate) async fn write(&self, field: &str, text: &str) {
        let found = self.page.find(Locator::Css(field)).await.unwrap();
        found.clear().await.unwrap();
        found.send_keys(text).await.unwrap();
    }

    /// From now on pages run no script of their own.
    pub(crate) async fn without_script(&self) {
        self.page.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// The visible text of an element.
    pub(crate) async fn text(&self, of: &str) -> String {
        self.page.find(Locator::Css(of)).await.unwrap().text().await.unwrap()
    }

    /// Waits until an element says so, over a page that is just being replaced, and returns all it says.
    pub(crate) async fn reads(&self, of: &str, part: &str) -> String {
        let deadline = Deadline::within(Duration::from_secs(20));
        loop {
            let text = match self.page.find(Locator::Css(of)).await {
                Ok(found) => found.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if text.contains(part) {
                return text;
            }
            assert!(!deadline.passed(), "{of} does not say {part:?} but {text:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
