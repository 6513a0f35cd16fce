# SPDX-License-Identifier: GPL-2.0-only
#
# kvm-one.  `make help` lists what there is to make.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := modules

# The kernel to build for, and where its build goes.
KDIR ?= /lib/modules/$(shell uname -r)/build
OUT ?= build/mod/$(notdir $(patsubst %/build,%,$(KDIR)))
DEPMOD ?= depmod

override OUT := $(abspath $(OUT))
kernelrelease = $(shell cat $(KDIR)/include/config/kernel.release)
moddir = $(DESTDIR)/lib/modules/$(kernelrelease)/updates/kvm-one
sudo := $(if $(filter 0,$(shell id -u)),,sudo)

# What runs in the lab root, with no make variables of this one.
inroot := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL tools/lab/inroot --
jobs := -j$(shell nproc)

##@ Modules
## modules: build kvm.ko and the backends for KDIR (the running kernel)
.PHONY: modules
modules: | $(KDIR)/Makefile
	@tools/modtree $(OUT)
	$(MAKE) -C $(KDIR) M=$(OUT) CONFIG_DEBUG_INFO_BTF_MODULES= modules

$(KDIR)/Makefile:
	@echo "No kernel headers in $(KDIR)." >&2
	@echo "Install linux-headers-$$(uname -r), or name others with KDIR=...;" >&2
	@echo "\`make modules-lab\` builds for the lab and needs none." >&2
	@false

## install: put the modules under updates/, where they win over the distribution's
.PHONY: install
install: modules
	install -d $(moddir)
	install -m 644 $(OUT)/*.ko $(moddir)
	$(DEPMOD) $(if $(DESTDIR),-b $(DESTDIR)) $(kernelrelease)

## uninstall: take them out again
.PHONY: uninstall
uninstall:
	rm -rf $(moddir)
	$(DEPMOD) $(if $(DESTDIR),-b $(DESTDIR)) $(kernelrelease)

## load: replace the loaded KVM modules by ours (KVM_PARAMS, KVM_VENDOR_PARAMS)
.PHONY: load
load: modules
	$(sudo) tools/load load $(OUT)

## unload: remove ours
.PHONY: unload
unload:
	$(sudo) tools/load unload

## clean: remove what was built (but not the lab root)
.PHONY: clean
clean:
	rm -rf build/mod build/dkms
	find build -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} + 2>/dev/null || true
	find build/lab -mindepth 1 -maxdepth 1 ! -name 'root*' -exec rm -rf {} + 2>/dev/null || true

##@ The lab
## modules-lab: build the modules for the lab's kernel, in the lab root
.PHONY: modules-lab
modules-lab:
	@mkdir -p build/lab
	@$(inroot) flock build/lab/mod.lock sh -c 'make $(jobs) modules W=1 \
		KDIR=/lib/modules/$$(cat /etc/kvm-one-kernel)/build OUT=build/lab/mod'

## labroot: make the lab root, or make it anew if its recipe has changed
.PHONY: labroot
labroot:
	tools/lab/mkroot

##@ Tests
## check-abi: compare the ABI headers with the lab root's, name by name
.PHONY: check-abi
check-abi:
	@$(inroot) tools/testing/abi/check-abi --root /

## selftests: build the programs against /dev/kvm into build/selftests
.PHONY: selftests
selftests:
	@$(inroot) make $(jobs) -C tools/testing/selftests/kvm

.PHONY: help
help:
	@awk '/^##@ /{print "\n" substr($$0, 5)} \
	     /^## /{i = index($$0, ":"); printf "  %-14s%s\n", substr($$0, 4, i - 4), substr($$0, i + 1)}' \
		Makefile
