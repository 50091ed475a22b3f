//! Counts and measures for Prometheus: the recorder, what each name means, and the page.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Every counter and what it counts.
const COUNTERS: &[(&str, &str)] = &[
    ("waddlebot_actor_failures_total", "Actors that ended by an error or a panic"),
    ("waddlebot_chatter_lost_total", "Plain messages for another node's channels that could not be brought there"),
    ("waddlebot_cache_hits_total", "Channels that were open when they were looked for"),
    ("waddlebot_cache_misses_total", "Channels that had to be opened when they were looked for"),
    ("waddlebot_commands_failed_total", "Commands that ran and did not do what they should"),
    ("waddlebot_commands_processed_total", "Commands that ran"),
    ("waddlebot_commands_successful_total", "Commands that ran and did what they should"),
    ("waddlebot_commands_total", "Commands that were let through to a module"),
    ("waddlebot_engine_calls_total", "Calls of programs elsewhere, by engine and how they ended"),
    ("waddlebot_irc_lines_dropped_total", "IRC lines that were too long to be read"),
    ("waddlebot_irc_messages_late_total", "IRC messages that came too late to be answered"),
    ("waddlebot_irc_messages_total", "Messages heard on IRC"),
    ("waddlebot_irc_messages_unheard_total", "IRC messages that no channel took"),
    ("waddlebot_lease_failures_total", "Renewals of this node's lease that the database did not answer in time"),
    ("waddlebot_lease_surrenders_total", "Leases that this node lost, with every claim"),
    ("waddlebot_local_lines_untold_total", "Lines of local rooms that other nodes were not told of, because too many waited"),
    ("waddlebot_module_failures_total", "Commands and events that a module failed at"),
    ("waddlebot_nodes_declared_dead_total", "Nodes that this one declared dead, by how it saw that"),
    ("waddlebot_overlay_gaps_total", "Times frames from another node were missing, and what shows was asked for"),
    ("waddlebot_overlay_items_total", "Overlay items by what became of them"),
    ("waddlebot_overlay_node_frames_total", "Overlay frames sent to other nodes, whatever number of pages they have"),
    ("waddlebot_overlay_nodes_cut_total", "Times a node was too slow for an overlay and had to be told anew what shows"),
    ("waddlebot_overlay_says_lost_total", "What pages said and the node that keeps the overlay was not told"),
    ("waddlebot_rate_limits_hit_total", "Commands that were refused because they came too fast"),
    ("waddlebot_replies_unknown_total", "Replies of which a crash left unknown whether they went out"),
    ("waddlebot_send_waits_total", "Messages that waited for an account's send budget"),
    ("waddlebot_string_matches_total", "Messages that a string rule matched, by what it did"),
];

/// Every gauge and what it shows.
const GAUGES: &[(&str, &str)] = &[
    ("waddlebot_claims_held", "Channels and communities that this node holds"),
    ("waddlebot_concurrent_requests", "Requests over HTTP that are being answered"),
    ("waddlebot_live_actors", "Actors that live on this node"),
    ("waddlebot_inbox_entries", "Messages and events that were accepted and not yet acted on"),
    ("waddlebot_mailbox_orders", "Orders that wait in the mailboxes of this node's actors"),
    ("waddlebot_outbox_replies", "Replies that are committed and still to be sent"),
    ("waddlebot_outbox_replies_unknown", "Kept replies of which nobody knows whether they went out"),
    ("waddlebot_overlay_connections", "Browser sources connected to this node"),
];

/// Every measure of time and what it measures, in seconds.
const TIMES: &[(&str, &str)] = &[
    ("waddlebot_command_execution_duration_seconds", "How long a command ran"),
    ("waddlebot_database_query_duration_seconds", "How long the database took to answer a query"),
];

/// The upper ends of the classes that times are counted in, in seconds.
const CLASSES: [f64; 14] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The process' numbers, as Prometheus reads them.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting in this process.
    ///
    /// # Errors
    /// When it was started before.
    pub fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new().set_buckets(&CLASSES)?.install_recorder()?;
        describe();
        Ok(Self(handle))
    }

    /// Sorts what was measured into its classes. Without it measures pile up until somebody reads the page.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }

    /// The numbers as they are now.
    #[must_use]
    pub fn read(&self) -> Numbers {
        Numbers(self.render())
    }

    /// The page that Prometheus fetches.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// The numbers of one moment.
pub struct Numbers(String);

impl Numbers {
    /// The sum of a metric over all its labels; 0 when it was never counted. A measure has `…_sum` and `…_count`.
    #[must_use]
    pub fn sum(&self, name: &str) -> f64 {
        let of_this = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        self.0.lines().filter(of_this).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

fn describe() {
    for (name, about) in COUNTERS {
        describe_counter!(*name, Unit::Count, *about);
    }
    for (name, about) in GAUGES {
        describe_gauge!(*name, Unit::Count, *about);
    }
    for (name, about) in TIMES {
        describe_histogram!(*name, Unit::Seconds, *about);
    }
}

/// Whether a name is described; the house's own test asks for each that the code uses.
#[must_use]
pub fn is_described(name: &str) -> bool {
    COUNTERS.iter().chain(GAUGES).chain(TIMES).any(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_on_the_page_with_its_meaning() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::counter!("waddlebot_commands_total", "module" => "basics").increment(2);
        });
        let page = handle.render();
        assert!(page.contains("# HELP waddlebot_commands_total Commands that were"), "{page}");
        assert!(page.contains("waddlebot_commands_total{module=\"basics\"} 2"), "{page}");
        assert_eq!([Numbers(page.clone()).sum("waddlebot_commands_total"), Numbers(page).sum("waddlebot_commands")], [2.0, 0.0]);
    }

    #[test]
    fn names_have_the_prefix_and_counters_their_ending() {
        assert!(COUNTERS.iter().all(|(name, _)| name.starts_with("waddlebot_") && name.ends_with("_total")));
        assert!(GAUGES.iter().all(|(name, _)| name.starts_with("waddlebot_") && !name.ends_with("_total")));
    }
}
