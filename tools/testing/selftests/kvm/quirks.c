// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_DISABLE_QUIRKS2: old behaviours that can be turned off; and others that a program asks for. */
#include "apic.h"
#include "vm.h"

static int enable(struct vm *vm, u32 cap, u64 arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

CASE(mask, "the quirks that are offered can be disabled, others are refused")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	u32 offered = NEED(vm->kvm, KVM_CAP_DISABLE_QUIRKS2);

	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS2, offered));
	CHECK_ERRNO(enable(vm, KVM_CAP_DISABLE_QUIRKS2, 1UL << 31), EINVAL);
	/* The older one has no list. */
	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS, ~0UL));
}

/* The other vendor's instruction */
static void other_hypercall(u64 quirk)
{
	u64 rax = 99, vector;

	if (cpu_is_intel())
		vector = CATCH("vmmcall", : "+a"(rax) :);
	else
		vector = CATCH("vmcall", : "+a"(rax) :);
	G_ASSERT_EQ(vector, quirk ? NO_VECTOR : 6);
	if (quirk)
		G_ASSERT_EQ(rax, -1000ULL); /* KVM_ENOSYS */
}

CASE(hypercall, "the other vendor's hypercall instruction works, or is #UD without that quirk")
{
	struct vm *vm = vm_new(0);

	vcpu_expect_done(vcpu_new(vm, other_hypercall, 1));
	if (!(NEED(vm->kvm, KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		SKIP("not offered");
	vm = vm_new(0);
	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN));
	vcpu_expect_done(vcpu_new(vm, other_hypercall, 0));
}

CASE(lint0, "with the LINT0 quirk off the boot CPU's LINT0 is masked after reset")
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (!(NEED(vm->kvm, KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_LINT0_REENABLED))
		SKIP("not offered");
	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_LINT0_REENABLED));
	CHECK_EQ(lapic_image_read(vcpu_new_bare(vm, 0), APIC_LVT0), LVT_MASKED);
}

static void port_7e(u64 unused)
{
	outb(0x7e, 1);
	guest_sync(1);
}

CASE(out_7e, "a write to port 0x7e is completed, with the quirk and without")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, port_7e, 0);

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(cpu->run->io.port, 0x7e);
	vcpu_expect_sync(cpu, 1);
	if (!(NEED(vm->kvm, KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_OUT_7E_INC_RIP))
		SKIP("not offered");
	vm = vm_new(0);
	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_OUT_7E_INC_RIP));
	cpu = vcpu_new(vm, port_7e, 0);
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_expect_sync(cpu, 1);
}

/* The hypercall instruction of the other vendor's processors, and a jump behind the CATCH() that it was called from. */
static u8 foreign[] __attribute__((aligned(64))) = { 0x0f, 0x01, 0, 0x41, 0xff, 0xe2 };

#define VMCALL 0xc1
#define VMMCALL 0xd9

static void call_foreign(u64 want_vector)
{
	u64 ret = 11; /* KVM_HC_SCHED_YIELD, of nobody */

	G_ASSERT_EQ(CATCH("jmp *%1", : "+a"(ret) : "r"(foreign), "b"(~0ULL)), want_vector);
	if (want_vector == NO_VECTOR)
		G_ASSERT_EQ(ret, 0);
	guest_done();
}

CASE(foreign_hypercall,
     "the other vendor's hypercall instruction works and becomes this one's own; with the quirk off it is #UD and stays")
{
	bool intel = cpu_is_intel();
	struct vm *vm = vm_new(0);
	u32 offered = NEED(vm->kvm, KVM_CAP_DISABLE_QUIRKS2);

	foreign[2] = intel ? VMMCALL : VMCALL;
	vcpu_expect_done(vcpu_new(vm, call_foreign, NO_VECTOR));
	CHECK_EQ(foreign[2], intel ? VMCALL : VMMCALL);

	if (!(offered & KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		SKIP("not offered");
	vm = vm_new(0);
	OK(enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN));
	foreign[2] = intel ? VMMCALL : VMCALL;
	vcpu_expect_done(vcpu_new(vm, call_foreign, 6));
	CHECK_EQ(foreign[2], intel ? VMMCALL : VMCALL);
}

/* No machine has these modes that cannot tell: they are offered with the processor's controls, and refused without. */
CASE(processor_exits,
     "bus-lock and notify exits: what is not offered is refused, and so is what makes no sense")
{
	struct vm *vm = vm_new(VM_NO_MEMORY);
	u64 modes = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_X86_BUS_LOCK_EXIT);
	u64 flags = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_X86_NOTIFY_VMEXIT);

	CHECK(!modes || modes == (KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT));
	CHECK_ERRNO(enable(vm, KVM_CAP_X86_BUS_LOCK_EXIT, 3), EINVAL);
	CHECK_ERRNO(enable(vm, KVM_CAP_X86_BUS_LOCK_EXIT, 4), EINVAL);
	if (!modes)
		CHECK_ERRNO(enable(vm, KVM_CAP_X86_BUS_LOCK_EXIT, 2), EINVAL);
	CHECK(!flags || flags == (KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER));
	CHECK_ERRNO(enable(vm, KVM_CAP_X86_NOTIFY_VMEXIT, 1ULL << 40 | 4), EINVAL);
	CHECK_ERRNO(enable(vm, KVM_CAP_X86_NOTIFY_VMEXIT, 1ULL << 40 | 2), EINVAL);
	if (!flags)
		CHECK_ERRNO(enable(vm, KVM_CAP_X86_NOTIFY_VMEXIT, 1ULL << 40 | 1), EINVAL);
}

