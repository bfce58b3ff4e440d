//! A team's repository on a fixed clock, for snapshots of what the command line prints.

use std::sync::Arc;

use super::{World, digest, image, release, service};
use crate::engine::{
    Explained, HistoryQuery, ManualPromotion, Move, PassMode, PassOptions, PassReport, Question,
    RepositoryPolicy, RollbackRequest,
};
use crate::model::Fault;
use crate::policy::{GateName, Override, Overrides};

const SERVICES: [&str; 7] = ["api", "cart", "mail", "search", "shop", "web", "app"];

/// Two environments; a version must run 24 hours in `non-prod` before `prod` takes it. On Tuesday 2026-03-03 at 11:00 UTC,
/// v1.0.1 of `shop` is ready for `prod`. `app` still soaks, `api` is held, `cart` has a tag that moved, `mail` was rolled
/// back by Ana, `search` is suspended in `prod`, and a freeze keeps v1.0.1 of `web` out of `non-prod`.
pub(crate) struct Example {
    world: World,
}

impl Example {
    pub(crate) async fn new() -> Self {
        let mut world = World::new();
        let push = |world: &World, name: &str, tag: &str, letter: char| {
            world.registry.push(&image(name), tag, digest(letter));
        };
        for name in SERVICES.into_iter().filter(|name| *name != "app") {
            push(&world, name, "v1.0.0", '0');
            world.edit(&format!("np/{name}.yaml"), &release(name, "v1.0.0"));
            world.edit(&format!("p/{name}.yaml"), &release(name, "v1.0.0"));
        }
        for name in ["api", "cart", "mail", "search", "shop"] {
            push(&world, name, "v1.0.1", '1');
        }
        assert_eq!(world.pass().await.len(), 5);
        world.wait(23 * 60);
        push(&world, "app", "v1.0.1", '1');
        assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
        world.edit("p/mail.yaml", &release("mail", "v1.0.1"));
        world.wait(60);
        world.edit("p/mail.yaml", &release("mail", "v1.0.0"));
        let suspended = release("search", "v1.0.0").replace("spec:\n", "spec:\n  suspend: true\n");
        world.edit("p/search.yaml", &suspended);
        world.edit(
            ".tidegate/hold/common/api/prod.yaml",
            "kind: Hold\nservice: common/api\nenvironments: [prod]\nreason: load test until Friday\nby: Ana\n\
             at: 2026-03-03T09:05:00Z\nexpires: 2026-03-06T18:00:00Z\n",
        );
        world.edit(
            ".tidegate/freeze/audit.yaml",
            "kind: Freeze\nname: audit\nenvironments: [non-prod]\nfrom: 2026-03-03T09:00\n\
             to: 2026-03-04T12:00\nreason: yearly audit\nby: Bruno\nat: 2026-03-02T16:00:00Z\n",
        );
        world.wait(120);
        push(&world, "cart", "v1.0.1", '2');
        push(&world, "web", "v1.0.1", '1');
        Self { world }
    }

    /// The same with as many more services, at `v1.0.0`, and a newer version of each that a person has to let go on.
    pub(crate) async fn with_services(count: usize) -> Self {
        let mut example = Self::new().await;
        let world = &mut example.world;
        let mut texts = Vec::new();
        for at in 0..count {
            let name = format!("service-{at:05}");
            for (tag, letter) in [("v1.0.0", '0'), ("v1.0.1", '1')] {
                world.registry.push(&image(&name), tag, digest(letter));
            }
            texts.push((format!("np/{name}.yaml"), Some(release(&name, "v1.0.1"))));
            texts.push((format!("p/{name}.yaml"), Some(release(&name, "v1.0.0"))));
        }
        let texts: Vec<_> = texts.iter().map(|(file, text)| (file.as_str(), text.clone())).collect();
        world.branch.commit("Ana", "add services", world.now(), &texts);
        example
    }

    /// Ana holds `shop` in production, for a reason in her own words.
    pub(crate) fn hold(&mut self, reason: &str) {
        let reason = serde_json::to_string(reason).unwrap();
        self.world.edit(
            ".tidegate/hold/common/shop/prod.yaml",
            &format!(
                "kind: Hold\nservice: common/shop\nenvironments: [prod]\nreason: {reason}\nby: {reason}\n\
                 at: 2026-03-03T10:00:00Z\n"
            ),
        );
    }

    pub(crate) fn shared_policy(&self) -> Arc<RepositoryPolicy> {
        Arc::clone(self.world.engine.repository_policy())
    }

    pub(crate) fn policy(&self) -> &RepositoryPolicy {
        self.world.engine.repository_policy()
    }

    /// What `status` shows, with the time since when everything runs.
    pub(crate) async fn status(&mut self) -> PassReport {
        let report = self.world.engine.pass(&PassOptions::status()).await.unwrap();
        let state = &report.evaluation.state;
        self.world.engine.read_histories(state, state.deployed.targets.ids()).await.unwrap();
        report
    }

    pub(crate) async fn plan(&mut self) -> PassReport {
        self.world.engine.pass(&PassOptions::plan()).await.unwrap()
    }

    pub(crate) async fn sync(&mut self) -> PassReport {
        self.world.engine.pass(&PassOptions::schedule()).await.unwrap()
    }

    pub(crate) async fn explain(&mut self, name: &str) -> Explained {
        let question =
            Question { service: service(name), environment: "prod".parse().ok(), image: None, tag: None };
        self.world.engine.explain(&question).await.unwrap()
    }

    pub(crate) async fn history(&mut self) -> Vec<Move> {
        let query = HistoryQuery {
            services: Vec::new(),
            environments: Vec::new(),
            since: None,
            until: None,
            most: 50,
        };
        self.world.engine.history(&query).await.unwrap()
    }

    /// `tidegate promote NAME --env prod`, with an override of a gate if one is named.
    pub(crate) async fn promote(&mut self, name: &str, overrides: &Overrides) -> PassReport {
        let promotion = ManualPromotion {
            services: vec![service(name).to_string().parse().unwrap()],
            to: "prod".parse().ok(),
            tag: None,
            image: None,
            overrides: overrides.clone(),
        };
        self.by_hand(PassMode::Manual(promotion)).await.unwrap()
    }

    pub(crate) async fn roll_back(&mut self, name: &str) -> Result<PassReport, Fault> {
        let rollback = RollbackRequest {
            service: service(name),
            environment: "prod".parse().unwrap(),
            to: None,
            image: None,
            reason: "loses orders".to_owned(),
            quarantines: true,
            accept_digest: None,
            order_override: None,
            decided_on: None,
        };
        self.by_hand(PassMode::Rollback(rollback)).await
    }

    async fn by_hand(&mut self, mode: PassMode) -> Result<PassReport, Fault> {
        let options = PassOptions { mode, requested_by: "Ana".to_owned(), ..PassOptions::schedule() };
        self.world.engine.pass(&options).await
    }
}

/// `--override GATE --reason TEXT`.
pub(crate) fn overriding(gate: GateName, reason: &str) -> Overrides {
    Overrides { overrides: vec![Override::new(gate, reason).unwrap()], ..Overrides::default() }
}
