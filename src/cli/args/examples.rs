//! The text below the options of each command's help. A test runs every example unchanged.

pub(super) const TIDEGATE: &str = "\
Start here:
  tidegate demo                                    see everything at work on this machine
  tidegate init ./gitops --write tidegate.yaml     write a configuration from a repository
  tidegate plan                                    what would be promoted now, as a diff
  tidegate run                                     the daemon

Environment: TIDEGATE_CONFIG names the configuration; TIDEGATE_LOG sets what is logged, such as
`info` or `tidegate::registry=debug`; NO_COLOR turns colours off.

Exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration, 3 a gate is closed,
4 refused for safety, 75 try again later.";

pub(super) const INIT: &str = "\
Examples:
  tidegate init ./gitops > tidegate.yaml
  tidegate init ./gitops --branch main --write config.yaml";

pub(super) const PLAN: &str = "\
Examples:
  tidegate plan
  tidegate plan 'common/*' --env prod
  tidegate plan --exit-code
  tidegate plan -o json | jq '.planned[].service'

With --exit-code: 3 if something would move, unless something worse happened.";

pub(super) const SYNC: &str = "\
Examples:
  tidegate sync
  tidegate sync graphql-server --env non-prod
  tidegate sync -o json";

pub(super) const RUN: &str = "\
Example:
  tidegate run

SIGTERM and SIGINT finish the current pass, then exit; a silent Git server gets 20 s.
SIGHUP reloads the configuration, and keeps the old one if the new one is wrong.";

pub(super) const PROMOTE: &str = "\
Examples:
  tidegate promote graphql-server                              to its next environment
  tidegate promote 'common/*' 'mobile-*/*' --env prod --yes
  tidegate promote common/graphql-server --env prod --tag v1.0.180 \\
      --override soak --reason 'fixes the outage of this morning'
  tidegate promote common/graphql-server --env prod --tag v1.0.175 \\
      --override order --allow-downgrade --reason '1.0.176 to 1.0.180 lose orders'

On a terminal, promote shows the change and asks first.
Exit codes: 0 done or nothing to do, 3 a gate is closed, 4 refused for safety, 75 try again.";

pub(super) const ROLLBACK: &str = "\
Examples:
  tidegate rollback graphql-server --env prod --reason 'loses orders'
  tidegate rollback common/graphql-server --env prod --to v1.0.176 --reason 'loses orders' --yes

No gate stops a rollback, except that a tag that never ran there needs --override order. Neither
the version that it leaves nor a lower one is promoted there again; a higher one is.";

pub(super) const HOLD: &str = "\
Examples:
  tidegate hold graphql-server --env prod --expires 4h --reason 'we look into the errors'
  tidegate hold -n common --reason 'the gateway moves'
  tidegate hold --all --env prod --expires tomorrow --reason 'incident 4711'

Without a service, the hold covers all of them: confirm it, or pass --all. A hold stops
promotions by hand too, unless they pass --override hold. `tidegate release` ends it.";

pub(super) const PIN: &str = "\
Examples:
  tidegate pin graphql-server --env prod --reason 'the new one needs the new gateway'
  tidegate pin 'common/*' --versions '~1.0' --reason 'no 1.1 before the audit'
  tidegate pin graphql-server --versions 1.0.176 --env prod --expires 3d --reason 'until the fix'

What runs already stays.";

pub(super) const QUARANTINE: &str = "\
Examples:
  tidegate quarantine graphql-server --tag v1.0.180 --reason 'loses orders'

No environment gets the version any more. Where it runs, it stays; `tidegate rollback` replaces
it.";

pub(super) const APPROVE: &str = "\
Examples:
  tidegate approve graphql-server --env prod
  tidegate approve common/graphql-server --env prod --tag v1.0.180 --reason 'QA-118 is done'
  tidegate approve 'common/*' --env prod --expires 1w --yes

An approval covers one image: it is void once the tag moves to another digest.";

pub(super) const FREEZE: &str = "\
Examples:
  tidegate freeze launch --env prod --until 4h --reason 'the campaign goes live'
  tidegate freeze christmas --env prod --since tomorrow --until 2w --reason 'nobody is here'";

pub(super) const RELEASE: &str = "\
Examples:
  tidegate release graphql-server --kind hold --env prod
  tidegate release common/graphql-server --kind quarantine --tag v1.0.180
  tidegate release --kind hold                     the holds that name no service
  tidegate release --freeze launch
  tidegate release --expired";

pub(super) const STATUS: &str = "\
Examples:
  tidegate status
  tidegate status 'common/*' --env prod
  tidegate status --blocked --watch
  tidegate status --sort next -o wide
  tidegate status -o yaml";

