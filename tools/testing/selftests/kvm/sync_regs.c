// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_SYNC_REGS: registers in the shared page. */
#include "vm.h"

#define ALL KVM_SYNC_X86_VALID_FIELDS

static void add_rbx(u64 unused)
{
	for (;;)
		asm volatile("out %%al, $0x80; add $1, %%rbx" : : : "rbx");
}

static struct vcpu *guest(int need)
{
	struct vcpu *cpu = vm_with(0, add_rbx, 0);

	if ((NEED(cpu->vm->kvm, KVM_CAP_SYNC_REGS) & need) != need)
		SKIP("not all register classes are offered");
	return cpu;
}

CASE(invalid, "classes that there are not give EINVAL")
{
	struct vcpu *cpu = guest(0);
	struct kvm_run *run = cpu->run;

	run->kvm_valid_regs = 1ULL << 31;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINVAL);
	run->kvm_valid_regs = ALL | 1ULL << 3;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINVAL);
	run->kvm_valid_regs = 0;
	run->kvm_dirty_regs = 1ULL << 30;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINVAL);
	run->kvm_dirty_regs = 0;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
}

CASE(read, "the classes asked for are filled at an exit")
{
	struct vcpu *cpu = guest(ALL);
	struct kvm_run *run = cpu->run;
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_vcpu_events e;

	run->kvm_valid_regs = ALL;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	vcpu_get_regs(cpu, &r);
	vcpu_get_sregs(cpu, &s);
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK(!memcmp(&run->s.regs.regs, &r, sizeof(r)));
	CHECK(!memcmp(&run->s.regs.sregs, &s, sizeof(s)));
	CHECK(!memcmp(&run->s.regs.events, &e, sizeof(e)));
}

CASE(not_asked, "classes not asked for are left alone")
{
	struct vcpu *cpu = guest(ALL);
	struct kvm_run *run = cpu->run;

	memset(&run->s, 0xa5, sizeof(run->s));
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK(run->s.regs.regs.rip != 0xa5a5a5a5a5a5a5a5);
	CHECK_EQ(run->s.regs.sregs.cr3, 0xa5a5a5a5a5a5a5a5);
	CHECK_EQ(run->s.regs.events.flags, 0xa5a5a5a5);
}

CASE(write, "the classes marked dirty are taken at the next KVM_RUN, and the mark is gone")
{
	struct vcpu *cpu = guest(ALL);
	struct kvm_run *run = cpu->run;

	run->kvm_valid_regs = ALL;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	run->s.regs.regs.rbx = 0x1000;
	run->s.regs.sregs.cr2 = 0x5550;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->kvm_dirty_regs, 0);
	CHECK_EQ(run->s.regs.regs.rbx, 0x1001);
	CHECK_EQ(run->s.regs.sregs.cr2, 0x5550);
	/* Changed, and not marked: the change has no effect. */
	run->s.regs.regs.rbx = 0x9000;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->s.regs.regs.rbx, 0x1002);
	/* Marked, and not asked for: taken, and not filled. */
	run->kvm_valid_regs = 0;
	run->s.regs.regs.rbx = 0x2000;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->s.regs.regs.rbx, 0x2000);
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	CHECK_EQ(run->s.regs.regs.rbx, 0x2002);
}

CASE(bad_state, "state that KVM_SET_SREGS refuses is refused here: EINVAL")
{
	struct vcpu *cpu = guest(ALL);
	struct kvm_run *run = cpu->run;

	run->kvm_valid_regs = ALL;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	run->s.regs.sregs.cr4 &= ~CR4_PAE;
	run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_RUN, 0), EINVAL);
}

CASE(events, "an exception set through the events class is delivered")
{
	struct vcpu *cpu = guest(ALL);
	struct kvm_run *run = cpu->run;

	run->kvm_valid_regs = ALL;
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	run->s.regs.events.exception.injected = 1;
	run->s.regs.events.exception.nr = 6;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	OK(ioctl(cpu->fd, KVM_RUN, 0));
	/* The guest has no handler and reports the vector. */
	CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(run->io.port, GUEST_PORT);
	CHECK_EQ((u32)run->s.regs.regs.rax, GUEST_TRAP);
	CHECK_EQ(run->s.regs.regs.rdi, 6);
}
