//! Writing the trail out: a bundle with everything, or what a search finds, with a proof for each entry.

mod bundle;
mod csv;
mod found;
mod ocsf;

pub use bundle::{export, export_chains};
pub use csv::cells as csv_line;
pub use found::ExportFormat;
