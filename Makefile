# SPDX-License-Identifier: GPL-2.0
# What a person calls.  The modules' own build rules are in Kbuild; `make help` lists all.

# The kernel to build for: KVER (a version or its beginning) or KDIR (its build folder);
# default: the running one.
target := $(if $(KDIR),--kdir '$(KDIR)',$(if $(KVER),--kver '$(KVER)'))
checks := $(foreach v,W C CF V,$(if $($(v)),$(v)='$($(v))'))
modules := nf_lcs_proto nf_conntrack_lcs nf_nat_lcs

.DEFAULT_GOAL := modules
.PHONY: modules install uninstall clean help setup demo test bench

modules:
	+@scripts/build $(target) $(checks) modules

install: modules
	+@scripts/build $(target) CONFIG_MODULE_SIG_ALL= DEPMOD=true modules_install
	@scripts/install-index $(target)

uninstall:
	@scripts/install-index $(target) --remove $(modules)

clean:
	rm -rf build

setup:
	@scripts/setup

demo:
	@scripts/setup --need build,guest
	@scripts/demo $(if $(NATIVE),--native)

test:
	@scripts/setup
	@scripts/test $(if $(KERNEL),--kernel '$(KERNEL)') $(if $(TEST),--test '$(TEST)')

# What the helper costs, in counted instructions; no part of `make test`.
bench:
	@scripts/setup
	@scripts/bench $(TABLE)

help:
	@echo 'make [KVER=6.12 | KDIR=DIR] [W=1] [C=2]  build the modules (default: for the running kernel)'
	@echo 'make install [KVER= | KDIR=]             install them and rebuild the module index'
	@echo 'make uninstall [KVER= | KDIR=]           remove them again'
	@echo 'make demo [NATIVE=1]                     see a client sign in through a firewall'
	@echo 'make test [KERNEL=6.12] [TEST=NAME]      all tests, or those of one kernel or name'
	@echo 'make bench [TABLE=pairs|clients|nat]      what the helper costs, in counted instructions'
	@echo 'make setup                               only install what demo and test need'
	@echo 'make clean                               remove build/'
