// SPDX-License-Identifier: GPL-2.0-only
/* State that no processor enters with: the VMM learns of it, and can go on. */
#include "vm.h"

static void quiet(u64 unused)
{
	guest_done();
}

CASE(impossible_cs,
     "64-bit and 32-bit code at once: refused when it is set, KVM_EXIT_FAIL_ENTRY, or emulated; good state runs again")
{
	struct vcpu *cpu = vm_with(0, quiet, 0);
	struct kvm_sregs good, bad;
	struct kvm_regs start;
	struct event ev;
	int r;

	vcpu_get_sregs(cpu, &good);
	vcpu_get_regs(cpu, &start);
	bad = good;
	bad.cs.l = 1;
	bad.cs.db = 1;
	r = ioctl(cpu->fd, KVM_SET_SREGS, &bad);
	if (r < 0) {
		CHECK_EQ(errno, EINVAL);
	} else {
		ev = vcpu_run(cpu);
		if (ev.kind == EV_EXIT) {
			CHECK_EQ(cpu->run->exit_reason, KVM_EXIT_FAIL_ENTRY);
			CHECK(cpu->run->fail_entry.hardware_entry_failure_reason != 0);
			CHECK(cpu->run->fail_entry.cpu < 4096);
		} else {
			CHECK_EQ(ev.kind, EV_DONE);
			CHECK(cpu_is_intel());
		}
	}
	vcpu_set_regs(cpu, &start);
	vcpu_set_sregs(cpu, &good);
	vcpu_expect_done(cpu);
}
