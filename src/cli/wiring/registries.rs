//! A configuration's registries as the registry room's settings.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::model::Fault;
use crate::registry::{
    Client, Credentials, HostSettings, Limits, RequestObserver, RequestResult, SecretSource,
};

/// The client of a configuration; its requests are counted.
pub(crate) fn client(config: &Config, metrics: Arc<Metrics>) -> Result<Client, Fault> {
    let settings = config.registries.iter().map(host_settings).collect();
    Ok(Client::observed(settings, Limits::default(), config.platforms.clone(), Arc::new(Counting(metrics)))?)
}

/// Counts requests.
#[derive(Debug)]
struct Counting(Arc<Metrics>);

impl RequestObserver for Counting {
    fn finished(&self, host: &str, result: RequestResult, took: Duration) {
        self.0.registries.finished(host, result.as_str(), took);
    }

    fn retried(&self, host: &str) {
        self.0.registries.retried(host);
    }
}

fn host_settings(registry: &config::Registry) -> HostSettings {
    let usual = HostSettings::new(&registry.host);
    let (requests_per_second, burst): (NonZeroU32, NonZeroU32) =
        registry.rate_limit.map_or((usual.requests_per_second, usual.burst), |limit| {
            (limit.requests_per_second, limit.burst_requests)
        });
    let is_plain_endpoint = registry.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_https);
    HostSettings {
        endpoint: registry.endpoint.as_ref().map(ToString::to_string),
        plain_http: registry.plain_http || is_plain_endpoint,
        credentials: registry.credentials.as_ref().map_or(Credentials::Anonymous, credentials),
        extra_ca: registry.ca_file.clone(),
        token_realm_hosts: registry.token_hosts.clone(),
        requests_per_second,
        burst,
        ..usual
    }
}

fn credentials(configured: &config::Credentials) -> Credentials {
    match configured {
        config::Credentials::Basic { username, password } => Credentials::Basic {
            username: username.clone(),
            password: match password {
                config::SecretSource::Env(name) => SecretSource::Environment(name.clone()),
                config::SecretSource::File(path) => SecretSource::File(path.clone()),
            },
        },
        config::Credentials::DockerConfig(path) => Credentials::DockerConfig(path.clone()),
    }
}
