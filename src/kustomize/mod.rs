//! Which files Flux applies, under which namespace, and what patches change: kustomization.yaml files, the folders and
//! patches that they list, the Helm values that they make, and the Flux Kustomizations above them. Takes parsed files; knows no Git and no policy.

mod charts;
mod files;
mod graph;
mod inline;
mod layout;
mod path;
mod target;
mod values;

pub use files::LayoutFile;
pub use graph::{DeadEntry, Inclusion};
pub use inline::{InlineVersion, PatchForm};
pub use layout::{Layout, PlacedService};
pub use path::{DeadEntryKind, is_kustomization};
