//! The examples behind the help of commands that have several.

pub(super) const HOLD: &str = "\
Examples:
  tidegate hold common/graphql-server --env prod --expires 4h --reason 'we look into the errors'
  tidegate hold 'mobile-*/*' --reason 'the gateway is being moved'
  tidegate hold --all --env prod --expires 2026-12-01T09:00 --reason 'incident 4711'

Holds everything when no service is named; that must be confirmed, or said by --all. Promotions by hand are held too,
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
