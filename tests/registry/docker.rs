//! Against Debian's docker-registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tidegate::model::{Artifact, Class, Digest, Fault, Tag};
use tidegate::port::Registry as _;
use tidegate::registry::{
    Authentication, Client, Credentials, HostSettings, RegistryError, RequestError, SecretSource,
};

use super::{anonymous, client, image, in_full, local, quick, tag};
use crate::support::registry::{DockerRegistry, Image, Index, PASSWORD, Setup, USER};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A certificate for 127.0.0.1 and the authority that signed it, both good until 2120. The authority's key was thrown
/// away.
fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry/tls").join(name)
}

#[tokio::test]
async fn tags_are_sorted_and_an_unchanged_list_is_the_same_allocation() {
    let registry = DockerRegistry::start();
    let client = anonymous(&registry.host());
    let app = image(&registry.host(), "vtr/app");
    let release = Image::labelled("a", "1");
    registry.push("vtr/app", "v1.0.1", &release).await;
    registry.tag("vtr/app", &release, "v1.0.0").await;
    let first = client.tags(&app).await.unwrap();
    assert_eq!(first.tags, [tag("v1.0.0"), tag("v1.0.1")]);
    assert_eq!(first.ignored, 0);
    assert!(Arc::ptr_eq(&first, &client.tags(&app).await.unwrap()), "unchanged");
    registry.tag("vtr/app", &release, "v1.0.2").await;
    let later = client.tags(&app).await.unwrap();
    assert_eq!(later.tags.last(), Some(&tag("v1.0.2")));
}

/// This version of docker-registry ignores the page size; `paging` covers others.
#[tokio::test]
async fn a_page_larger_than_requested_is_read_whole() {
    let registry = DockerRegistry::start();
    let release = Image::labelled("a", "1");
    registry.push("app", "v0", &release).await;
    registry.tag_many("app", "v0", (1..1_010).map(|number| format!("v{number}")));
    let list = anonymous(&registry.host()).tags(&image(&registry.host(), "app")).await.unwrap();
    let mut wanted: Vec<Tag> = (0..1_010).map(|number| tag(&format!("v{number}"))).collect();
    wanted.sort();
    assert_eq!(list.tags, wanted);
}

#[tokio::test]
async fn an_image_without_tags_has_an_empty_list() {
    let registry = DockerRegistry::start();
    let digest = registry.push("app", "v1", &Image::default()).await;
    registry.delete("app", &digest).await;
    let list = anonymous(&registry.host()).tags(&image(&registry.host(), "app")).await.unwrap();
    assert!(list.tags.is_empty());
}

#[tokio::test]
async fn a_digest_follows_its_tag() {
    let registry = DockerRegistry::start();
    let client = anonymous(&registry.host());
    let app = image(&registry.host(), "app");
    for version in ["1", "2"] {
        let pushed = registry.push("app", "v1", &Image::labelled("version", version)).await;
        assert_eq!(client.digest(&app, &tag("v1")).await.unwrap().as_str(), pushed);
    }
    let index = Index { images: vec![("linux/amd64", Image::default())], ..Index::default() };
    let pushed = registry.push_index("app", "v2", &index).await;
    assert_eq!(client.digest(&app, &tag("v2")).await.unwrap().as_str(), pushed, "an index has its own");
}

#[tokio::test]
async fn labels_win_over_annotations() {
    let registry = DockerRegistry::start();
    let client = anonymous(&registry.host());
    let app = image(&registry.host(), "app");
    let pushed = Image {
        labels: map(&[("both", "label"), ("label", "ñ")]),
        annotations: map(&[("both", "annotation"), ("annotation", "a")]),
        is_docker: false,
    };
    let digest: Digest = registry.push("app", "v1", &pushed).await.parse().unwrap();
    let labels = client.labels(&app, &digest).await.unwrap();
    assert_eq!(labels, map(&[("annotation", "a"), ("both", "label"), ("label", "ñ")]));

    let docker = Image { is_docker: true, ..Image::labelled("form", "docker") };
    let digest: Digest = registry.push("app", "v2", &docker).await.parse().unwrap();
    assert_eq!(client.labels(&app, &digest).await.unwrap(), docker.labels);
}

#[tokio::test]
async fn labels_of_an_index_come_from_linux_amd64() {
    let registry = DockerRegistry::start();
    let index = Index {
        images: vec![
            ("unknown/unknown", Image::labelled("platform", "attestation")),
            ("linux/arm64", Image::labelled("platform", "arm64")),
            ("linux/amd64", Image::labelled("platform", "amd64")),
        ],
        annotations: map(&[("entry", "index"), ("index", "yes"), ("platform", "none")]),
    };
    let digest: Digest = registry.push_index("app", "v1", &index).await.parse().unwrap();
    let labels = anonymous(&registry.host()).labels(&image(&registry.host(), "app"), &digest).await.unwrap();
    assert_eq!(labels, map(&[("entry", "linux/amd64"), ("index", "yes"), ("platform", "amd64")]));
}

