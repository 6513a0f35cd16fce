// SPDX-License-Identifier: GPL-2.0-only
/* What KVM_CHECK_EXTENSION says, and what programs refuse to start without. */
#include "vm.h"

struct cap {
	int number;
	const char *name;
};

#define C(name) { KVM_CAP_##name, #name }

static void check_all(const struct cap *caps, int n)
{
	struct vm *vm = vm_new(VM_NO_MEMORY);

	for (int i = 0; i < n; i++) {
		if (kvm_cap(vm->kvm, caps[i].number) <= 0)
			FAIL("%s is missing on /dev/kvm", caps[i].name);
		if (kvm_cap(vm->fd, caps[i].number) <= 0)
			FAIL("%s is missing on the VM", caps[i].name);
	}
}

CASE(qemu, "all that QEMU 10 refuses to start without")
{
	static const struct cap caps[] = {
		C(USER_MEMORY),
		C(DESTROY_MEMORY_REGION_WORKS),
		C(JOIN_MEMORY_REGIONS_WORKS),
		C(INTERNAL_ERROR_DATA),
		C(IOEVENTFD),
		C(IOEVENTFD_ANY_LENGTH),
		C(SET_TSS_ADDR),
		C(EXT_CPUID),
		C(MP_STATE),
		C(IRQ_ROUTING),
		C(IRQFD),
		C(MCE),
		C(SET_IDENTITY_MAP_ADDR),
		C(ADJUST_CLOCK),
		C(VCPU_EVENTS),
		C(DEBUGREGS),
		C(X86_ROBUST_SINGLESTEP),
		C(XSAVE),
		C(SIGNAL_MSI),
	};

	check_all(caps, ARRAY_SIZE(caps));
}

CASE(kvmtool, "all that kvmtool refuses to start without")
{
	static const struct cap caps[] = {
		C(COALESCED_MMIO), C(SET_TSS_ADDR), C(PIT2), C(USER_MEMORY),
		C(IRQ_ROUTING),	   C(IRQCHIP),	    C(HLT),  C(IRQ_INJECT_STATUS),
		C(EXT_CPUID),
	};

	check_all(caps, ARRAY_SIZE(caps));
}

CASE(firecracker, "all that Firecracker refuses to start without")
{
	static const struct cap caps[] = {
		C(IRQCHIP),	C(IOEVENTFD),  C(IRQFD),	C(USER_MEMORY), C(SET_TSS_ADDR),
		C(PIT2),	C(PIT_STATE2), C(ADJUST_CLOCK), C(DEBUGREGS),	C(MP_STATE),
		C(VCPU_EVENTS), C(XSAVE),      C(EXT_CPUID),	C(XCRS),
	};

	/* Where the processor has no XSAVE it does not start. */
	check_all(caps, ARRAY_SIZE(caps) - !cpu_has_xsave());
}

CASE(ovmf, "read-only slots, without which QEMU does not start OVMF")
{
	static const struct cap caps[] = { C(READONLY_MEM) };

	check_all(caps, ARRAY_SIZE(caps));
}

CASE(numbers, "capabilities that are numbers have sensible ones")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	int vcpus = kvm_cap(vm->kvm, KVM_CAP_NR_VCPUS);

	CHECK(vcpus >= 1);
	CHECK(kvm_cap(vm->kvm, KVM_CAP_MAX_VCPUS) >= 288);
	CHECK(kvm_cap(vm->kvm, KVM_CAP_NR_MEMSLOTS) >= 509);
	CHECK_EQ(kvm_cap(vm->kvm, KVM_CAP_COALESCED_MMIO), KVM_COALESCED_MMIO_PAGE_OFFSET);
	CHECK(kvm_cap(vm->kvm, KVM_CAP_MCE) >= 10);
	CHECK(kvm_cap(vm->kvm, KVM_CAP_IRQ_ROUTING) >= 1024);
	if (kvm_cap(vm->kvm, KVM_CAP_XSAVE2))
		CHECK(kvm_cap(vm->kvm, KVM_CAP_XSAVE2) >= 4096);
	CHECK_EQ(kvm_cap(vm->kvm, KVM_CAP_SYNC_REGS) & ~KVM_SYNC_X86_VALID_FIELDS, 0);
	CHECK_EQ(kvm_cap(vm->kvm, KVM_CAP_ADJUST_CLOCK) &
			 ~(1 | KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC),
		 0);
}

CASE(absent, "numbers that nobody gave out, and other architectures', are 0")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	static const long absent[] = {
		5,
		17,
		19,
		20,
		27,
		28,
		42 /* S390_PSW */,
		52 /* PPC_OSI */,
		87 /* ARM_PSCI */,
		137 /* MIPS_VZ */,
		180 /* S390_PROTECTED */,
		100000,
		0x7fffffff,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++) {
		if (kvm_cap(vm->kvm, absent[i]) || kvm_cap(vm->fd, absent[i]))
			FAIL("capability %ld", absent[i]);
	}
	CHECK_EQ(kvm_cap(vm->kvm, -1L), 0);
}

CASE(both, "where the VM answers, it answers as /dev/kvm does")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);

	NEED(vm->kvm, KVM_CAP_CHECK_EXTENSION_VM);
	for (int cap = 0; cap < 260; cap++) {
		int a = kvm_cap(vm->kvm, cap), b = kvm_cap(vm->fd, cap);

		/* These hang on the machine's type. */
		if (cap == KVM_CAP_MEMORY_ATTRIBUTES || cap == KVM_CAP_GUEST_MEMFD)
			continue;
		if (!a != !b)
			FAIL("capability %d: %d on /dev/kvm, %d on the VM", cap, a, b);
	}
}

CASE(enable_bad, "KVM_ENABLE_CAP refuses what cannot be enabled, and flags, with EINVAL")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_USER_MEMORY };

	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = 0x12345;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	if (kvm_cap(vm->kvm, KVM_CAP_HALT_POLL)) {
		cap.cap = KVM_CAP_HALT_POLL;
		cap.flags = 1;
		CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
		cap.flags = 0;
		OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	}
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, (void *)8), EFAULT);
}
