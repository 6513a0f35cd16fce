// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual features between vCPUs: a kick that ends a halt, a TLB flush left to the host, whom a yield helps on. */
#include <pthread.h>
#include <unistd.h>

#include "apic.h"
#include "debugfs.h"
#include "stats.h"
#include "vm.h"

#define MSR_STEAL_TIME 0x4b564d03
#define HC_KICK_CPU 5
#define HC_SCHED_YIELD 11
#define PREEMPTED BIT(0)
#define FLUSH_TLB BIT(1)
#define VECTOR 0x51

static struct vm *vm;

static void need_feature(int bit)
{
	vm = vm_new(VM_IRQCHIP);
	if (!(cpuid_find(cpuid_supported(vm->kvm), 0x40000001, 0)->eax & BIT(bit)))
		SKIP("feature %d is not offered", bit);
}

/* ------------------------------------------------------------------------------------------------------------- kicks */

#define KICKS 20

static volatile u64 halts_begun, halts_ended;

/* With interrupts off nothing but a kick ends it. */
static void halts(u64 unused)
{
	apic_enable();
	for (int i = 0; i < KICKS; i++) {
		halts_begun++;
		halt();
		halts_ended++;
	}
}

static void kicks(u64 unused)
{
	apic_enable();
	for (u64 i = 1; i <= KICKS; i++) {
		while (halts_begun < i)
			relax();
		/* An interrupt does not. */
		apic_send(1, ICR_ASSERT | VECTOR);
		for (int n = 0; n < 1000; n++)
			relax();
		G_ASSERT_EQ(halts_ended, i - 1);
		G_ASSERT_EQ(hypercall(HC_KICK_CPU, 0, 1, 0, 0), 0);
		while (halts_ended < i)
			relax();
	}
}

CASE(kick, "KVM_HC_KICK_CPU ends a HLT with interrupts off, one for each kick")
{
	struct runner *runner;
	struct vcpu *cpu;

	need_feature(7);
	cpu = vcpu_new(vm, kicks, 0);
	runner = vcpu_start(vcpu_new(vm, halts, 0));
	vcpu_expect_done(cpu);
	vcpu_join(runner);
}

/* --------------------------------------------------------------------------------------------------------- TLB flush */

/* A page that is now at one place and then at another */
#define WINDOW 0x30000000UL
#define MOVES 20

static u8 steal[64] __attribute__((aligned(64)));
static volatile u8 *const preempted = steal + 16;
static volatile bool waiting, stop;
static u64 *window_pte;
static u64 first_page, second_page;

static u64 through_window(void)
{
	return *(volatile u64 *)WINDOW;
}

/* Looks through the window before and after it is moved, with no flush of its own in between. */
static void looks(u64 unused)
{
	wrmsr(MSR_STEAL_TIME, (u64)steal | 1);
	for (int i = 0; i < MOVES; i++) {
		G_ASSERT_EQ(through_window(), 1);
		waiting = true;
		while (waiting)
			relax();
		G_ASSERT_EQ(through_window(), 2);
		*window_pte = first_page | PTE_P | PTE_W | PTE_A | PTE_D;
		invlpg((void *)WINDOW);
	}
}

