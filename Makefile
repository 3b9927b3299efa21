# SPDX-License-Identifier: Apache-2.0
# The front door: each target installs what it needs (scripts/install-deps) and calls CMake.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
CC ?= cc
CMAKE_FLAGS ?=
# A user without network or root can set NO_INSTALL_DEPS=1 once the packages are there.
NO_INSTALL_DEPS ?=

.PHONY: all demo test bench fuzz faults soak coverage lint install uninstall clean deps-build deps-demo deps-test format

all: deps-build
	@cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS) -DRNM_TESTS=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build $(BUILD)

deps-build:
	@$(if $(NO_INSTALL_DEPS),true,scripts/install-deps build)

deps-demo:
	@$(if $(NO_INSTALL_DEPS),true,scripts/install-deps build demo)

deps-test:
	@$(if $(NO_INSTALL_DEPS),true,scripts/install-deps build demo test)

deps-deb:
	@$(if $(NO_INSTALL_DEPS),true,scripts/install-deps deb)

demo: deps-demo all
	@scripts/demo $(BUILD)/rnm

test: deps-test
	@scripts/test

bench: deps-test all
	@bench/run $(BUILD)/rnm

.PHONY: deb test-package deps-deb

# The Debian packages, in build-deb/.
deb: deps-deb
	@scripts/deb

# Builds them twice and tries them in a clean chroot; needs a mirror of Debian.
test-package: deps-deb
	@tests/package/run

# T: seconds for each target.
fuzz: deps-test
	@tests/fuzz/run $(or $(T),60)

# Lets every system call and allocation of every command fail once, and kills exports for a minute each: hours.
# `make test` does the same for every place in the code that calls.
faults: deps-test
	@CC=clang cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=Debug -DRNM_SANITIZE=ON >/dev/null
	@cmake --build build-asan
	@tests/faults/run --exhaustive build-asan/rnm_faults
	@RNM=$(CURDIR)/build-asan/rnm RNM_BUILD=$(CURDIR)/build-asan RNM_KILL_SECONDS=60 bats tests/cli/kill.bats tests/cli/publish.bats tests/cli/publish_s3.bats

# T: seconds under load; `make test` has four of them.
soak: deps-test all
	@tests/load/run --seconds $(or $(T),600) $(BUILD)/rnm

coverage: deps-test
	@scripts/coverage

lint: deps-test
	@scripts/lint

install: all
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

# What the last `make install` put there.
uninstall:
	xargs -r -I {} rm -f $(DESTDIR){} <$(BUILD)/install_manifest.txt
	rm -f $(DESTDIR)$(PREFIX)/bin/neural_export

format:
	clang-format -i $$(git ls-files 'lib/*.[ch]' 'cli/*.[ch]' 'include/*.h' 'bench/*.c')

clean:
	rm -rf build build-*
