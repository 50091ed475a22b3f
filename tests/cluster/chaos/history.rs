//! What is known of a run afterwards: what was asked and answered, what the database committed in which order, and what
//! the nodes believed meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use super::belief::Belief;
use crate::rig::Cluster;

/// One thing that somebody asks to be done, with the same id until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Who asks; each asks for one thing after the other.
    pub(super) by: String,
    /// The how many-eth.
    pub(super) number: u64,
    /// Whether it was ever answered as done.
    pub(super) answered: bool,
    /// Whether it is asked again until it is answered; what is said where nobody repeats may be lost.
    pub(super) repeated: bool,
    /// When it was asked for first, and how long it took, in milliseconds.
    pub(super) asked: u64,
    pub(super) took: u64,
}

impl Wish {
    /// The text it leaves in the database.
    pub(super) fn line(&self) -> String {
        line(&self.by, self.number)
    }
}

/// The text of somebody's wish of this number.
pub(super) fn line(by: &str, number: u64) -> String {
    format!("line {by} {number}")
}

/// One entry of the database's own log, in the order in which the locks let them happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An entity has a new owner.
    Owner { entity: String, epoch: i64, owner: String },
    /// Something ran under an epoch.
    Ran { entity: String, epoch: i64, execution: String },
    /// What was asked for is there.
    Effect { line: String },
}

/// A whole run.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) wishes: Vec<Wish>,
    pub(super) entries: Vec<Entry>,
    pub(super) beliefs: Vec<Belief>,
    /// What is still in the inbox, or waits in the outbox, when all is quiet.
    pub(super) left: Vec<String>,
    /// When the bot spoke where a flood is punished, connection by connection.
    pub(super) spoken: Vec<Vec<Duration>>,
    /// What was answered there: each is a number that nobody else gets.
    pub(super) told: Vec<String>,
}

/// Has the database write down who owns what and what runs, inside the very transactions that do it: an owner's write
/// holds the claim's row until it is committed, so the numbers of this log are in the order of what really happened.
pub(super) const WATCH: &str = "\
CREATE TABLE chaos_log (seq BIGSERIAL PRIMARY KEY, kind TEXT, entity TEXT, epoch BIGINT, what TEXT);
CREATE FUNCTION chaos_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.claimed_by IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.epoch <> OLD.epoch) THEN
    INSERT INTO chaos_log (kind, entity, epoch, what) VALUES ('owner', NEW.entity_id, NEW.epoch, NEW.claimed_by || '@' || NEW.incarnation);
  END IF; RETURN NULL; END $$;
CREATE FUNCTION chaos_ran() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chaos_log (kind, entity, epoch, what) VALUES ('ran', 'community:' || NEW.community_id, NEW.epoch, NEW.execution_id);
  RETURN NULL; END $$;
CREATE FUNCTION chaos_effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chaos_log (kind, entity, epoch, what) VALUES ('effect', 'community:' || NEW.community_id, 0, NEW.content);
  RETURN NULL; END $$;
CREATE TRIGGER chaos_owner AFTER INSERT OR UPDATE ON coordination FOR EACH ROW EXECUTE FUNCTION chaos_owner();
CREATE TRIGGER chaos_ran AFTER INSERT ON executions FOR EACH ROW EXECUTE FUNCTION chaos_ran();
CREATE TRIGGER chaos_effect AFTER INSERT ON memories FOR EACH ROW EXECUTE FUNCTION chaos_effect();";

/// Everything the database wrote down.
pub(super) fn entries(cluster: &Cluster) -> Vec<Entry> {
    let rows = cluster.sql("SELECT kind, entity, epoch, what FROM chaos_log ORDER BY seq");
    rows.lines().map(|row| entry(row).unwrap_or_else(|| panic!("an odd row: {row}"))).collect()
}

fn entry(row: &str) -> Option<Entry> {
    let mut parts = row.splitn(4, '|');
    let (kind, entity, epoch, what) = (parts.next()?, parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.to_owned());
    Some(match kind {
        "owner" => Entry::Owner { entity, epoch, owner: what },
        "ran" => Entry::Ran { entity, epoch, execution: what },
        "effect" => Entry::Effect { line: what },
        _ => return None,
    })
}

/// What has not come to its end.
pub(super) fn left(cluster: &Cluster) -> Vec<String> {
    let rows = cluster.sql(
        "SELECT 'inbox ' || message_id || ' attempts ' || attempts || ' held by ' || held_by FROM inbox \
         UNION ALL SELECT 'outbox ' || id || ' ' || state FROM outbox WHERE state <> 'unknown'",
    );
    rows.lines().map(str::to_owned).collect()
}

/// How often each line is there.
pub(super) fn effects(entries: &[Entry]) -> HashMap<&str, u64> {
    let mut many = HashMap::new();
    for entry in entries {
        if let Entry::Effect { line } = entry {
            *many.entry(line.as_str()).or_default() += 1;
        }
    }
    many
}
