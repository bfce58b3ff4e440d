//! Whole results as people read them, over the engine's fakes on a fixed clock. `INSTA_UPDATE=always` writes them anew.

use chrono_tz::Tz;
use globset::{Glob, GlobSetBuilder};

use super::by_hand::Asked;
use super::status::Filter;
use super::{by_hand, explain, history, plan};
use crate::cli::args::SortKey;
use crate::engine::fake::example::{Example, overriding};
use crate::policy::{GateName, Overrides};
use crate::view::StatusTable;

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let plain = anstream::adapter::strip_str(text).to_string();
    settings.bind(|| insta::assert_snapshot!(name, plain));
}

fn filter() -> Filter {
    let mut services = GlobSetBuilder::new();
    services.add(Glob::new("**").unwrap());
    Filter {
        services: services.build().unwrap(),
        environments: Vec::new(),
        only_blocked: false,
        sort: SortKey::Service,
    }
}

fn asked<'a>(names: &'a str, overrides: &'a Overrides) -> Asked<'a> {
    Asked { names, overrides, elsewhere: 0, all_gates: false }
}

#[tokio::test]
async fn status() {
    let mut example = Example::new().await;
    let report = example.status().await;
    let now = report.evaluation.now;
    let policy = example.policy();
    let table =
        |is_wide, width| StatusTable::filtered(policy, &report, &filter()).render(now, width, is_wide);
    check("status", &table(false, Some(120)));
    check("status-80-columns", &table(false, Some(80)));
    check("status-wide", &table(true, None));
}

#[tokio::test]
async fn plan_and_sync() {
    let mut example = Example::new().await;
    let report = example.plan().await;
    check("plan", &plan::render(example.policy(), &report, false));
    check("plan-verbose", &plan::render(example.policy(), &report, true));
    let report = example.sync().await;
    check("sync", &plan::done(example.policy(), &report, false));
    let report = example.sync().await;
    check("sync-nothing-moves", &plan::done(example.policy(), &report, false));
}

#[tokio::test]
async fn explanations() {
    let mut example = Example::new().await;
    for (name, service) in [
        ("explain-open", "shop"),
        ("explain-waiting", "app"),
        ("explain-held", "api"),
        ("explain-refused", "cart"),
        ("explain-rolled-back", "mail"),
        ("explain-suspended", "search"),
    ] {
        check(name, &explain::render(&example.explain(service).await));
    }
}

#[tokio::test]
async fn tag_changes() {
    let mut example = Example::new().await;
    example.sync().await;
    check("history", &history::render(&example.history().await, Tz::UTC));
}

#[tokio::test]
async fn promotions_and_rollbacks_by_hand() {
    let mut example = Example::new().await;
    let none = Overrides::default();
    let report = example.promote("api", &none).await;
    check("promote-held", &by_hand::promote(example.policy(), &report, &asked("common/api in prod", &none)));
    let report = example.promote("cart", &none).await;
    check(
        "promote-refused",
        &by_hand::promote(example.policy(), &report, &asked("common/cart in prod", &none)),
    );
    let overrides = overriding(GateName::Soak, "fixes the outage");
    let report = example.promote("app", &overrides).await;
    check("promote", &by_hand::promote(example.policy(), &report, &asked("common/app in prod", &overrides)));
    let report = example.promote("app", &none).await;
    check(
        "promote-nothing",
        &by_hand::promote(example.policy(), &report, &asked("common/app in prod", &none)),
    );
    let report = example.roll_back("app").await.unwrap();
    check("rollback", &by_hand::rollback(example.policy(), &report, "loses orders", false));
    let refused = example.roll_back("web").await.unwrap_err();
    check("rollback-refused", &format!("{}\n{}", refused.in_one_line(), refused.hint().unwrap_or_default()));
}
