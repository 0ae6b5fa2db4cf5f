# SPDX-License-Identifier: GPL-2.0
# What a person calls.  The modules' own build rules are in Kbuild; `make help` lists all.

# The kernel to build for: KVER (a version or its beginning) or KDIR (its build folder);
# default: the running one.
target := $(if $(KDIR),--kdir '$(KDIR)',$(if $(KVER),--kver '$(KVER)'))
checks := $(foreach v,W C CF V LLVM,$(if $($(v)),$(v)='$($(v))'))
modules := nf_lcs_proto nf_conntrack_lcs nf_nat_lcs
# DESTDIR is what others call it. In full, because the kernel's make runs in a folder of its own.
override INSTALL_MOD_PATH := $(abspath $(or $(INSTALL_MOD_PATH),$(DESTDIR)))
export INSTALL_MOD_PATH

.DEFAULT_GOAL := modules
.PHONY: modules install uninstall clean help setup demo test matrix bench coverage fuzz bench-proto
.PHONY: check-sanitized races

modules:
	+@scripts/build $(target) $(checks) modules

install:
	@scripts/install-index $(target) --check
	+@scripts/build $(target) $(checks) modules
	+@scripts/build $(target) $(checks) CONFIG_MODULE_SIG_ALL= DEPMOD=true \
		INSTALL_MOD_PATH='$(INSTALL_MOD_PATH)' modules_install
	@scripts/install-index $(target)

uninstall:
	@scripts/install-index $(target) --remove $(modules)

clean:
	rm -rf build

setup:
	@scripts/setup

demo:
	@scripts/setup --need build,guest
	@scripts/demo $(if $(NATIVE),--native) $(if $(NAT),--nat)

test:
	@scripts/setup
	@scripts/test $(if $(KERNEL),--kernel '$(KERNEL)') $(if $(TEST),--test '$(TEST)')

# Every kernel: built with gcc and clang on many, the netns suite run on some; no part of
# `make test`.
matrix:
	@scripts/setup --need build,guest,matrix
	@scripts/matrix $(if $(BUILD),--build '$(BUILD)') $(if $(BOOT),--boot '$(BOOT)') \
		$(if $(TEST),--test '$(TEST)') $(if $(GUESTS),--guests '$(GUESTS)') \
		$(if $(FRESH),--fresh)

# What the helper costs, in counted instructions; no part of `make test`.
bench:
	@scripts/setup
	@scripts/bench $(TABLE)

# What the tests reach: of the protocol library in user space, of the modules on a kernel that
# counts, built once into the cache; no part of `make test`.
coverage:
	@scripts/setup --need build,guest,test,sanitized
	@scripts/coverage $(if $(ONLY),--only '$(ONLY)')

# The protocol library on its own: what breaks it, what it costs.
fuzz:
	@scripts/setup
	@scripts/fuzz --seconds $(or $(SECONDS),60)

bench-proto:
	@scripts/setup
	@scripts/bench-proto

# On a kernel that looks for mistakes, built once into the cache; no part of `make test`.
check-sanitized:
	@scripts/setup --need build,guest,test,sanitized
	@scripts/check-sanitized $(if $(TEST),--test '$(TEST)')

races:
	@scripts/setup --need build,guest,test,sanitized
	@scripts/check-sanitized --only races --seconds $(or $(SECONDS),600)

help:
	@echo 'make [KVER=6.12 | KDIR=DIR] [W=1] [C=2]  build the modules (default: for the running kernel)'
	@echo 'make install [KVER= | KDIR=] [DESTDIR=]  install them and rebuild the module index'
	@echo 'make uninstall [KVER= | KDIR=] [DESTDIR=] remove them again'
	@echo 'make demo [NATIVE=1] [NAT=1]             see a client sign in through a firewall'
	@echo 'make test [KERNEL=6.12] [TEST=NAME]      all tests, or those of one kernel or name'
	@echo 'make matrix [BUILD=only] [BOOT=7.3]       build and boot on many kernels (FRESH=1: all anew)'
	@echo 'make bench [TABLE=pairs|clients|nat]      what the helper costs, in counted instructions'
	@echo 'make coverage [ONLY=proto|modules]       lines and branches of lcs/proto and the modules that tests reach'
	@echo 'make fuzz [SECONDS=60]                   fuzz lcs/proto, so long for each target'
	@echo 'make bench-proto                         what reading a message costs, in counted instructions'
	@echo 'make check-sanitized [TEST=NAME]         KUnit and selftests on a kernel with KASAN, lockdep and so on'
	@echo 'make races [SECONDS=600]                 everything at once, on two CPUs of that kernel'
	@echo 'make setup                               only install what demo and test need'
	@echo 'make clean                               remove build/'
