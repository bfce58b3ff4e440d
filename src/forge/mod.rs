//! GitHub: logging in as an app, and what a token says of itself.
//!
//! Nothing here knows Git; what comes out is a token that Git's transport sends. GitHub Enterprise is the same under
//! another address.

mod api;
mod app;
mod jwt;

pub use api::{Api, ApiSettings};
pub use app::App;
