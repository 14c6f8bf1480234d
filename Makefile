# Crossover. `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help deps build test test-asan test-tsan fuzz bench tune smoke plots micro checks peers lint format clean

BUILD   := build
PYTHON  := /usr/bin/python3
RESULTS ?= results/latest
EXPERIMENT ?= connections
JOBS    := $(shell nproc)
FUZZ_SECONDS ?= 60
FUZZ_BYTES_MAX := 12000

# Debian 12's names. What is there is not touched; what is missing is installed as root or through
# sudo, and named where neither is to be had.
PACKAGES := g++ cmake ninja-build libboost1.81-dev libboost-context1.81-dev liburing-dev libelf-dev nlohmann-json3-dev \
            libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev zlib1g-dev python3 python3-matplotlib python3-jsonschema
TEST_PACKAGES := curl wrk
CHECK_PACKAGES := curl wrk nghttp2-client apache2-utils slowhttptest
PEER_PACKAGES := nginx golang-go golang-github-valyala-fasthttp-dev
CLANG_PACKAGES := clang libclang-rt-14-dev
LINT_PACKAGES := clang clang-format clang-tidy

help: ## says what there is
	@echo "Crossover compares server architectures under the same HTTP work."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

bench: build ## runs EXPERIMENT (connections: 200, 8,000 and 16,000 of them); ends with charts
	$(BUILD)/crossover run harness/experiments/$(EXPERIMENT).json

tune: build ## finds the best knobs of each architecture of EXPERIMENT on this machine
	$(BUILD)/crossover tune harness/experiments/$(EXPERIMENT).json

smoke: build ## the same path on a small experiment, under a minute
	$(BUILD)/crossover run harness/experiments/smoke.json

test: deps-test ## builds, and runs all tests
	@test -f $(BUILD)/build.ninja || cmake --preset release
	cmake --build --preset release
	ctest --preset release -j $(JOBS)

# clang, since it compiles what the sanitizers add in half the time that gcc takes.
test-asan: deps-clang ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	cmake --preset asan && cmake --build --preset asan --target programs tests
	ctest --preset asan -j $(JOBS)

# What has threads: the harness and the charts have none.
test-tsan: deps-clang ## the servers' and the load generator's tests under ThreadSanitizer, built with clang
	cmake --preset tsan
	cmake --build --preset tsan --target base_test servers_test loadgen_test crossover-server crossover-load
	ctest --preset tsan -j $(JOBS) -R '^(base|servers|loadgen|crossover_load)_' -E uring_refusal

fuzz: deps-clang ## looks FUZZ_SECONDS (60) long for inputs that break each fuzz target; keeps the new ones
	cmake --preset fuzz && cmake --build --preset fuzz
	@$(call fuzz,http_session,servers)
	@$(call fuzz,response_check,loadgen)

plots: ## draws the charts of RESULTS (results/latest) again
	$(PYTHON) plots/charts.py $(RESULTS)

micro: build ## micro-benchmarks of what every request passes through
	cmake --build --preset release --target servers_bench loadgen_bench
	$(BUILD)/servers_bench
	$(BUILD)/loadgen_bench
	$(BUILD)/crossover-costs

checks: build deps-checks ## other people's clients, and what each architecture survives; takes a while
	@status=0; set -x; \
	$(PYTHON) servers/checks/clients.py --build $(BUILD) || status=1; \
	$(PYTHON) servers/checks/robustness.py --build $(BUILD) || status=1; \
	exit $$status

peers: build deps-peers ## architectures against nginx, Go's net/http and fasthttp, and one that parses nothing
	cmake --build --preset release --target crossover-server-raw
	$(PYTHON) servers/checks/peers.py --build $(BUILD) \
	  --peer 'raw=$(BUILD)/crossover-server-raw --architecture event-loop --listen {address}:{port}' \
	  --pairs event-loop:nginx,io-uring-per-core:nginx,thread-per-connection:nethttp,worker-pool:fasthttp,event-loop:raw

build: deps ## builds build/crossover, build/crossover-server, build/crossover-load and build/crossover-costs
	@test -f $(BUILD)/build.ninja || cmake --preset release
	cmake --build --preset release --target programs

lint: deps-lint ## clang-format and clang-tidy; warnings are errors
	clang-format --dry-run --Werror $$(git ls-files '*.cc' '*.h')
	cmake --preset release -B build-lint -DCMAKE_CXX_COMPILER=clang++ \
	  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_UNITY_BUILD=ON
	$(PYTHON) .ci/lint.py build-lint $(JOBS)

format: deps-lint ## formats the C++ sources
	clang-format -i $$(git ls-files '*.cc' '*.h')

deps: ## installs the Debian packages that are missing
	@$(call need,$(PACKAGES))
.PHONY: deps-test deps-checks deps-peers deps-clang deps-lint
deps-test:
	@$(call need,$(PACKAGES) $(TEST_PACKAGES))
deps-checks:
	@$(call need,$(PACKAGES) $(CHECK_PACKAGES))
# Debian starts nginx where it installs it. Ours are started by the script; that one is stopped again.
deps-peers:
	@fresh=; test -x /usr/sbin/nginx || fresh=1; \
	( $(call need,$(PACKAGES) $(PEER_PACKAGES)) ) || exit $$?; \
	test -n "$$fresh" && test -e /run/nginx.pid || exit 0; \
	if [ "$$(id -u)" = 0 ]; then service nginx stop; else sudo service nginx stop; fi
deps-clang:
	@$(call need,$(PACKAGES) $(TEST_PACKAGES) $(CLANG_PACKAGES))
deps-lint:
	@$(call need,$(PACKAGES) $(LINT_PACKAGES))

clean: ## removes what was built; results stay
	rm -rf build build-asan build-tsan build-fuzz build-lint

# fuzz(target, folder): goes on from the kept corpus and from what earlier runs have found, then keeps
# the smallest set of inputs that covers as much. What breaks the target stays as a file crash-* in
# build-fuzz/$(target), and ends this.
define fuzz
set -e; kept=$(2)/corpus/$(1); work=build-fuzz/$(1); \
rm -rf $$work/merged; mkdir -p $$kept $$work/found $$work/merged; \
build-fuzz/$(1)_fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_BYTES_MAX) -timeout=60 -print_final_stats=1 \
  -artifact_prefix=$$work/ $$work/found $$kept; \
build-fuzz/$(1)_fuzz -merge=1 -use_counters=0 $$work/merged $$kept $$work/found; \
rm -f $$kept/*; cp $$work/merged/* $$kept/; echo "$$kept: $$(ls $$kept | wc -l) inputs, $$(du -k --apparent-size $$kept | cut -f 1) KiB"
endef

define need
missing=; \
if ! command -v dpkg-query >/dev/null; then \
  echo "This is no Debian: make sure that there are (Debian's names) $(1)"; exit 0; \
fi; \
for package in $(1); do \
  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
done; \
test -n "$$missing" || exit 0; \
if [ "$$(id -u)" = 0 ]; then as_root=; \
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then as_root=sudo; \
else echo "Missing packages; as root: apt-get install$$missing" >&2; exit 2; fi; \
echo "Installing$$missing"; \
{ $$as_root apt-get update -qq && \
  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
{ echo "Could not install$$missing: see above" >&2; exit 2; }
endef
