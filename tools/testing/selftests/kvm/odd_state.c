// SPDX-License-Identifier: GPL-2.0-only
/*
 * States that no processor comes to by itself: each is refused with EINVAL, or runs somehow; none ends in a failed entry,
 * and none costs the next state anything.
 */
#include <signal.h>
#include <sys/time.h>

#include "vm.h"

#define HLT_BASE 0x8000UL /* a page of HLT, below 64 KiB */
#define HLT_RIP 0x8800UL
#define NONCANONICAL 0x0000800000000000ULL
#define RUN_US 20000 /* a state that does not stop by itself is stopped */

static u64 taken, refused;

static void on_alarm(int sig)
{
}

/* One KVM_RUN that ends, whatever the guest does. */
static void run_a_while(struct vcpu *cpu)
{
	struct itimerval begin = { .it_value.tv_usec = RUN_US, .it_interval.tv_usec = RUN_US };
	struct itimerval end = {};
	int r, err;

	setitimer(ITIMER_REAL, &begin, NULL);
	r = ioctl(cpu->fd, KVM_RUN, NULL);
	err = errno;
	setitimer(ITIMER_REAL, &end, NULL);
	if (r && err != EINTR)
		FAIL("KVM_RUN: %s", strerror(err));
	if (!r && cpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		FAIL("failed entry, reason %#llx",
		     (unsigned long long)cpu->run->fail_entry.hardware_entry_failure_reason);
}

static struct vcpu *machine(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct vcpu *cpu;
	struct vm *vm;

	SKIP_QUIRK(QUIRK_LOST_CPU);
	vm = vm_new(0);
	cpu = vcpu_new_bare(vm, 0);
	sigaction(SIGALRM, &sa, NULL);
	memset(vm_host(vm, HLT_BASE), 0xf4, PAGE);
	return cpu;
}

enum start { LONG, REAL, NR_STARTS };

static void good_state(struct vcpu *cpu, enum start start, struct kvm_sregs *s, struct kvm_regs *r)
{
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING,
	};

	OK(ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &events));
	*r = (struct kvm_regs){ .rip = HLT_RIP, .rsp = 0x7000, .rflags = 2 };
	if (start == LONG)
		vcpu_long_mode(cpu);
	else
		vcpu_real_mode(cpu, 0, HLT_RIP);
	vcpu_get_sregs(cpu, s);
	vcpu_set_regs(cpu, r);
}

/* The state is as in @s and @r, or the VMM hears of it; and then it runs. */
static void try_state(struct vcpu *cpu, const struct kvm_sregs *s, const struct kvm_regs *r)
{
	if (ioctl(cpu->fd, KVM_SET_SREGS, s)) {
		if (errno != EINVAL)
			FAIL("KVM_SET_SREGS: %s", strerror(errno));
		refused++;
		return;
	}
	if (ioctl(cpu->fd, KVM_SET_REGS, r)) {
		if (errno != EINVAL)
			FAIL("KVM_SET_REGS: %s", strerror(errno));
		refused++;
		return;
	}
	taken++;
	run_a_while(cpu);
}

/*
 * After all of it, an ordinary state is one.  What ran may have written anywhere in its memory, so that is made anew; the
 * vCPU is the same.
 */
static void still_works(struct vcpu *cpu)
{
	struct kvm_sregs s;
	struct kvm_regs r;
	struct vm *fresh = vm_new(0);

	memcpy(cpu->vm->low, fresh->low, LOW_SIZE);
	memset(vm_host(cpu->vm, HLT_BASE), 0xf4, PAGE);
	good_state(cpu, LONG, &s, &r);
	vcpu_expect_exit(cpu, KVM_EXIT_HLT);
	ktap_note("%llu states ran, %llu were refused", (unsigned long long)taken,
		  (unsigned long long)refused);
	CHECK(taken > 0);
}

static struct kvm_segment *seg(struct kvm_sregs *s, int i)
{
	struct kvm_segment *const all[] = { &s->cs, &s->ss, &s->ds, &s->es,
					    &s->fs, &s->gs, &s->tr, &s->ldt };

	return all[i];
}

/* Spoils a segment in the @how-th way; false: there are no more. */
static bool spoil(struct kvm_segment *g, unsigned int how)
{
	static const u32 limits[] = { 0, 0xfff, 0x1000, 0xfffff, 0x100000, 0x12345678, 0xffffffff };
	static const u64 bases[] = { 0x12345,	   0xffffffff,	       0x100000000,
				     NONCANONICAL, 0xffff800000000000, 0xffffffffffffffff };

	if (how < 16)
		g->type = how;
	else if (how < 20)
		g->dpl = how - 16;
	else if (how < 24)
		g->selector = (g->selector & ~3) | (how - 20);
	else if (how < 31)
		g->limit = limits[how - 24];
	else if (how < 37)
		g->base = bases[how - 31];
	else if (how == 37)
		g->s ^= 1;
	else if (how == 38)
		g->present ^= 1;
	else if (how == 39)
		g->db ^= 1;
	else if (how == 40)
		g->l ^= 1;
	else if (how == 41)
		g->g ^= 1;
	else if (how == 42)
		g->unusable ^= 1;
	else if (how == 43)
		g->selector |= 4;
	else if (how == 44)
		g->selector = 0;
	else
		return false;
	return true;
}

CASE(segments, "one attribute, limit, base or selector of a segment is odd")
{
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int start = 0; start < NR_STARTS; start++)
		for (int i = 0; i < 8; i++)
			for (unsigned int how = 0;; how++) {
				good_state(cpu, start, &s, &r);
				if (!spoil(seg(&s, i), how))
					break;
				try_state(cpu, &s, &r);
			}
	still_works(cpu);
}

