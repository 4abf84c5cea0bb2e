# The verbs a person types. Everything sets itself up; nothing needs a cloud account.
SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(HOME)/.cache/callcenter-pro/target

# Always with --workspace: any other selection changes features, and compiles what the tests have compiled once more.
PLATFORM = cargo build --workspace --bin local-platform && exec "$(CARGO_TARGET_DIR)/debug/local-platform"

.PHONY: help run call reset test lint openapi bench soak fuzz build deploy deploy-local clean

help: ## what each verb does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: ## the whole platform on this machine, seeded, with an embedded database
	@$(PLATFORM) run

call: ## place a simulated call through it: make call SCENARIO=normal|winner-busy|..., or NUMBER=+1... KEY=ccp_live_..., or NUMBER=sip:... FROM=sip:... SIP_IP=...
	@$(PLATFORM) call $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(NUMBER),--number $(NUMBER) $(if $(KEY),--key $(KEY))) $(if $(FROM),--from $(FROM)) $(if $(SIP_IP),--sip-ip $(SIP_IP))

reset: ## forget the local platform's data
	@$(PLATFORM) reset

test: ## everything: format, lints, unit to end-to-end, conformance, template, emulator
	@infra/test.sh all

lint: ## formatting, clippy, structure
	@infra/test.sh lint

openapi: ## functions/api/openapi.json anew, after a change of routes or of what they say
	@OPENAPI=write cargo test --quiet --workspace --test rest document::the_committed

bench: ## figures, to be quoted; fails on nothing
	@cargo bench --workspace --bench '*'

soak: ## the long tests: kill storms, big loads
	@infra/test.sh soak

fuzz: ## every parser under cargo-fuzz; says what it needs (FUZZ_SECONDS=60 each)
	@infra/test.sh fuzz

build: ## release binaries for Lambda (ARCH=arm64|x86_64)
	@infra/tools/lambda-build.sh $(or $(ARCH),arm64)

deploy: ## to AWS: see infra/DEPLOY.md
	@infra/tools/deploy.sh

deploy-local: ## the unchanged template to the local AWS emulator, and the end-to-end test against it
	@infra/test.sh deploy-local

clean: ## remove what builds and runs left in this folder
	@rm -rf .artifacts .local .aws-sam
