# What a person or CI does with Tidegate. Every target does its own set-up on a machine with Rust.

CARGO ?= cargo
# Properties try the same cases every time; another seed tries others.
SEED ?= 20261130

.DEFAULT_GOAL := help
.PHONY: help demo test soak bench lint release

help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## See the whole thing on this machine, in about half a minute (ARGS=--keep keeps its board up)
	@scripts/install-parts.sh git
	@$(CARGO) build --locked
	@$(CARGO) run --quiet --locked -- demo $(ARGS)

test: ## Run every test, against real parts
	@scripts/install-parts.sh git docker-registry ssh=openssh-client sshd=openssh-server gpg gpg-agent \
		bwrap=bubblewrap python3 systemd-analyze=systemd update-ca-certificates=ca-certificates aiosmtpd=python3-aiosmtpd \
		promtool=prometheus chromium chromedriver=chromium-driver npm
	@scripts/install-kube.sh >/dev/null
	@scripts/install-axe.sh >/dev/null
	PROPTEST_RNG_SEED=$(SEED) $(CARGO) test --locked

soak: ## Kill passes thousands of times (KILLS=5000) among people who merge, force, rename and hold, and audit the branch
	@scripts/install-parts.sh git docker-registry python3
	TIDEGATE_SOAK=$(or $(KILLS),5000) $(CARGO) test --locked --test rooms -- --nocapture journey::soak journey::audit \
		journey::crashes git::races

bench: ## Measure
	@scripts/install-parts.sh git docker-registry
	$(CARGO) bench --locked

lint: ## Check format, lints, the fuzz targets and the documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

release: ## Make dist/: static programs, checksums, completions, manual pages, a list of what is in them
	@scripts/release.sh
