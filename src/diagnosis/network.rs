//! LoadBalancers that get no address.

use super::{Cause, Facts, Finding, events_of, evidence_of_event, quoted};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let finding = |name: &String| {
        let object = format!("Service {name}");
        let event =
            events_of(facts, &object, &["SyncLoadBalancerFailed", "FailedBuildModel", "FailedDeployModel"])
                .next();
        let shown = quoted(&object);
        let why = event.map(|event| format!(": {}", quoted(&event.message))).unwrap_or_default();
        let mut evidence = vec![format!("{shown}: status.loadBalancer has no address")];
        evidence.extend(event.map(evidence_of_event));
        Finding {
            cause: Cause::LoadBalancerPending,
            sentence: format!("the LoadBalancer of {shown} gets no address{why}"),
            evidence,
            advice: vec![
                "check the quota of load balancers and addresses of the account, and the tags of the subnets"
                    .to_owned(),
                "check that a load balancer controller runs, and its role".to_owned(),
            ],
        }
    };
    facts.pending_load_balancers.iter().map(finding).collect()
}
