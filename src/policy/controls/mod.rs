//! Control files as facts: which services and environments each covers, and while it is in force.
//!
//! The file format belongs to `src/control`, the consequences to `gates`.

mod control;
mod covering;
#[cfg(test)]
mod tests;

pub use control::{
    Approval, Control, ControlKind, Coverage, FreezeControl, Hold, Note, Pin, Quarantine, UnreadableControl,
};
pub use covering::Controls;
