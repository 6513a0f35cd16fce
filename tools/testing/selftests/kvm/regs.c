// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_REGS and KVM_SET_REGS. */
#include "vm.h"

CASE(roundtrip, "what was set is read back")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_regs a, b;
	u64 *p = (u64 *)&a;

	for (u32 i = 0; i < sizeof(a) / 8; i++)
		p[i] = 0x0101010101010101 * (i + 1);
	a.rflags = 0x202;
	vcpu_set_regs(cpu, &a);
	vcpu_get_regs(cpu, &b);
	CHECK(!memcmp(&a, &b, sizeof(a)));
}

CASE(rflags_bit_1, "bit 1 of RFLAGS is always set")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_regs r = { .rflags = 0 };

	vcpu_set_regs(cpu, &r);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rflags, 2);
}

CASE(nowhere, "a pointer to nowhere gives EFAULT")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);

	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_REGS, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_REGS, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_SREGS, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SREGS, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_FPU, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, 16), EFAULT);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_DEBUGREGS, 16), EFAULT);
}

static void jump(u64 value)
{
	guest_sync(value);
	guest_sync(0xbad);
}

static void other(u64 value)
{
	guest_sync(value + 1);
}

CASE(redirect, "a changed RIP is where the guest goes on")
{
	struct vcpu *cpu = vm_with(0, jump, 7);
	struct kvm_regs r;

	vcpu_expect_sync(cpu, 7);
	vcpu_call(cpu, other, 20);
	vcpu_expect_sync(cpu, 21);
	vcpu_get_regs(cpu, &r);
	r.rip = (u64)guest_done;
	vcpu_set_regs(cpu, &r);
	vcpu_expect_done(cpu);
}

static void flags(u64 unused)
{
	u64 f;

	asm volatile("stc; out %%al, $0x80; pushfq; pop %0" : "=r"(f));
	G_ASSERT_EQ(f & RFLAGS_CF, 0);
	G_ASSERT_EQ(f & RFLAGS_DF, RFLAGS_DF);
	asm volatile("cld");
}

CASE(flags_changed, "changed flags reach the guest")
{
	struct vcpu *cpu = vm_with(0, flags, 0);
	struct kvm_regs r;

	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_get_regs(cpu, &r);
	CHECK_EQ(r.rflags & RFLAGS_CF, RFLAGS_CF);
	r.rflags = (r.rflags & ~RFLAGS_CF) | RFLAGS_DF;
	vcpu_set_regs(cpu, &r);
	vcpu_expect_done(cpu);
}
