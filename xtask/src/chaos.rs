//! `cargo xtask chaos`: the long form of the cluster's own test, with its seed, its length and its faults.

use anyhow::{Result, bail};

use crate::{older, step};

/// What may be said, and what holds when it is not.
const SETTINGS: [(&str, &str); 5] = [("seed", "1"), ("minutes", "10"), ("nodes", "3"), ("faults", ""), ("older", "")];

pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<()> {
    let args: Vec<_> = args.collect();
    plan(args.iter().cloned())?;
    let plan = plan(older::built(args)?.into_iter())?;
    println!("== the plan: {plan} (the same again with the same words)");
    let test = ["test", "--locked", "-p", "waddlebot", "--test", "cluster", "--", "--nocapture", "--exact", TEST];
    step::run_with("chaos", "cargo", &test, &[("WADDLEBOT_CHAOS", &plan)])
}

const TEST: &str = "chaos::whatever_goes_wrong_each_has_one_owner_and_what_is_accepted_is_done_once";

/// `--seed 7` as `seed=7`; what is not said at its default.
fn plan(mut args: impl Iterator<Item = String>) -> Result<String> {
    let mut plan = SETTINGS.map(|(name, value)| (name, value.to_owned()));
    while let Some(flag) = args.next() {
        let (name, given) = flag.split_once('=').map_or((flag.as_str(), None), |(name, value)| (name, Some(value.to_owned())));
        let Some(setting) = plan.iter_mut().find(|(known, _)| name.strip_prefix("--") == Some(known)) else {
            bail!("unknown flag {flag}; there are --seed, --minutes, --nodes, --faults and --older");
        };
        let Some(value) = given.or_else(|| args.next()) else { bail!("{flag} takes a value") };
        if !["faults", "older"].contains(&setting.0) && value.parse::<u64>().is_err() {
            bail!("{flag} takes a number, not {value:?}");
        }
        setting.1 = value;
    }
    let words: Vec<_> = plan.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::plan;

    fn said(line: &str) -> anyhow::Result<String> {
        plan(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_said_becomes_the_plan_and_what_is_odd_is_refused() {
        assert_eq!(said("").expect("good"), "seed=1 minutes=10 nodes=3");
        assert_eq!(said("--older /an/older/one").expect("good"), "seed=1 minutes=10 nodes=3 older=/an/older/one");
        assert_eq!(said("--seed 7 --minutes=30 --faults kill,stop7").expect("good"), "seed=7 minutes=30 nodes=3 faults=kill,stop7");
        for odd in ["--speed 7", "--seed", "--minutes soon", "kill"] {
            assert!(said(odd).is_err(), "{odd}");
        }
    }
}