CASE(control_registers, "every pair of control register bits, in long and in real mode")
{
	static const int cr0[] = { 0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31, 32 };
	static const int cr4[] = { 0, 4, 5, 7, 9, 11, 12, 13, 16, 17, 18, 20, 21, 22, 23, 40 };
	static const int efer[] = { 0, 8, 10, 11, 12, 13, 14 };
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int start = 0; start < NR_STARTS; start++) {
		for (size_t i = 0; i < sizeof(cr0) / sizeof(cr0[0]); i++)
			for (size_t j = 0; j < sizeof(cr4) / sizeof(cr4[0]); j++) {
				good_state(cpu, start, &s, &r);
				s.cr0 ^= 1ULL << cr0[i];
				s.cr4 ^= 1ULL << cr4[j];
				try_state(cpu, &s, &r);
			}
		for (size_t i = 0; i < sizeof(cr0) / sizeof(cr0[0]); i++)
			for (size_t j = 0; j < sizeof(efer) / sizeof(efer[0]); j++) {
				good_state(cpu, start, &s, &r);
				s.cr0 ^= 1ULL << cr0[i];
				s.efer ^= 1ULL << efer[j];
				try_state(cpu, &s, &r);
			}
	}
	still_works(cpu);
}

CASE(addresses, "CR3, descriptor tables and RIP that lead nowhere")
{
	static const u64 odd[] = { NONCANONICAL,       0xffffffffffffffff, 1ULL << 52,
				   0x7fffffffffffffff, 0x00007fffffffffff, 1ULL << 45 };
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int start = 0; start < NR_STARTS; start++)
		for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			for (int what = 0; what < 6; what++) {
				good_state(cpu, start, &s, &r);
				switch (what) {
				case 0:
					s.cr3 = odd[i];
					break;
				case 1:
					s.gdt.base = odd[i];
					break;
				case 2:
					s.idt.base = odd[i];
					break;
				case 3:
					r.rip = odd[i];
					break;
				case 4:
					r.rsp = odd[i];
					break;
				case 5:
					s.idt.base = s.gdt.base = odd[i];
					r.rip = odd[i];
					break;
				}
				try_state(cpu, &s, &r);
			}
	still_works(cpu);
}

CASE(rflags, "every bit of RFLAGS, in long and in real mode")
{
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int start = 0; start < NR_STARTS; start++)
		for (int bit = 0; bit < 64; bit++) {
			good_state(cpu, start, &s, &r);
			r.rflags ^= 1ULL << bit;
			try_state(cpu, &s, &r);
		}
	still_works(cpu);
}

CASE(events, "events that do not fit the state or each other")
{
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int start = 0; start < NR_STARTS; start++)
		for (int i = 0; i < 32 * 8; i++) {
			struct kvm_vcpu_events e = {};

			good_state(cpu, start, &s, &r);
			r.rflags |= i & 32 ? 0x200 : 0;
			try_state(cpu, &s, &r);
			e.exception.injected = !(i & 64);
			e.exception.nr = i & 31;
			e.exception.has_error_code = !!(i & 128);
			e.exception.error_code = 0x12345678;
			e.interrupt.shadow = i & 3;
			e.flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING;
			e.interrupt.injected = !!(i & 64);
			e.interrupt.nr = i & 31;
			e.interrupt.soft = i & 1;
			e.nmi.pending = !!(i & 8);
			e.nmi.masked = !!(i & 16);
			if (ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &e)) {
				REQUIRE_EQ(errno, EINVAL);
				refused++;
				continue;
			}
			vcpu_set_regs(cpu, &r);
			run_a_while(cpu);
		}
	still_works(cpu);
}

CASE(msrs, "MSRs with values that a processor refuses")
{
	static const u32 index[] = { 0x174,	 0x175,	     0x176,	 0x1d9,	     0x277,
				     0x2ff,	 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
				     0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
				     0xda0,	 0x48 };
	static const u64 odd[] = { ~0ULL, NONCANONICAL, 2, 0x0202020202020202, 1ULL << 63, 0x4 };
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;
	u64 old;

	for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++)
		for (size_t j = 0; j < sizeof(odd) / sizeof(odd[0]); j++) {
			good_state(cpu, LONG, &s, &r);
			if (!vcpu_rdmsr(cpu, index[i], &old))
				continue;
			if (vcpu_wrmsr(cpu, index[i], odd[j]))
				taken++;
			else
				refused++;
			run_a_while(cpu);
			vcpu_wrmsr(cpu, index[i], old);
		}
	still_works(cpu);
}

static u64 rng = 0x9e3779b97f4a7c15;

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

CASE_SLOW(random, "a thousand states with several oddities each, the same every time", 120)
{
	struct vcpu *cpu = machine();
	struct kvm_sregs s;
	struct kvm_regs r;

	for (int n = 0; n < 1000; n++) {
		good_state(cpu, random64() % NR_STARTS, &s, &r);
		for (int i = random64() % 5; i >= 0; i--)
			spoil(seg(&s, random64() % 8), random64() % 45);
		if (random64() % 3 == 0)
			s.cr0 ^= 1ULL << random64() % 32;
		if (random64() % 3 == 0)
			s.cr4 ^= 1ULL << random64() % 24;
		if (random64() % 4 == 0)
			s.efer ^= 1ULL << random64() % 16;
		if (random64() % 4 == 0)
			r.rflags ^= 1ULL << random64() % 22;
		if (random64() % 8 == 0)
			r.rip = random64();
		try_state(cpu, &s, &r);
	}
	still_works(cpu);
}
