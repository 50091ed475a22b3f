//! Commands that write, measured: a whole house on a real database, beside a bare loop that writes the same rows.

mod bare;
mod house;

use std::time::Duration;

use anyhow::{Context, Result};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Place, file_in};

use super::process::Folder;
use super::row::{Row, Target};

/// How long the house is measured.
const TIME: Duration = Duration::from_secs(8);
/// How long the bare loop is.
const BARE_TIME: Duration = Duration::from_secs(3);

/// Commands per second and their CPU time, on SQLite, and on the PostgreSQL database behind `url`.
pub(super) async fn rows(url: Option<&str>) -> Result<Vec<Row>> {
    let folder = Folder::make("commands")?;
    let ours = house::run(&Place::Sqlite(file_in(folder.path())), TIME).await?;
    let (file, group) = (file_in(folder.path()), ours.group());
    let bare = spawn::blocking("bare commits", move || bare::run(&file, group, BARE_TIME)).await?.context("the bare loop")?;
    let mut rows = vec![
        row("SQLite: per second", ours.rate(), Some(bare.rate()), Target::AtLeast(8000.0)),
        // Two processors do 8,000 a second with it.
        row("SQLite: CPU seconds per 10,000", ours.cost(), Some(bare.cost()), Target::AtMost(2.5)),
    ];
    if let Some(url) = url {
        let ours = house::run(&Place::Postgres { url: url.to_owned(), replica: None }, TIME).await.context("on PostgreSQL")?;
        rows.push(row("PostgreSQL: per second", ours.rate(), None, Target::AtLeast(3000.0)));
        rows.push(row("PostgreSQL: CPU seconds per 10,000", ours.cost(), None, Target::AtMost(6.7)));
    }
    Ok(rows)
}

fn row(name: &str, ours: f64, bare: Option<f64>, target: Target) -> Row {
    Row { name: format!("commands that write, {name}"), ours, bare, target }
}
