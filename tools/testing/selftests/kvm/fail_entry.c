// SPDX-License-Identifier: GPL-2.0-only
/* State that no processor enters with: the VMM learns of it, and can go on. */
#include "debugfs.h"

static bool does_not_emulate(void)
{
	char on[8];

	return read_file("/sys/module/kvm_intel/parameters/emulate_invalid_guest_state", on,
			 sizeof(on)) &&
	       on[0] == 'N';
}

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

/* The rule and the field are named where one who debugs a VMM looks. */
CASE(explained,
     "an entry that fails says which field breaks what rule, in the flight recorder; and the CPU's number")
{
	static char text[64 * 1024];
	struct vcpu *cpu;
	struct kvm_sregs s;

	if (!does_not_emulate())
		SKIP("what the processor does not enter with is emulated (kvm_intel.emulate_invalid_guest_state)");
	cpu = vm_with(0, quiet, 0);
	need_flight(cpu->vm);
	vcpu_get_sregs(cpu, &s);
	s.tr.type = 0;
	vcpu_set_sregs(cpu, &s);
	vcpu_expect_exit(cpu, KVM_EXIT_FAIL_ENTRY);
	/* EXIT_REASON_INVALID_STATE, and that it was the entry */
	CHECK_EQ(cpu->run->fail_entry.hardware_entry_failure_reason, 0x80000021);
	CHECK(cpu->run->fail_entry.cpu < sysconf(_SC_NPROCESSORS_ONLN));
	REQUIRE(read_file(vm_path(cpu->vm, "vcpu0/flight"), text, sizeof(text)));
	CHECK(strstr(text, "entry refused: TR"));
}
