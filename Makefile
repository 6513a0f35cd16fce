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

# For our modules only, whatever the kernel was built with: a srcversion, by which a
# loaded module can be told from another; no type information, which would need the
# kernel's unstripped image.
kernelconfig := CONFIG_MODULE_SRCVERSION_ALL=y CONFIG_DEBUG_INFO_BTF_MODULES=

# The lab machine's kernel: the root's own, or the one built in LAB_KERNEL.
LAB_KERNEL ?=
export LAB_KERNEL
override LAB_KERNEL := $(abspath $(LAB_KERNEL))
labmod := build/lab/mod$(if $(LAB_KERNEL),-$(notdir $(LAB_KERNEL)))
labkdir := $(or $(LAB_KERNEL),/lib/modules/$$(cat /etc/kvm-one-kernel)/build)

# The lab machine: VENDOR=intel, CPU=model, SMP=n, PARAMS="module.name=value ...", MODULE=stock.
lab = tools/lab/lab --module $(or $(MODULE),ours) $(if $(VENDOR),--vendor $(VENDOR)) $(if $(CPU),--cpu $(CPU)) \
	$(if $(SMP),--smp $(SMP)) $(foreach p,$(PARAMS),--param $(p))

# What runs in the lab root, with no make variables of this one.
inroot := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL LAB_BIND="$$LAB_BIND $(LAB_KERNEL)" tools/lab/inroot --
jobs := -j$(shell nproc)
selftests-build = $(inroot) sh -c 'make $(jobs) --no-print-directory -C tools/testing/selftests/kvm KDIR=$(labkdir)'

##@ First
## run: the tour: build, boot the lab, load the modules, run a Linux guest on them
.PHONY: run
run:
	@tools/lab/mkroot
	@$(MAKE) modules-lab
	@$(inroot) tools/lab/tour --initrd build/lab/tour.cpio
	@tools/lab/lab --console --timeout 600 -- tools/lab/tour build/lab/tour.cpio

##@ Modules
## modules: build kvm.ko and the backends for KDIR (the running kernel)
.PHONY: modules
modules: | $(KDIR)/Makefile
	@tools/modtree $(OUT)
	$(MAKE) -C $(KDIR) M=$(OUT) $(kernelconfig) modules
	@tools/check-exports $(KDIR) $(OUT)

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
		KDIR=$(labkdir) OUT=$(labmod)'

## kernel-debug: build a kernel that finds bugs (KASAN, lockdep ...), for LAB_KERNEL=build/lab/debug
.PHONY: kernel-debug
kernel-debug:
	@tools/lab/mkkernel build/lab/debug

## labroot: make the lab root, or make it anew if its recipe has changed
.PHONY: labroot
labroot:
	tools/lab/mkroot

##@ Tests (each ends with "N passed, N failed")
## check: all of them; under three quarters of an hour on two CPUs
.PHONY: check
check:
	@MAKE="$(MAKE)" tools/testing/run lint abi docs unit fuzz models test-lab selftests selftests-ryzen tracing reload guests \
		irqchips samples bench-short host selftests-intel reload-intel tracing-intel guest-intel

## check-quick: the ones that take a moment; under five minutes
.PHONY: check-quick
check-quick:
	@MAKE="$(MAKE)" tools/testing/run lint abi docs unit models selftests selftests-intel-quick

## lint: layout, warnings, sparse (V=1 lists what passed)
.PHONY: lint
lint:
	@$(inroot) env V=$(V) tools/testing/lint

## format: lay every C file out as lint wants it
.PHONY: format
format:
	@$(inroot) tools/testing/lint --fix

## abi: our <linux/kvm.h> against the distribution's
.PHONY: abi
abi:
	@$(inroot) tools/testing/runtests -- tools/testing/abi/check-abi --root /

