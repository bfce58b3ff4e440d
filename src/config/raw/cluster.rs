//! The shape of `environments[].cluster`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::FilePath;
use crate::config::location::Located;

/// How a cluster is reached, for reading only: `kubeconfig` with `context`, or `inCluster` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Cluster {
    /// The kubeconfig.
    #[schemars(extend("examples" = ["/etc/tidegate/kubeconfig"]))]
    pub(in crate::config) kubeconfig: Option<Located<FilePath>>,
    /// The context of the kubeconfig. It must be named: the current one is whatever somebody used last.
    #[schemars(extend("examples" = ["aws-digital-eks-prod"]))]
    pub(in crate::config) context: Option<Located<String>>,
    /// Use the service account of the pod that Tidegate runs in.
    #[serde(rename = "inCluster")]
    #[schemars(extend("default" = false))]
    pub(in crate::config) is_inside: Option<Located<bool>>,
}

/// One cluster, or a list of several.
#[derive(Debug)]
pub(in crate::config) struct Clusters(pub(in crate::config) Vec<Cluster>);

impl<'de> Deserialize<'de> for Clusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClustersVisitor)
    }
}

struct ClustersVisitor;

impl<'de> Visitor<'de> for ClustersVisitor {
    type Value = Clusters;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a cluster, such as {kubeconfig: FILE, context: NAME}, or a list of clusters")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Cluster::deserialize(MapAccessDeserializer::new(map)).map(|cluster| Clusters(vec![cluster]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut clusters = Vec::new();
        while let Some(cluster) = list.next_element()? {
            clusters.push(cluster);
        }
        Ok(Clusters(clusters))
    }
}

impl JsonSchema for Clusters {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Clusters".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let cluster = generator.subschema_for::<Cluster>();
        json_schema!({ "anyOf": [cluster, { "type": "array", "items": cluster, "minItems": 1 }] })
    }
}
