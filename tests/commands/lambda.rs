//! Functions on a server that checks AWS's signatures as AWS does.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::node::Node;

/// An account in moto that lives as long as this.
struct Account {
    server: Child,
    told: Value,
}

impl Account {
    fn open(answer: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let pinned = fs::read_to_string(root.join("xtask/python.txt")).unwrap();
        let version = pinned.lines().find_map(|line| line.strip_prefix("schemathesis==")).unwrap();
        let python = root.join(format!("target/tools/schemathesis-{version}/bin/python3"));
        assert!(python.exists(), "moto is missing: run `cargo xtask install`");
        let mut command = Command::new(python);
        command.arg(root.join("tests/commands/account.py")).arg(answer).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { server, told: serde_json::from_str(&line).expect("it tells its address and a key") }
    }

    fn told(&self, what: &str) -> &str {
        self.told[what].as_str().unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

#[test]
fn a_function_answers_who_signs_rightly_and_nobody_else() {
    let account = Account::open("sunny in Rome");
    for (secret, says) in [(account.told("secret"), "sunny in Rome"), ("somebody else's", "not available")] {
        let node = Node::with(&[
            ("AWS_ENDPOINT_URL_LAMBDA", account.told("url")),
            ("AWS_REGION", account.told("region")),
            ("AWS_ACCESS_KEY_ID", account.told("id")),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]);
        let weather = json!({ "command": "#weather", "type": "lambda", "location_url": "weather" });
        let (status, made) = node.does("POST", "/commands", &weather);
        assert_eq!(status, 201, "{made}");
        let said = node.says("#weather Rome").join(" / ");
        assert!(said.contains(says), "{said}");
        if secret != account.told("secret") {
            assert!(!said.contains("sunny"), "{said}");
        }
    }
}