pub(super) const EXPLAIN: &str = "\
Examples:
  tidegate explain graphql-server
  tidegate explain common/graphql-server --env prod --tag v1.0.178
  tidegate explain graphql-server --env prod -o json | jq '.explanations[0].earliest'
  tidegate explain graphql-server --env prod --tag v1.0.180 --wait --timeout 2h

Exit codes: 0 every gate is open or nothing comes, 3 a gate is closed, 4 a gate refuses,
75 unknown. With --wait: 0 the version runs there, 3 timed out or it will not come by itself,
4 a gate refuses.";

pub(super) const DIAGNOSE: &str = "\
Examples:
  tidegate diagnose graphql-server
  tidegate diagnose common/graphql-server --env prod
  tidegate diagnose 'common/*' --env prod -o json | jq '.diagnoses[].findings[0].cause'

It reads what Flux and Kubernetes report: conditions, events, pods, and the last lines of
the logs of containers that fail, with credentials taken out.

Exit codes: 0 nothing is wrong, 1 something is, 75 a cluster cannot be asked.";

pub(super) const HISTORY: &str = "\
Examples:
  tidegate history
  tidegate history graphql-server --env prod --limit 5
  tidegate history --since yesterday --until today -o json";

pub(super) const CHANGELOG: &str = "\
Examples:
  tidegate changelog graphql-server
  tidegate changelog common/graphql-server --from v1.0.176 --to v1.0.180 --format markdown
  tidegate changelog --all --since 7d --env prod --format slack
  tidegate changelog graphql-server --prepend CHANGELOG.md";

pub(super) const SIMULATE: &str = "\
Examples:
  tidegate simulate
  tidegate simulate 'common/*' --since 90d --against new.yaml
  tidegate simulate --recording winter.json -o json

Registries and people do what they did; only the policy decides anew, with the same gates.
`tidegate plan` first records tags that were pushed since the last pass.";

pub(super) const RECORD: &str = "\
Examples:
  tidegate record --write winter.json
  tidegate record --since 2026-10-01 --until 2026-11-01 > october.json

docs/recording.md describes the file. It holds names of services, images, files and authors, and
the text of control files; no credentials.";

pub(super) const CHECK: &str = "\
Examples:
  tidegate check ./gitops
  tidegate check ./gitops --since main --format github
  tidegate check ./gitops --fix
  tidegate check ./gitops -o json | jq '.findings[] | select(.severity == \"error\")'

A comment accepts a finding, with a reason: `# tidegate:ignore floating-tag: a demo`. docs/check.md
lists the rules; `check:` in the configuration turns them off or changes their severity.
Exit codes: 0 no errors (with --strict: no warnings either), 1 there are some.";

pub(super) const DOCTOR: &str = "\
Examples:
  tidegate doctor
  tidegate doctor -o json";

pub(super) const NOTIFY_TEST: &str = "\
Examples:
  tidegate notify test releases
  tidegate notify test releases --each -o json

Exit codes: 0 the other side took every message, 1 it did not.";

pub(super) const BACKUP: &str = "\
Examples:
  tidegate backup tidegate-backup.db
  tidegate backup tidegate-backup.db --force -o json

It holds what only this Tidegate saw: digests of tags and when they changed, and the notifications sent. What
runs, and why, is in Git. docs/backup.md says what a lost store costs.";

pub(super) const RESTORE: &str = "\
Example:
  tidegate restore tidegate-backup.db

The file must be of this repository and branch. The store that was there is kept beside the new
one. Messages that waited when the backup was made are not sent.";

pub(super) const TOKEN: &str = "\
Examples:
  tidegate token create 'Ana Silva' --expires 30d
  tidegate token create ci --scope act --env non-prod
  tidegate token create Bruno --scope act --scope approve
  tidegate token list
  tidegate token revoke ci

A token is shown once, by `create`; the store has only its hash. With `server.access: token`, the
board and the API ask for one. Acting through the server always needs one.";

pub(super) const AUDIT: &str = "\
Examples:
  tidegate audit --since 7d
  tidegate audit -o json | jq '.entries[] | select(.action == \"login\")'";

pub(super) const DEMO: &str = "\
Examples:
  tidegate demo
  tidegate demo --keep --soak 30";

pub(super) const COMPLETIONS: &str = "\
Examples:
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh > ~/.zfunc/_tidegate
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish

Services, environments, gates and tags are completed as the last pass saw them, without asking
Git or a registry.";

pub(super) const VERSION: &str = "\
Examples:
  tidegate version
  tidegate version -o json";