/* What Linux does instead of sending an interrupt: it asks the host to flush, if the vCPU is not running. */
static void moves_window(u64 unused)
{
	u8 told;

	for (int i = 0; i < MOVES; i++) {
		while (!waiting)
			relax();
		*window_pte = second_page | PTE_P | PTE_W | PTE_A | PTE_D;
		do
			told = PREEMPTED;
		while (!__atomic_compare_exchange_n(preempted, &told, PREEMPTED | FLUSH_TLB, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
		waiting = false;
	}
}

static u64 stat(struct vcpu *cpu, const char *name)
{
	struct stats s = stats_open(cpu->fd);
	u64 value = stats_value(&s, name);

	close(s.fd);
	return value;
}

static void *compete(void *unused)
{
	while (!stop)
		;
	return NULL;
}

CASE(tlb_flush, "a TLB flush that is asked of a preempted vCPU is done before it goes on")
{
	struct vcpu *sender, *other;
	struct runner *runner;
	pthread_t competitor;
	u64 before;

	need_feature(9);
	if (host_cpus() < 2)
		SKIP("needs two CPUs");
	first_page = vm_alloc(vm, PAGE);
	second_page = vm_alloc(vm, PAGE);
	*(u64 *)vm_host(vm, first_page) = 1;
	*(u64 *)vm_host(vm, second_page) = 2;
	vm_map(vm, WINDOW, first_page, PTE_P | PTE_W | PTE_A | PTE_D);
	window_pte = (u64 *)((u8 *)vm_pte(vm, WINDOW) - (u64)vm->low);
	sender = vcpu_new(vm, moves_window, 0);
	other = vcpu_new(vm, looks, 0);
	/* A processor that forgets all translations when the guest is left would hide it. */
	before = stat(other, "tlb_flush");
	/* Two threads for one CPU; the sender has the other one. */
	stay_on_cpu(0, 1);
	runner = vcpu_start(other);
	REQUIRE(!pthread_create(&competitor, NULL, compete, NULL));
	stay_on_cpu(0, 0);
	vcpu_expect_done(sender);
	vcpu_join(runner);
	stop = true;
	pthread_join(competitor, NULL);
	CHECK(stat(other, "tlb_flush") >= before + MOVES);
}

/* ------------------------------------------------------------------------------------------------------------ yields */

static volatile bool spinning[3];

static void spins(u64 unused)
{
	spinning[this_cpu()->index] = true;
	while (!stop)
		;
}

static volatile u64 yields;

static void yields_to(u64 id)
{
	while (!spinning[1])
		relax();
	for (u64 i = 0; i < yields; i++)
		G_ASSERT_EQ(hypercall(HC_SCHED_YIELD, id, 0, 0, 0), 0);
	guest_sync(1);
	stop = true;
}

/* The distribution's modules count the attempts of calls alone, and are choosier. */
static void ours_alone(struct vcpu *cpu)
{
	if (access(vm_path(cpu->vm, "vcpu0/flight"), F_OK))
		SKIP("the distribution's modules count otherwise");
}

#define YIELDS 50

CASE(yield, "KVM_HC_SCHED_YIELD to a vCPU that was preempted has it run")
{
	struct runner *runner;
	struct vcpu *cpu;

	need_feature(13);
	yields = YIELDS;
	/* Both on one processor: when one runs, the other has been preempted. */
	stay_on_cpu(0, 0);
	cpu = vcpu_new(vm, yields_to, 1);
	runner = vcpu_start(vcpu_new(vm, spins, 0));
	vcpu_expect_sync(cpu, 1);
	/* Waiting for the other one to spin, it may have had a PAUSE exit or two. */
	CHECK(stat(cpu, "directed_yield_attempted") >= YIELDS);
	CHECK(stat(cpu, "directed_yield_successful") <= stat(cpu, "directed_yield_attempted"));
	vcpu_expect_done(cpu);
	vcpu_join(runner);
	ours_alone(cpu);
	CHECK(stat(cpu, "directed_yield_successful") > 0);
}

CASE(yield_idle, "one to oneself, to nobody, or to a vCPU that does not run helps nobody on")
{
	struct vcpu *cpu;

	need_feature(13);
	yields = 1;
	spinning[1] = true;
	for (u64 id = 0; id < 3; id++) {
		cpu = vcpu_new(vm, yields_to, id);
		vcpu_new_bare(vm, 1);
		vcpu_expect_sync(cpu, 1);
		CHECK_EQ(stat(cpu, "directed_yield_successful"), 0);
		vm = vm_new(VM_IRQCHIP);
	}
}

/* Does PAUSE in a loop end in the host here? */
static bool pause_loops_exit(void)
{
	char text[16];

	if (cpu_is_intel())
		return read_file("/sys/module/kvm_intel/parameters/ple_gap", text, sizeof(text)) &&
		       atoi(text);
	return cpuid(0x80000000, 0).eax >= 0x8000000a && (cpuid(0x8000000a, 0).edx & BIT(10));
}

static u64 user_stack[64] __attribute__((aligned(16)));

/* Says that it is there, until it finds RDI's byte set */
extern const u8 user_spin[];
asm(".pushsection .text\n"
    "user_spin: movb $1, (%rsi); cmpb $0, (%rdi); je user_spin; ud2\n"
    ".popsection\n");

static void spins_in_user_mode(u64 unused)
{
	asm volatile("push %0; push %1; push %2; push %3; push %4; iretq"
		     :
		     : "i"(USER_DS), "r"(user_stack + 60), "i"(RFLAGS_FIXED), "i"(USER_CS),
		       "r"(user_spin), "D"(&stop), "S"(&spinning[this_cpu()->index])
		     : "memory");
}

static void leaves_user_mode(struct frame *frame)
{
	guest_done();
}

#define SPIN_TICKS 20000000ULL

static void waits(u64 unused)
{
	u64 end;

	while (!spinning[1])
		relax();
	guest_sync(1);
	for (end = rdtsc() + SPIN_TICKS; rdtsc() < end;)
		relax();
	guest_sync(2);
	stop = true;
}

/* How often a vCPU that spins in its kernel tried to help on the other one on its processor. */
static u64 attempts(void (*other)(u64))
{
	struct runner *runner;
	struct vcpu *cpu;
	u64 before;

	if (!pause_loops_exit())
		SKIP("PAUSE loops do not exit here");
	vm = vm_new(VM_IRQCHIP);
	stop = spinning[1] = false;
	stay_on_cpu(0, 0);
	cpu = vcpu_new(vm, waits, 0);
	guest_handlers[6] = leaves_user_mode;
	runner = vcpu_start(vcpu_new(vm, other, 0));
	vcpu_expect_sync(cpu, 1);
	before = stat(cpu, "directed_yield_attempted");
	vcpu_expect_sync(cpu, 2);
	before = stat(cpu, "directed_yield_attempted") - before;
	vcpu_expect_done(cpu);
	vcpu_join(runner);
	ours_alone(cpu);
	return before;
}

CASE(spin,
     "who spins in the kernel helps on who was preempted in the kernel, and not who was in user mode")
{
	CHECK(attempts(spins) > 0);
	CHECK_EQ(attempts(spins_in_user_mode), 0);
}
