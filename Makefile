# Two commands do everything: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help run build test lint bench chaos clean
STAMP := node_modules/.installed

help: ## Lists what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): package.json package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 18)) { console.error("Node 20.18 or later is needed, this is " + process.version); process.exit(1) }'
	npm ci --no-audit --no-fund
	@touch $(STAMP)

build: $(STAMP) ## Compiles to dist/
	npm run --silent build

run: build ## Installs, builds and starts the daemon
	@node dist/main.js

test: $(STAMP) ## Passes the tests; installs what they need
	./scripts/test

lint: $(STAMP) ## Types, style, import rules
	npx tsc
	npx biome ci .
	npx depcruise src --config .dependency-cruiser.cjs

bench: build ## Measures beside the bare ceiling and prints ratios; ONLY=accept for one
	./scripts/need redis-server
	npx tsc -p tsconfig.bench.json
	cp -R src/state/postgres/migrations dist-bench/src/state/postgres/
	node dist-bench/bench/main.js $(ONLY)

chaos: build ## The long form of the crash tests
	./scripts/need redis-server
	CHAOS=long npx tap test/chaos --timeout=1800

clean: ## Removes what was built
	rm -rf dist dist-bench .tap