## abi-stock: what our modules and the distribution's answer to every ioctl, and where that is not the same
.PHONY: abi-stock
abi-stock: modules-lab
	@mkdir -p build/abi
	@$(inroot) gcc -O1 -Wall -static -D_GNU_SOURCE -Iinclude/uapi -Iarch/x86/include/uapi -o build/abi/probe \
		tools/testing/abi/probe.c
	@tools/lab/lab --module stock -- build/abi/probe >build/abi/stock.txt
	@tools/lab/lab -- build/abi/probe >build/abi/ours.txt
	@tools/testing/abi/compare build/abi/ours.txt build/abi/stock.txt

## unit: the pure rooms, in user space (ONLY=test_x V=1 for one)
.PHONY: unit
unit:
	@$(inroot) make $(jobs) --no-print-directory -C tools/testing/unit check $(if $(ONLY),ONLY="$(ONLY)") $(if $(V),V=1)

## fuzz: the pure rooms under fuzzers, with a fixed and a fresh seed (ONLY=fuzz_x SECONDS=600 SEED=n)
.PHONY: fuzz
fuzz:
	@$(inroot) make $(jobs) --no-print-directory -C tools/testing/fuzz check \
		$(if $(ONLY),ONLY="$(ONLY)") $(if $(SECONDS),SECONDS=$(SECONDS)) $(if $(SEED),SEED=$(SEED)) $(if $(V),V=1)

## models: the Spin models of the lock-free protocols
.PHONY: models
models:
	@$(inroot) sh -c 'exec tools/testing/runtests $(if $(V),--verbose) --timeout 600 \
		$$(for m in tools/testing/models/*/run; do [ -x $$m ] && echo -- $$m; done)'

## test-lab: the lab itself
.PHONY: test-lab
test-lab: labroot
	@tools/testing/lab/run

## selftests: the programs against /dev/kvm, in the lab (ONLY=program, VENDOR=intel,
##            CPU=model, PARAMS="kvm_intel.vpid=0", SMP=n, MODULE=stock)
.PHONY: selftests
selftests: $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(selftests-build)
	@$(lab) $(gib) --timeout 3600 -- build/selftests/run $(if $(V),-v) $(ONLY)

# QEMU's machine sets a page of 1 GiB aside; Bochs' has no memory for that.
gib = $(if $(filter intel,$(VENDOR))$(CPU),,--mem 5G --append "hugepagesz=1G hugepages=1")

## selftests-intel: all of them on the Intel machine, and some with each feature off (MODULE=stock)
.PHONY: selftests-intel
selftests-intel: $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(selftests-build)
	@tools/testing/selftests/intel $(or $(MODULE),ours)

## selftests-ryzen: those that next RIP, flush by ASID and the pause filter matter to, on Bochs' AMD machine
.PHONY: selftests-ryzen
selftests-ryzen:
	@$(MAKE) selftests CPU=ryzen SMP=1 ONLY="run_exit insn_length exceptions interrupt nmi reinject debugregs guest_debug \
		user_mode paging unmap memslot_running dirty_log huge_pages pv_smp"

.PHONY: selftests-intel-quick
selftests-intel-quick:
	@$(MAKE) selftests VENDOR=intel SMP=1 ONLY="run_exit real_mode paging exceptions interrupt halt apic_timer"

## host: where the modules do not load; kexec, sleep, a crash and a reset while guests run (VENDOR)
.PHONY: host
host: modules-lab
	@$(inroot) make $(jobs) --no-print-directory -C tools/testing/selftests/kvm
	@tools/testing/host/run $(or $(VENDOR),amd)

## reload: load and unload our modules and the distribution's in turn (VENDOR, TIMES)
.PHONY: reload
reload: modules-lab
	@$(inroot) make $(jobs) --no-print-directory -C tools/testing/selftests/kvm
	@$(lab) --module none --timeout 3600 -- tools/testing/reload/run $(labmod) build/selftests/run_exit $(TIMES)

## reload-intel: the same on the Intel machine
.PHONY: reload-intel
reload-intel:
	@$(MAKE) reload VENDOR=intel SMP=1 TIMES=$(or $(TIMES),10)

