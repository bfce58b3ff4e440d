//! What a scrape looks like, and that it stays within its bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::model::Class;

fn at(text: &str) -> crate::model::Timestamp {
    text.parse().unwrap()
}

fn lines(metrics: &Metrics, start: &str) -> Vec<String> {
    let rendered = metrics.render(Format::Prometheus);
    rendered.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn a_pass_that_fails_moves_neither_the_last_success_nor_when_passes_are_overdue() {
    let metrics = Metrics::new("1.2.3");
    let end = |failure| PassEnd {
        scope: PassScope::All,
        failure,
        took: Duration::from_millis(300),
        at: at("2026-11-30T10:00:00Z"),
        overdue_at: Some(at("2026-11-30T10:03:00Z")),
    };
    metrics.passes.started(Some(at("2026-11-30T09:00:00Z")));
    metrics.passes.ended(&end(Some(Class::TryAgain)));
    assert_eq!(
        lines(&metrics, "tidegate_pass_overdue"),
        ["tidegate_pass_overdue_timestamp_seconds 1796029200.0"]
    );
    metrics.passes.ended(&end(None));
    assert_eq!(
        lines(&metrics, "tidegate_pass_overdue"),
        ["tidegate_pass_overdue_timestamp_seconds 1796032980.0"]
    );
    assert_eq!(
        lines(&metrics, "tidegate_last"),
        ["tidegate_last_successful_pass_timestamp_seconds 1796032800.0"]
    );
    let passes = lines(&metrics, "tidegate_passes_total{scope=\"all\"");
    assert!(passes.contains(&"tidegate_passes_total{scope=\"all\",result=\"tryAgain\"} 1".to_owned()));
    assert!(passes.contains(&"tidegate_passes_total{scope=\"all\",result=\"succeeded\"} 1".to_owned()));
    assert!(passes.contains(&"tidegate_passes_total{scope=\"all\",result=\"failed\"} 0".to_owned()));
}

#[test]
fn the_running_versions_are_bounded_and_count_what_they_omit() {
    let metrics = Metrics::new("1.2.3");
    let running = |at: usize| Running {
        environment: "prod".into(),
        service: format!("common/app-{at}"),
        image: "ghcr.io/vtr/app".into(),
        tag: "v\"1".into(),
    };
    metrics.deployed.set_running((0..25_010).map(running).collect());
    let series = lines(&metrics, "tidegate_running_info{");
    assert_eq!(series.len(), 25_000);
    assert!(series[0].ends_with("tag=\"v\\\"1\"} 1"), "{}", series[0]);
    assert_eq!(lines(&metrics, "tidegate_running_omitted "), ["tidegate_running_omitted 10"]);
}

#[test]
fn hosts_beyond_the_bound_share_a_series() {
    let metrics = Metrics::new("1.2.3");
    for host in 0..200 {
        metrics.registries.finished(&format!("h{host}.example"), "succeeded", Duration::ZERO);
    }
    let hosts: BTreeSet<String> = lines(&metrics, "tidegate_registry_requests_total{").into_iter().collect();
    assert_eq!(hosts.len(), 51);
    assert!(hosts.iter().any(|line| line.contains("host=\"other\"") && line.ends_with(" 150")));
}

#[test]
fn both_formats_end_well() {
    let metrics = Metrics::new("1.2.3");
    let open = metrics.render(Format::OpenMetrics);
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(open.contains("# UNIT tidegate_pass_duration_seconds seconds\n"));
    let classic = metrics.render(Format::Prometheus);
    assert!(!classic.contains("# UNIT") && !classic.contains("# EOF"));
    assert!(classic.contains("tidegate_build_info{version=\"1.2.3\"} 1"));
}

#[test]
fn the_outbox_is_measured_by_channel_and_forgets_channels_that_are_gone() {
    let metrics = Metrics::new("1.2.3");
    let waiting = |channel: &str, messages| crate::model::OutboxBacklog {
        channel: channel.to_owned(),
        messages,
        oldest: at("2026-11-30T10:00:00Z"),
    };
    let backlog = [waiting("a", 3), waiting("renamed", 5)];
    metrics.notifications.set_backlog(["a", "b"].into_iter(), &backlog);
    let mut series = lines(&metrics, "tidegate_notification_backlog{");
    series.sort();
    let expected =
        ["tidegate_notification_backlog{channel=\"a\"} 3", "tidegate_notification_backlog{channel=\"b\"} 0"];
    assert_eq!(series, expected);
    assert_eq!(
        lines(&metrics, "tidegate_notification_oldest"),
        ["tidegate_notification_oldest_timestamp_seconds{channel=\"a\"} 1796032800.0"]
    );
    metrics.notifications.set_backlog(["a", "b"].into_iter(), &[]);
    assert!(lines(&metrics, "tidegate_notification_oldest").is_empty());
    metrics.notifications.forget_backlog();
    metrics.notifications.set_backlog(std::iter::once("b"), &[]);
    assert_eq!(
        lines(&metrics, "tidegate_notification_backlog{"),
        ["tidegate_notification_backlog{channel=\"b\"} 0"]
    );
    metrics.notifications.channel("a").count(DeliveryResult::GivenUp);
    let mut counted = lines(&metrics, "tidegate_notification_deliveries_total");
    counted.sort();
    let series = |result, count| {
        format!("tidegate_notification_deliveries_total{{channel=\"a\",result=\"{result}\"}} {count}")
    };
    assert_eq!(counted, [series("delivered", 0), series("failed", 0), series("givenUp", 1)]);
}
