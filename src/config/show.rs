//! The effective configuration as TOML: secrets hidden, who said each value beside it.

use std::fmt;

use super::settings::{Config, SECTIONS, SETTINGS};

impl fmt::Display for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "# data folder: {}", self.data.display())?;
        let values = self.shown();
        for (section, about) in SECTIONS {
            writeln!(out, "\n#{about}\n[{section}]")?;
            for (setting, value) in SETTINGS.iter().zip(&values).filter(|(setting, _)| setting.section == *section) {
                writeln!(out, "#{}", setting.about)?;
                match value {
                    Some(value) => writeln!(out, "{} = {value}  # {}", setting.key, self.layers.origin(setting))?,
                    None => writeln!(out, "# {} is not set", setting.key)?,
                }
            }
        }
        Ok(())
    }
}
