// SPDX-License-Identifier: GPL-2.0-only
/* The guest's own debug registers. */
#include "stats.h"
#include "vm.h"

CASE(roundtrip, "KVM_SET_DEBUGREGS and KVM_GET_DEBUGREGS")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_debugregs a = { .db = { 0x1000, 0xffff800000002000, 0x3000, 0x4000 },
				   .dr6 = 0xffff0ff1,
				   .dr7 = 0x403 },
			     b;

	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &b));
	CHECK_EQ(b.dr6, 0xffff0ff0);
	CHECK_EQ(b.dr7, 0x400);
	OK(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &a));
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &b));
	CHECK(!memcmp(&a, &b, sizeof(a)));
}

CASE(bad, "flags, and the upper halves of DR6 and DR7, are refused with EINVAL")
{
	struct vcpu *cpu = vcpu_new_bare(vm_new(0), 0);
	struct kvm_debugregs good, r;

	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &good));
	r = good;
	r.flags = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &r), EINVAL);
	r = good;
	r.dr6 |= BIT(32);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &r), EINVAL);
	r = good;
	r.dr7 |= BIT(40);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &r), EINVAL);
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &r));
	CHECK(!memcmp(&good, &r, sizeof(r)));
}

static volatile u64 watched;
static volatile u64 hits, hit_dr6, hit_rip;

static void on_debug(struct frame *frame)
{
	hits++;
	hit_dr6 = read_dr6();
	hit_rip = frame->rip;
	write_dr6(0xffff0ff0);
	frame->rflags |= RFLAGS_RF; /* go past a breakpoint on the instruction */
}

static void use(u64 unused)
{
	u64 target;

	G_ASSERT_EQ(read_dr0(), 0x1111);
	G_ASSERT_EQ(read_dr3(), 0x4444);
	write_dr0((u64)&watched);
	G_ASSERT_EQ(read_dr0(), (u64)&watched);
	write_dr7(0x400 | 1 | 0xd0000); /* DR0: writes of 4 bytes */
	G_ASSERT_EQ(read_dr7(), 0x400 | 1 | 0xd0000);
	watched = 1;
	G_ASSERT_EQ(hits, 1);
	G_ASSERT_EQ(hit_dr6 & 0xf, 1);
	(void)watched;
	G_ASSERT_EQ(hits, 1);
	guest_sync(1);
	/* Still there after an exit */
	watched = 2;
	G_ASSERT_EQ(hits, 2);
	/* A breakpoint on an instruction */
	asm volatile("lea 1f(%%rip), %0; mov %0, %%dr1; mov %1, %%dr7\n1: nop"
		     : "=&r"(target)
		     : "r"(0x404ULL)
		     : "memory");
	G_ASSERT_EQ(hits, 3);
	G_ASSERT_EQ(hit_dr6 & 0xf, 2);
	G_ASSERT_EQ(hit_rip, target);
	write_dr7(0x400);
	watched = 3;
	G_ASSERT_EQ(hits, 3);
}

CASE(guest, "the guest's watchpoints and breakpoints fire, before and after an exit")
{
	struct vcpu *cpu = vm_with(0, use, 0);
	struct kvm_debugregs r = { .db = { 0x1111, 0, 0, 0x4444 },
				   .dr6 = 0xffff0ff0,
				   .dr7 = 0x400 };

	guest_handlers[1] = on_debug;
	OK(ioctl(cpu->fd, KVM_SET_DEBUGREGS, &r));
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_GET_DEBUGREGS, &r));
	CHECK_EQ(r.db[0], (u64)&watched);
	CHECK_EQ(r.dr7, 0x400 | 1 | 0xd0000);
	vcpu_expect_done(cpu);
}

static void step(u64 unused)
{
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop; nop\n"
		     "pushfq; andq $~0x100, (%%rsp); popfq"
		     :
		     :
		     : "memory", "cc");
	/* nop ×3, pushfq, and, popfq: each traps when it is done */
	G_ASSERT_EQ(hits, 6);
	G_ASSERT_EQ(hit_dr6 & BIT(14), BIT(14));
}

static void on_step(struct frame *frame)
{
	hits++;
	hit_dr6 = read_dr6();
	write_dr6(0xffff0ff0);
}

CASE(single_step, "the trap flag traps after every instruction")
{
	struct vcpu *cpu = vm_with(0, step, 0);

	guest_handlers[1] = on_step;
	vcpu_expect_done(cpu);
}

static void step_exits(u64 unused)
{
	hits = 0;
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; cpuid; out %%al, $0x80; rdmsr\n"
		     "pushfq; andq $~0x100, (%%rsp); popfq"
		     :
		     : "a"(0), "c"(MSR_APIC_BASE)
		     : "rbx", "rdx", "memory", "cc");
	G_ASSERT_EQ(hits, 6);
}

CASE(single_step_exits, "instructions that leave the guest trap as well")
{
	struct vcpu *cpu = vm_with(0, step_exits, 0);

	guest_handlers[1] = on_step;
	/* CPUID changes ECX: let RDMSR read one that is there. */
	vcpu_expect_exit(cpu, KVM_EXIT_IO);
	{
		struct kvm_regs r;

		vcpu_get_regs(cpu, &r);
		r.rcx = MSR_APIC_BASE;
		vcpu_set_regs(cpu, &r);
	}
	vcpu_expect_done(cpu);
}

/* STI holds interrupts back, but no trap; MOV SS holds both back, for one instruction, whether that exits or not. */
static void step_shadows(u64 unused)
{
	hits = 0;
	asm volatile("mov %%ss, %%esi\n"
		     "pushfq; orq $0x100, (%%rsp); popfq\n"
		     "sti; nop; mov %%esi, %%ss; nop; mov %%esi, %%ss; cpuid; sti; cpuid; cli\n"
		     "pushfq; andq $~0x100, (%%rsp); popfq"
		     :
		     : "a"(0), "c"(0)
		     : "rbx", "rdx", "rsi", "memory", "cc");
	G_ASSERT_EQ(hits, 10);
	G_ASSERT_EQ(hit_dr6 & BIT(14), BIT(14));
}

CASE(single_step_shadows, "STI traps at once, MOV SS with the instruction behind it")
{
	struct vcpu *cpu = vm_with(0, step_shadows, 0);
	struct stats s = stats_open(cpu->fd);

	guest_handlers[1] = on_step;
	vcpu_expect_done(cpu);
	/* No entry was refused and made good in software. */
	if (cpu_is_intel())
		CHECK_EQ(stats_value(&s, "insn_emulation"), 0);
}

static void on_detect(struct frame *frame)
{
	hits++;
	hit_dr6 = read_dr6();
	write_dr6(0xffff0ff0);
	frame->rflags &= ~RFLAGS_TF;
}

static void detect(u64 unused)
{
	u64 dr7;

	hits = 0;
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; mov %0, %%dr7"
		     :
		     : "r"(0x2400UL)
		     : "memory", "cc");
	G_ASSERT_EQ(hits, 1);
	G_ASSERT_EQ(hit_dr6 & 0xe00f, BIT(14)); /* BS, but not BD */
	asm volatile("mov %%dr7, %0" : "=r"(dr7));
	G_ASSERT_EQ(dr7, 0x400);
}

CASE(general_detect,
     "a single step ends the protection of the debug registers that the instruction has begun")
{
	struct vcpu *cpu = vm_with(0, detect, 0);

	guest_handlers[1] = on_detect;
	vcpu_expect_done(cpu);
}
