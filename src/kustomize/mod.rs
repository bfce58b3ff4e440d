//! Which files Flux applies, under which namespace, and what patches change: kustomization.yaml files, the folders and
//! patches that they list, and the Flux Kustomizations above them. Takes parsed files; knows no Git and no policy.

mod charts;
mod graph;
mod layout;
mod path;

pub use graph::{DeadEntry, Inclusion};
pub use layout::{Layout, LayoutFile, PlacedService};
pub use path::{DeadEntryKind, is_kustomization};
