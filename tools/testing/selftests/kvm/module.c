// SPDX-License-Identifier: GPL-2.0-only
/* The modules as the system sees them: in use while a machine lives, with their parameters. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

static const char *vendor_module(void)
{
	return cpu_is_intel() ? "kvm_intel" : "kvm_amd";
}

static long users(const char *module)
{
	char path[60], text[40];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	if (!read_file(path, text, sizeof(text)))
		SKIP("%s is not a loadable module here", module);
	return atol(text);
}

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK);
}

CASE(in_use, "while a machine lives the modules cannot be removed")
{
	long before = users(vendor_module());
	struct vm *vm = vm_new(VM_NO_MEMORY);

	CHECK(users(vendor_module()) > before || users("kvm") > 0);
	CHECK_EQ(unload(vendor_module()), -1);
	CHECK(errno == EBUSY || errno == EAGAIN || errno == EWOULDBLOCK);
	CHECK_EQ(unload("kvm"), -1);
	vm_free(vm);
}

CASE(vcpu_keeps, "a vCPU's descriptor alone keeps them too")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);

	users(vendor_module());
	OK(close(vm->fd));
	OK(close(vm->kvm));
	CHECK_EQ(unload(vendor_module()), -1);
	CHECK_EQ(unload("kvm"), -1);
	OK(close(cpu->fd));
}

CASE(released, "when the last is closed the count is what it was")
{
	long before = users(vendor_module()), now = -1;

	for (int i = 0; i < 20; i++) {
		struct vm *vm = vm_new(VM_IRQCHIP);

		vcpu_new_bare(vm, 0);
		vm_free(vm);
	}
	for (int i = 0; i < 100; i++) {
		now = users(vendor_module());
		if (now == before)
			break;
		sleep_ms(20);
	}
	CHECK_EQ(now, before);
}

CASE(parameters, "the parameters that programs read are there")
{
	static const char *const yes_or_no[] = { "ignore_msrs", "tdp_mmu", "eager_page_split",
						 "enable_pmu", "enable_vmware_backdoor" };
	char path[100], text[40];
	bool intel = cpu_is_intel();

	kvm_open();
	users("kvm");
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/nested", vendor_module());
	if (CHECK(read_file(path, text, sizeof(text))))
		CHECK(strchr("01YN", text[0]));
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", vendor_module(),
		 intel ? "ept" : "npt");
	if (CHECK(read_file(path, text, sizeof(text))))
		CHECK(strchr("01YN", text[0]));
	for (size_t i = 0; i < ARRAY_SIZE(yes_or_no); i++) {
		snprintf(path, sizeof(path), "/sys/module/kvm/parameters/%s", yes_or_no[i]);
		if (CHECK(read_file(path, text, sizeof(text))))
			CHECK(strchr("YN", text[0]));
	}
	CHECK(read_file("/sys/module/kvm/parameters/halt_poll_ns", text, sizeof(text)));
}
