//! The examples behind the help of commands that have several.

pub(super) const PROMOTE: &str = "\
Examples:
  tidegate promote common/graphql-server                     to its next environment
  tidegate promote 'common/*' 'mobile-*/*' --to prod --yes
  tidegate promote common/graphql-server --to prod --tag v1.0.180 \\
      --override soak --reason 'fixes the outage of this morning'
  tidegate promote common/graphql-server --to prod --tag v1.0.175 \\
      --override order --allow-downgrade --reason '1.0.176 to 1.0.180 lose orders'
  tidegate promote common/graphql-server --to prod \\
      --override digest --accept-digest sha256:1f0c... --reason 'rebuilt with the same sources'

At a terminal, what would be done is shown and asked about; elsewhere it is done. Exit codes: 0 done or nothing to do, \
3 a gate is closed, 4 refused for safety, 75 try again later.";

pub(super) const ROLLBACK: &str = "\
Examples:
  tidegate rollback common/graphql-server --in prod --reason 'loses orders'
  tidegate rollback common/graphql-server --in prod --to v1.0.176 --reason 'loses orders' --yes

One commit moves the service back and quarantines the version that is left. No gate is asked. What was left does not come \
again by itself, and neither does anything up to it; a higher version does.";

pub(super) const HOLD: &str = "\
Examples:
  tidegate hold common/graphql-server --env prod --expires 4h --reason 'we look into the errors'
  tidegate hold 'mobile-*/*' --reason 'the gateway is being moved'
  tidegate hold --all --env prod --expires 2026-12-01T09:00 --reason 'incident 4711'

Holds everything when no service is named; that must be confirmed, or said by --all. Promotions by hand are held too, \
unless they say --override hold. `tidegate release` ends it.";

pub(super) const PIN: &str = "\
Examples:
  tidegate pin common/graphql-server --env prod --reason 'the new one needs the new gateway'
  tidegate pin common/graphql-server '~1.0' --reason 'no 1.1 before the audit'
  tidegate pin common/graphql-server 1.0.176 --env prod --expires 3d --reason 'until the fix is out'

What runs already is not changed.";

pub(super) const QUARANTINE: &str = "\
Examples:
  tidegate quarantine common/graphql-server v1.0.180 --reason 'loses orders'

The version goes nowhere any more, in no environment. Where it runs, it stays: `tidegate rollback` moves it away.";

pub(super) const APPROVE: &str = "\
Examples:
  tidegate approve common/graphql-server --env prod
  tidegate approve common/graphql-server --env prod --tag v1.0.180 --digest sha256:1f0c... --reason 'QA-118 is done'
  tidegate approve 'common/*' --env prod --expires 7d --yes

What is approved is an image: when the tag comes to mean another one, the approval is worth nothing.";

pub(super) const FREEZE: &str = "\
Examples:
  tidegate freeze launch --env prod --to 4h --reason 'the campaign goes live'
  tidegate freeze christmas --env prod --from 2026-12-18 --to 2027-01-04 --reason 'nobody is here'";

pub(super) const RELEASE: &str = "\
Examples:
  tidegate release common/graphql-server --kind hold --env prod
  tidegate release common/graphql-server --version v1.0.180 --kind quarantine
  tidegate release --kind hold                   what was held without naming a service
  tidegate release --freeze launch
  tidegate release --expired                     all that no longer counts";

pub(super) const EXPLAIN: &str = "\
Examples:
  tidegate explain common/graphql-server
  tidegate explain common/graphql-server --env prod --tag v1.0.178
  tidegate explain common/graphql-server --env prod -o json | jq '.explanations[0].earliest'
  tidegate explain common/graphql-server --env prod --tag v1.0.180 --wait --timeout 2h

Exit codes: 0 every gate is open or nothing is to come, 3 a gate is closed, 4 a gate refuses, 75 it could not be known.
With --wait: 0 when it has come, 3 when the time is over or it does not come by itself any more, 4 when a gate refuses.";

pub(super) const SIMULATE: &str = "\
Examples:
  tidegate simulate                                          what this configuration makes of all that was seen
  tidegate simulate --from 90d 'common/*' --against new.yaml  the same under two configurations
  tidegate simulate --recording winter.json -o json

What the registries got and what people did is as it was; what the policy did is decided anew, by the same gates. Nothing
is asked of the repository or the registries: what is not known yet, `tidegate plan` brings.";

pub(super) const RECORD: &str = "\
Examples:
  tidegate record --write history.json
  tidegate record --from 2026-10-01 --to 2026-11-01 > october.json

docs/recording.md has the form. It holds names of services, images, files and authors, and the text of control files; no
credentials.";