## guest-intel: Linux straight from QEMU to its shell, on the Intel machine, with and without unrestricted guest
.PHONY: guest-intel
guest-intel: modules-lab
	@$(inroot) tools/lab/tour --initrd build/lab/tour.cpio
	@tools/testing/guests/intel build/lab/tour.cpio

# Long runs on both CPUs of QEMU's machine need a third, see lab.rst.
spare = $(if $(filter intel,$(VENDOR)),,--spare-cpu)

## guests: Linux under QEMU in the lab, from a disk, with network (VENDOR, MODULE=stock)
.PHONY: guests
guests: $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(inroot) tools/testing/guests/mkdisk build/guests/disk.img
	@$(lab) $(spare) --timeout 1200 --share build/guests -- tools/testing/guests/qemu build/guests/disk.img

## tracing: perf, trace-cmd, kvm_stat and kvm-top over a guest in the lab (VENDOR, MODULE=stock, SHORT=1)
.PHONY: tracing
tracing: samples-build $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(inroot) make $(jobs) --no-print-directory -C tools/testing/tracing
	@$(inroot) tools/testing/tracing/get-kvm-stat build/tracing/kvm_stat
	@$(lab) --timeout 1200 -- tools/testing/tracing/run $(if $(SHORT),--short) build/tracing/workload build/samples \
		$$(ls build/tracing/kvm_stat 2>/dev/null)

.PHONY: tracing-intel
tracing-intel:
	@$(MAKE) tracing VENDOR=intel SMP=1 SHORT=1

## irqchips: Linux under QEMU with the controllers in the kernel, half and not; clocks under stress (ONLY=split SECONDS=600)
.PHONY: irqchips
irqchips: $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(inroot) tools/testing/guests/mkdisk build/guests/disk.img
	@$(lab) $(spare) --timeout 3600 --share build/guests -- tools/testing/guests/irqchips build/guests/disk.img \
		$(or $(SECONDS),60) $(ONLY)

## samples: the small VMMs of samples/, built and run in the lab (VENDOR, MODULE=stock)
.PHONY: samples samples-build
samples: samples-build $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(lab) --timeout 1800 -- samples/check
samples-build:
	@$(inroot) make $(jobs) --no-print-directory -C samples
	@$(inroot) samples/mkinitrd build/samples/initrd samples/guest-init

## docs: the documentation as HTML, in build/docs
.PHONY: docs
docs:
	@$(inroot) sphinx-build -W --keep-going -q -d build/docs/.doctrees Documentation/virt/kvm build/docs && \
		echo "1 passed, 0 failed"

##@ Measuring
## bench: what exits and calls cost, ours beside stock (MODULE=ours for one, VENDOR=intel, JSON=, SVG=, RST=)
.PHONY: bench bench-short
bench: samples-build $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(inroot) make $(jobs) --no-print-directory -C tools/bench
	@tools/bench/run $(if $(VENDOR),--vendor $(VENDOR)) $(if $(CPU),--cpu $(CPU)) $(if $(JSON),--json $(JSON)) \
		$(if $(SVG),--svg $(SVG)) $(if $(RST),--rst $(RST)) $(MODULE)

## bench-short: whether all of it can be measured, no matter what it costs
bench-short: samples-build $(if $(filter stock,$(MODULE)),,modules-lab)
	@$(inroot) make $(jobs) --no-print-directory -C tools/bench
	@tools/bench/run --short $(if $(VENDOR),--vendor $(VENDOR)) $(MODULE)

## bench-overhead: what recorder, statistics and tracepoints take of an exit
.PHONY: bench-overhead
bench-overhead: modules-lab
	@$(inroot) make $(jobs) --no-print-directory -C tools/bench
	@tools/bench/overhead

.PHONY: help
help:
	@awk '/^##@ /{print "\n" substr($$0, 5)} \
	     /^##  +[^ ]/{sub(/^##  +/, ""); printf "  %-17s%s\n", "", $$0; next} \
	     /^## /{i = index($$0, ":"); printf "  %-16s%s\n", substr($$0, 4, i - 4), substr($$0, i + 1)}' \
		Makefile
