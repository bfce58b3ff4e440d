//! Speed of reading and editing manifests: files of 1, 10 and 100 HelmReleases of 60 lines each.
//!
//! `locate` is [`read()`]; `locate_and_splice` is [`edit()`] of every field, with verification. The two parsers alone are the
//! floor: `edit` runs the first twice and the second once.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on must stop")]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tidegate::manifest::{Edit, edit, read};
use tidegate::model::Tag;

const OBJECTS_PER_FILE: [usize; 3] = [1, 10, 100];

/// A file of HelmReleases of 60 lines each, in the team's form.
fn releases(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let name = format!("service-{number}");
        write!(
            text,
            r#"---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
  namespace: common
  labels:
    environment: production
spec:
  interval: 1m
  chart:
    spec:
      chart: app-chart  # ours
      version: '>=1.0.0'
      sourceRef:
        kind: GitRepository
        name: helm-charts
        namespace: flux-system
      interval: 1m
  values:
    image:
      repository: ghcr.io/vtr/{name}
      tag: v1.0.176  # a version, never a name that moves
      pullPolicy: IfNotPresent
    service:
      type: LoadBalancer
      port: 3000
      annotations:
        service.beta.kubernetes.io/aws-load-balancer-type: "nlb"
        service.beta.kubernetes.io/aws-load-balancer-scheme: "internal"
    env:
      NODE_ENV: "prod"
      LOG_LEVEL: "info"
    resources:
      requests:
        memory: "256Mi"
        cpu: "100m"
      limits:
        memory: "512Mi"
        cpu: "500m"
    livenessProbe:
      httpGet:
        path: /.well-known/apollo/server-health
        port: 3000
      initialDelaySeconds: 30
      periodSeconds: 10
      timeoutSeconds: 5
    readinessProbe:
      httpGet:
        path: /.well-known/apollo/server-health
        port: 3000
      initialDelaySeconds: 5
      periodSeconds: 5
    autoscaling:
      enabled: true
      minReplicas: 2
      maxReplicas: 10
    podLabels:
      app: {name}
      managed-by: flux
"#
        )
        .unwrap();
    }
    text
}

fn locate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("locate");
    for count in OBJECTS_PER_FILE {
        let text = releases(count);
        assert_eq!(text.lines().count(), 60 * count);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &text, |bencher, text| {
            bencher.iter(|| read(black_box(text.as_bytes())).unwrap());
        });
    }
    group.finish();
}

fn locate_and_splice(criterion: &mut Criterion) {
    let tag: Tag = "v1.0.180".parse().unwrap();
    let mut group = criterion.benchmark_group("locate_and_splice");
    for count in OBJECTS_PER_FILE {
        let text = releases(count);
        let manifest = read(text.as_bytes()).unwrap();
        assert_eq!(manifest.fields.len(), count);
        let edits: Vec<_> =
            manifest.fields.iter().map(|field| Edit { field, tag: &tag, digest: None }).collect();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &text, |bencher, text| {
            bencher.iter(|| edit(black_box(text.as_bytes()), &edits).unwrap());
        });
    }
    group.finish();
}

fn the_parsers_alone(criterion: &mut Criterion) {
    let text = releases(10);
    let mut group = criterion.benchmark_group("parsers");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("first", |bencher| {
        bencher.iter(|| granit_parser::Parser::new_from_str(black_box(&text)).count());
    });
    group.bench_function("second", |bencher| {
        bencher.iter(|| {
            for document in serde_yaml::Deserializer::from_str(black_box(&text)) {
                IgnoredAny::deserialize(document).unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, locate, locate_and_splice, the_parsers_alone);
criterion_main!(benches);
