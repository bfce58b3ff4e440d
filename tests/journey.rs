//! The real binary on a real registry and a real repository, all the way.

mod bad_input;
mod by_hand;
mod changelog;
mod changelog_file;
mod controls;
mod crashes;
mod daemon;
mod explain;
mod grammar;
mod help;
mod hostile_registry;
mod killed_in_git;
mod merges;
mod one_failure;
mod over_network;
mod promotion;
mod pull_requests;
mod recovery;
mod releases;
mod rollback;
mod signatures;
mod simulate;
mod sources;
mod status;
mod world;