#[tokio::test]
async fn images_are_distinguished_from_charts_and_empty_indexes() {
    let registry = DockerRegistry::start();
    let (amd64, arm64) = ("linux/amd64", "linux/arm64");
    let both = Index {
        images: vec![(amd64, Image::default()), (arm64, Image::labelled("a", "b"))],
        ..Index::default()
    };
    let digests = [
        registry.push("app", "v1", &Image::default()).await,
        registry.push("app", "v2", &Image { is_docker: true, ..Image::default() }).await,
        registry.push_index("app", "v3", &both).await,
        registry.push_index("app", "v4", &Index::default()).await,
        registry.push_chart("app", "v5").await,
    ];
    let (app, settings) =
        (image(&registry.host(), "app"), || vec![local(&registry.host(), Credentials::Anonymous)]);
    let kinds = async |platforms: &[&str]| {
        let platforms = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
        let client = Client::with_platforms(settings(), quick(), platforms).unwrap();
        let mut kinds = Vec::new();
        for digest in &digests {
            kinds.push(match client.artifact(&app, &digest.parse().unwrap()).await.unwrap() {
                Artifact::Image => "image".to_owned(),
                Artifact::Other(reason) | Artifact::Incomplete(reason) => reason,
            });
        }
        kinds
    };
    let chart = "application/vnd.cncf.helm.config.v1+json";
    assert_eq!(kinds(&[]).await, ["image", "image", "image", "its index is empty", chart]);
    let single = "it is for linux/amd64 alone, not for linux/arm64";
    assert_eq!(kinds(&[amd64, arm64]).await, [single, single, "image", "its index is empty", chart]);
}

#[tokio::test]
async fn missing_tags_and_images_are_not_found() {
    let registry = DockerRegistry::start();
    let client = anonymous(&registry.host());
    let (app, absent) = (image(&registry.host(), "app"), image(&registry.host(), "absent"));
    registry.push("app", "v1", &Image::default()).await;
    let no_image = client.tags(&absent).await.unwrap_err();
    let no_tag = client.digest(&app, &tag("v2")).await.unwrap_err();
    let no_digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let no_manifest = client.labels(&app, &no_digest).await.unwrap_err();
    for error in [&no_image, &no_tag, &no_manifest] {
        assert!(matches!(error, RegistryError::NotFound { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Failed);
    }
    let text = Fault::from(no_image);
    let host = registry.host();
    assert_eq!(
        text.in_one_line(),
        format!(
            "cannot list the tags of {host}/absent: GET http://{host}/v2/absent/tags/list returned \
             404 Not Found: NAME_UNKNOWN, repository name not known to registry"
        )
    );
    assert!(text.hint().unwrap().contains("private images"));
}

fn password_in(file: &Path) -> Credentials {
    Credentials::Basic { username: USER.to_owned(), password: SecretSource::File(file.to_owned()) }
}

#[tokio::test]
async fn a_rotated_password_takes_effect_at_once() {
    let registry = DockerRegistry::start_as(&Setup { password: true, ..Setup::default() });
    registry.push("app", "v1", &Image::default()).await;
    let app = image(&registry.host(), "app");
    let file = registry.folder().join("password");
    fs::write(&file, "outdated\n").unwrap();
    let client = client(local(&registry.host(), password_in(&file)));

    let error = client.tags(&app).await.unwrap_err();
    let text = in_full(&error);
    assert!(matches!(error.cause(), Some(RequestError::Denied { anonymous: false, .. })), "{text}");
    assert!(
        text.contains(" with user bot (password in ") && text.contains(" returned 401 Unauthorized"),
        "{text}"
    );
    assert!(!format!("{text} {error:?}").contains("outdated"), "{text}");

    fs::write(&file, PASSWORD).unwrap();
    assert_eq!(client.tags(&app).await.unwrap().tags, [tag("v1")]);
    assert!(client.digest(&app, &tag("v1")).await.is_ok());
}

#[tokio::test]
async fn a_missing_password_is_denied_with_a_hint() {
    let registry = DockerRegistry::start_as(&Setup { password: true, ..Setup::default() });
    let client = anonymous(&registry.host());
    let error = client.tags(&image(&registry.host(), "app")).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::Denied { anonymous: true, .. })), "{error:?}");
    assert_eq!(error.hint(), Some("set credentials for this registry"));
    let report = client.check(&registry.host()).await.unwrap();
    assert_eq!((report.authentication, report.is_admitted), (Authentication::Basic, false));
}

#[tokio::test]
async fn dockers_configuration_authenticates() {
    let registry = DockerRegistry::start_as(&Setup { password: true, ..Setup::default() });
    let file = registry.folder().join("config.json");
    let auth = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    fs::write(&file, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host())).unwrap();
    let client = client(local(&registry.host(), Credentials::DockerConfig(file)));
    let report = client.check(&registry.host()).await.unwrap();
    assert_eq!(report.endpoint, format!("http://{}/v2/", registry.host()));
    assert_eq!((report.authentication, report.is_admitted), (Authentication::Basic, true));
    assert_eq!(report.api_version.as_deref(), Some("registry/2.0"));
}

#[tokio::test]
async fn a_configured_authority_is_trusted() {
    let (certificate, key) = (tls_file("server.pem"), tls_file("server.key"));
    let registry = DockerRegistry::start_as(&Setup { tls: Some((&certificate, &key)), ..Setup::default() });
    let host = registry.host();
    let trusting =
        HostSettings { extra_ca: Some(tls_file("authority.pem")), ..HostSettings::new(host.clone()) };
    let report = client(trusting).check(&host).await.unwrap();
    assert_eq!(report.endpoint, format!("https://{host}/v2/"));
    assert!(report.is_admitted);

    let error = client(HostSettings::new(host.clone())).check(&host).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::UntrustedCertificate { .. })), "{}", in_full(&error));
    assert_eq!(error.class(), Class::Failed, "trying again does not help");
    assert!(error.hint().unwrap().contains("caFile"));
}