static void map_range(u64 unused)
{
	guest_sync(hypercall(12, 0x100000, 1, 0, 0));
}

CASE(exit_hypercall,
     "KVM_CAP_EXIT_HYPERCALL: KVM_HC_MAP_GPA_RANGE goes to the program, which answers")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, map_range, 0);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm);

	if (!(NEED(vm->kvm, KVM_CAP_EXIT_HYPERCALL) & BIT(12)))
		SKIP("not for this one");
	CHECK_ERRNO(enable(vm, KVM_CAP_EXIT_HYPERCALL, 1UL << 3), EINVAL);
	OK(enable(vm, KVM_CAP_EXIT_HYPERCALL, BIT(12)));
	cpuid_find(s, 0x40000001, 0)->eax |= BIT(16);
	vcpu_set_cpuid(cpu, s);
	vcpu_expect_exit(cpu, KVM_EXIT_HYPERCALL);
	CHECK_EQ(cpu->run->hypercall.nr, 12);
	CHECK_EQ(cpu->run->hypercall.args[0], 0x100000);
	CHECK_EQ(cpu->run->hypercall.args[1], 1);
	CHECK_EQ(cpu->run->hypercall.flags & KVM_EXIT_HYPERCALL_LONG_MODE,
		 KVM_EXIT_HYPERCALL_LONG_MODE);
	cpu->run->hypercall.ret = 0x77;
	vcpu_expect_sync(cpu, 0x77);
}

static void bus(u64 unused)
{
	u32 a;

	apic_enable();
	apic_write(APIC_LVTT, LVT_MASKED);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_TMICT, 0xffffffff);
	for (int i = 0; i < 10000; i++)
		relax();
	a = apic_read(APIC_TMCCT);
	guest_sync(0xffffffff - a);
}

CASE(bus_clock,
     "KVM_CAP_X86_APIC_BUS_CYCLES_NS sets the rate of the APIC timer, before the first vCPU")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu;
	struct event ev;
	u64 fast, slow;

	CHECK_EQ(NEED(vm->kvm, KVM_CAP_X86_APIC_BUS_CYCLES_NS), 1);
	cpu = vcpu_new(vm, bus, 0);
	CHECK_EQ(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 40), -1);
	ev = vcpu_run(cpu);
	fast = ev.value;
	vm = vm_new(VM_IRQCHIP);
	CHECK_ERRNO(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0), EINVAL);
	OK(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 10000));
	cpu = vcpu_new(vm, bus, 0);
	ev = vcpu_run(cpu);
	slow = ev.value;
	/* Ten thousand times slower: no noise makes up for that. */
	CHECK(slow * 20 < fast);
}

static void platform(u64 unused)
{
	u64 value;

	guest_sync(catch_rdmsr(0xce, &value));
}

CASE(platform_info, "KVM_CAP_MSR_PLATFORM_INFO: without it the MSR is #GP")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, platform, 0);

	NEED(vm->kvm, KVM_CAP_MSR_PLATFORM_INFO);
	vcpu_expect_sync(cpu, NO_VECTOR);
	vm = vm_new(0);
	cpu = vcpu_new(vm, platform, 0);
	OK(enable(vm, KVM_CAP_MSR_PLATFORM_INFO, 0));
	vcpu_expect_sync(cpu, 13);
}
