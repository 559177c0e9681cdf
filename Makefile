# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOOL := go tool -modfile=$(CURDIR)/hack/tools/go.mod
UNIT := ./cmd/... ./hack/... ./internal/...
# Modules that only say which tool is built: there is no code in them.
CODELESS := test/helm/v3 test/helm/v4 test/kube-router hack/release/cosign hack/tools/actionlint
# Modules of their own, so that what tests need is not what the product needs.
MODULES := $(filter-out $(CODELESS),$(patsubst %/go.mod,%,$(wildcard test/*/go.mod)) hack/images hack/release)
COUNT ?= 6
# A bound for what hangs. Go's own, 10 minutes for each package, is short on a busy machine.
BOUND := -timeout 2h

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/webhook, bin/helper, bin/certificates and bin/kubectl-pillion
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

.PHONY: demo
demo: ## Show injected content that follows git, in a minute (FULL=1 shows all; NODE=1 is on a real node: root, Linux)
ifeq ($(NODE),1)
	@$(MAKE) --no-print-directory demo-node NODE='go run ./test/node'
else
	@echo "Building the demo: seconds, or some minutes the first time"
	@go run ./hack/demo $(if $(FULL),--full)
endif

# With real containers, as an end-to-end test has them, without the words of go test.
.PHONY: demo-node
demo-node: e2e-check e2e-images
	@$(NODE) run $(addprefix --image ,$(E2E_IMAGES)) -- \
	  go test $(BOUND) -count=1 -v -run '^TestTheTranscript$$' ./test/e2e/ | sed -e '/^===/d; /^---/d; /^PASS$$/d; /^ok /d; s/^    //'

.PHONY: recording
recording: ## Run the demo, and write docs/img/demo.svg from what it prints
	go run ./hack/demo --fixed-ports --record docs/img/demo.svg

.PHONY: test
test: test-unit test-integration ## Run all tests

.PHONY: test-unit
test-unit: ## Run the tests that need no Kubernetes, with the race detector
	CGO_ENABLED=1 go test $(BOUND) -race $(UNIT)
	# Skipped or shortened above: the race detector allocates, and takes long.
	go test $(BOUND) -run 'Allocate|ThreeMegabytes|WithoutEnd|NotHeldInMemory|AndLogsAreBounded' ./internal/admission ./internal/gitfetch
	go -C hack/images test $(BOUND) ./...
	CGO_ENABLED=0 go -C hack/release test $(BOUND) .

# Uncached: go test cannot see that the webhook or a manifest has changed. The
# modules test/oracle and test/chart share the compiled packages of test/cluster, which has no cgo.
.PHONY: test-integration
test-integration: cluster ## Run the tests that need Kubernetes, or its source
	go -C test/cluster test $(BOUND) .
	CGO_ENABLED=0 go -C test/oracle test $(BOUND) ./...
	CGO_ENABLED=0 go -C test/chart test $(BOUND) -count=1 ./...
	CGO_ENABLED=0 go -C test/browser test $(BOUND) -count=1 .
	go test $(BOUND) -count=1 ./test/...

# What is imported into the node: the product's images for this machine, and Debian's
# programs for the tests.
E2E_IMAGES := $(patsubst %,bin/images/pillion-%.tar,webhook helper certificates kubectl e2e)
# And what cert-manager's chart runs, for the tests of the installation.
CERT_MANAGER := bin/images/pillion-certmanager.tar
NODE := go run ./test/node

.PHONY: images
images: ## Write the OCI archives of the images to bin/images
	go -C hack/images run . build --out $(CURDIR)/bin/images

.PHONY: push
push: ## Push the images of `make images` to REGISTRY, which is the imageRegistry of an installation
	go -C hack/images run . push --from $(CURDIR)/bin/images $(if $(REGISTRY),--registry "$(REGISTRY)/pillion-dev")

# A release is of a tag; docs/release.md says how it is made. REGISTRY may be another than
# that of the project. SIGN says who signs: --key=FILE, or --keyless in GitHub Actions.
RELEASE = $(CURDIR)/bin/release/$(VERSION)
COSIGN := $(CURDIR)/bin/cosign

.PHONY: release
release: $(if $(SIGN),cosign) ## Make all that is published of VERSION, such as v0.1.0, in bin/release/VERSION
	CGO_ENABLED=0 go -C hack/release run . build --version "$(VERSION)" --out "$(RELEASE)" $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(BUILDER),--builder "$(BUILDER)")
ifdef SIGN
	CGO_ENABLED=0 go -C hack/release run . sign --from "$(RELEASE)" --cosign $(COSIGN) $(SIGN)
endif

.PHONY: release-push
release-push: $(if $(SIGN),cosign) ## Push the images and the chart of `make release` to its registry
	CGO_ENABLED=0 go -C hack/release run . push --from "$(RELEASE)" $(if $(SIGN),--cosign $(COSIGN) $(SIGN),--unsigned)

.PHONY: cosign
cosign: ## Build bin/cosign, which signs (ten minutes the first time)
	CGO_ENABLED=0 go -C hack/release/cosign build -trimpath -o $(COSIGN) github.com/sigstore/cosign/v3/cmd/cosign

.PHONY: test-release
test-release: cosign ## Run the tests of releases, with real signatures and both Helms
	CGO_ENABLED=0 COSIGN=$(COSIGN) HELM="$$(go -C test/cluster run . helm/v3)/helm $$(go -C test/cluster run . helm/v4)/helm" \
	  go -C hack/release test $(BOUND) -count=1 .

.PHONY: e2e-images
e2e-images:
	go -C hack/images run . build --arch $$(go env GOARCH) --out $(CURDIR)/bin/images
	go run ./test/e2e/images --out bin/images/pillion-e2e.tar

# What a machine lacks is to be said before minutes of work.
.PHONY: e2e-check
e2e-check:
	@$(NODE) check

# Built before a node runs, which is in nobody's way while it waits.
.PHONY: e2e-tools
e2e-tools:
	for set in node certmanager helm/v3 helm/v4; do go -C test/cluster run . $$set; done
	go -C hack/images run . pack --root "$$(go -C test/cluster run . certmanager)" --entrypoint /certmanager --user 65532:65532 \
	  --name pillion.test/certmanager:dev --out $(CURDIR)/$(CERT_MANAGER)

# An installation is cluster-wide, so its tests have a cluster of their own, whose kubelet takes
# the time to renew a certificate that users' kubelets take; and another one for what would be the
# same there. They run one after the other: two processors are busy with one cluster.
ELSEWHERE := ByHelm3|WithoutCertManager
.PHONY: e2e
e2e: e2e-check e2e-images e2e-tools ## Run the end-to-end tests on real nodes that start and stop by themselves (root, Linux)
	$(NODE) run $(addprefix --image ,$(E2E_IMAGES)) -- go test $(BOUND) -count=1 -v -parallel 4 ./test/e2e/
	$(NODE) run $(addprefix --image ,$(E2E_IMAGES) $(CERT_MANAGER)) -- go test $(BOUND) -count=1 -v -run '$(ELSEWHERE)' ./test/e2e/install/
	$(NODE) run --kubelet-sync 1m $(addprefix --image ,$(E2E_IMAGES) $(CERT_MANAGER)) -- go test $(BOUND) -count=1 -v -skip '$(ELSEWHERE)' ./test/e2e/install/

# With their API servers and kube-router, two nodes take longer than CI has.
.PHONY: e2e-two-nodes
e2e-two-nodes: e2e-images e2e-tools ## Run those of the installation on two nodes with two API servers, NetworkPolicies enforced (half an hour)
	@$(NODE) check --network-policies
	go -C test/cluster run . kube-router
	$(NODE) run --nodes 2 --network-policies --kubelet-sync 1m $(addprefix --image ,$(E2E_IMAGES) $(CERT_MANAGER)) -- \
	  go test $(BOUND) -count=1 -v -skip '$(ELSEWHERE)' ./test/e2e/install/

# A node that has no image of Pillion. Signatures are verified before anything is installed.
.PHONY: e2e-release
e2e-release: e2e-check cosign e2e-images e2e-tools ## Install, upgrade and roll back signed releases from a registry (root, Linux; half an hour the first time)
	E2E_RELEASE=1 COSIGN=$(COSIGN) $(NODE) run --image bin/images/pillion-e2e.tar -- \
	  go test $(BOUND) -count=1 -v -run '^(TestReleases|TestARegistryOfYourOwn)$$' ./test/e2e/install/

.PHONY: e2e-up
e2e-up: e2e-check e2e-images ## Start the node and leave it running
	$(NODE) up $(addprefix --image ,$(E2E_IMAGES))

.PHONY: e2e-down
e2e-down: ## Stop the node of e2e-up
	$(NODE) down

.PHONY: cluster
cluster: ## Download or build etcd and Kubernetes, once per version (some minutes)
	go -C test/cluster run .

.PHONY: bench
bench: ## Run the benchmarks COUNT times and summarise them; fails above 1.25 of the committed ratios
	mkdir -p bin
	go test -bench . -benchmem -run '^$$' -count $(COUNT) $(UNIT) | tee bin/bench.txt
	go test -bench . -run '^$$' -count $(COUNT) ./test/bench | tee -a bin/bench.txt
	$(TOOL) benchstat bin/bench.txt

.PHONY: bench-apiserver
bench-apiserver: cluster ## Compare whole creations with a MutatingAdmissionPolicy, COUNT rounds
	go test -bench . -run '^$$' -count $(COUNT) ./test/bench/apiserver

.PHONY: measure-poller
measure-poller: ## Measure git-poller beside git (some ten minutes)
	POLLER_MEASURE=1 go test -count=1 -v -run TestMeasure -timeout 60m ./test/poller

# An hour and more on two cores. What gremlins calls "not covered" are mostly the conditions
# of cases and constants, which Go's coverage does not see.
.PHONY: mutants
mutants: ## See whether the tests notice changes to the deciding code (long)
	for package in inject policy; do $(TOOL) gremlins unleash --timeout-coefficient 30 --threshold-efficacy 90 ./internal/$$package; done

.PHONY: lint
lint: ## Check style, the imports between packages, and that no built program is committed
	@large=$$(git ls-tree -rl HEAD | awk '$$4 > 1000000 {print $$5}'); \
	if [ -n "$$large" ]; then echo "make lint: these files have more than a megabyte; is that a built program?" $$large >&2; exit 1; fi
	$(TOOL) golangci-lint run
	go tool -modfile=$(CURDIR)/hack/tools/actionlint/go.mod actionlint
	for module in $(MODULES); do (cd $$module && CGO_ENABLED=0 $(TOOL) golangci-lint run -c $(CURDIR)/.golangci.yaml); done

# govulncheck exits with 3 for a finding, and with 1 if its database cannot be reached.
.PHONY: vuln
vuln: ## Check for known vulnerabilities, if vuln.go.dev can be reached
	@for module in . hack/images hack/release; do \
	  status=0; (cd $$module && $(TOOL) govulncheck ./...) || status=$$?; \
	  if [ $$status = 3 ]; then exit 3; fi; \
	  if [ $$status != 0 ]; then echo "make vuln: $$module was not checked, see above" >&2; fi; \
	done

.PHONY: flood
flood: ## Measure the webhook beside callers who mean harm (some minutes)
	FLOOD_MEASURE=1 go test $(BOUND) -count=1 -v -run Measure ./test/flood

.PHONY: fmt
fmt: ## Format all Go files
	$(TOOL) golangci-lint fmt

.PHONY: generate
generate: ## Write docs/reference from the code, and config from the chart
	go run ./hack/docs
	go run ./hack/plots
	go run ./cmd/kubectl-pillion reference >docs/reference/kubectl-pillion.md
	CGO_ENABLED=0 go -C test/chart run ./generate

SITE ?= bin/site

# The address of the schemas does not change; see docs/release.md.
.PHONY: docs
docs: ## Build the documentation in bin/site, and check it strictly
	@command -v mkdocs >/dev/null || { echo "make docs: there is no mkdocs; install mkdocs-material, by apt (Debian 12) or pip" >&2; exit 1; }
	mkdocs build --strict --site-dir "$(abspath $(SITE))"
	mkdir -p "$(SITE)/schema"
	cp docs/reference/*.schema.json "$(SITE)/schema"

.PHONY: docs-serve
docs-serve: ## Serve the documentation at http://127.0.0.1:8000, and build it again when a page changes
	mkdocs serve --strict

.PHONY: verify
verify: generate lint test ## All that a pull request must pass; leaves no difference
	for module in . $(MODULES) $(CODELESS); do go -C $$module mod tidy -diff; done
	git diff --exit-code
	@new=$$(git ls-files --others --exclude-standard); \
	if [ -n "$$new" ]; then echo "make verify: these files are not committed:" $$new; exit 1; fi

.PHONY: clean
clean: ## Remove what make built here (Kubernetes stays in the user's cache directory)
	rm -rf bin
