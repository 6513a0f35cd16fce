// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every ioctl with arguments that nobody would think of, from several threads at once, while guests of random bytes run.
 * Nothing is expected of an answer: the kernel must not complain, and nothing may be left behind.
 *
 * The numbers drawn are the same each time; how the threads interleave is not.  FUZZ_SEED and FUZZ_OPS in the environment
 * draw others, and more of them.
 */
#include <fcntl.h>
#include <linux/kvm_para.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define NR_THREADS 4
#define NR_VMS 2
#define NR_VCPUS 2
#define ARENA (1UL << 20)
#define BUFFER (8 * PAGE)
#define RUN_PAGES 3

/* ---------------------------------------------------------------- what there is */

enum on { SYS = 1, VM = 2, VCPU = 4 };

static const struct command {
	u32 cmd;
	u8 on;
} commands[] = {
	{ KVM_GET_API_VERSION, SYS },
	{ KVM_CREATE_VM, SYS },
	{ KVM_GET_MSR_INDEX_LIST, SYS },
	{ KVM_CHECK_EXTENSION, SYS | VM },
	{ KVM_GET_VCPU_MMAP_SIZE, SYS },
	{ KVM_GET_SUPPORTED_CPUID, SYS },
	{ KVM_GET_EMULATED_CPUID, SYS },
	{ KVM_GET_MSR_FEATURE_INDEX_LIST, SYS },
	{ KVM_GET_MSRS, SYS | VCPU },
	{ KVM_X86_GET_MCE_CAP_SUPPORTED, SYS },
	{ KVM_CREATE_VCPU, VM },
	{ KVM_GET_DIRTY_LOG, VM },
	{ KVM_CLEAR_DIRTY_LOG, VM },
	{ KVM_SET_NR_MMU_PAGES, VM },
	{ KVM_SET_USER_MEMORY_REGION, VM },
	{ KVM_SET_TSS_ADDR, VM },
	{ KVM_SET_IDENTITY_MAP_ADDR, VM },
	{ KVM_CREATE_IRQCHIP, VM },
	{ KVM_IRQ_LINE, VM },
	{ KVM_IRQ_LINE_STATUS, VM },
	{ KVM_GET_IRQCHIP, VM },
	{ KVM_SET_IRQCHIP, VM },
	{ KVM_CREATE_PIT, VM },
	{ KVM_GET_PIT, VM },
	{ KVM_SET_PIT, VM },
	{ KVM_CREATE_PIT2, VM },
	{ KVM_GET_PIT2, VM },
	{ KVM_SET_PIT2, VM },
	{ KVM_REINJECT_CONTROL, VM },
	{ KVM_REGISTER_COALESCED_MMIO, VM },
	{ KVM_UNREGISTER_COALESCED_MMIO, VM },
	{ KVM_SET_GSI_ROUTING, VM },
	{ KVM_SIGNAL_MSI, VM },
	{ KVM_IRQFD, VM },
	{ KVM_IOEVENTFD, VM },
	{ KVM_SET_BOOT_CPU_ID, VM },
	{ KVM_SET_CLOCK, VM },
	{ KVM_GET_CLOCK, VM },
	{ KVM_X86_SET_MSR_FILTER, VM },
	{ KVM_CREATE_DEVICE, VM },
	{ KVM_ENABLE_CAP, VM | VCPU },
	{ KVM_GET_STATS_FD, VM | VCPU },
	{ KVM_SET_TSC_KHZ, VM | VCPU },
	{ KVM_GET_TSC_KHZ, VM | VCPU },
	{ KVM_HAS_DEVICE_ATTR, SYS | VM | VCPU },
	{ KVM_GET_DEVICE_ATTR, SYS | VM | VCPU },
	{ KVM_SET_DEVICE_ATTR, VM | VCPU },
	{ KVM_GET_REGS, VCPU },
	{ KVM_SET_REGS, VCPU },
	{ KVM_GET_SREGS, VCPU },
	{ KVM_SET_SREGS, VCPU },
	{ KVM_GET_SREGS2, VCPU },
	{ KVM_SET_SREGS2, VCPU },
	{ KVM_TRANSLATE, VCPU },
	{ KVM_INTERRUPT, VCPU },
	{ KVM_NMI, VCPU },
	{ KVM_SMI, VCPU },
	{ KVM_SET_MSRS, VCPU },
	{ KVM_SET_CPUID, VCPU },
	{ KVM_SET_CPUID2, VCPU },
	{ KVM_GET_CPUID2, VCPU },
	{ KVM_SET_SIGNAL_MASK, VCPU },
	{ KVM_GET_FPU, VCPU },
	{ KVM_SET_FPU, VCPU },
	{ KVM_GET_LAPIC, VCPU },
	{ KVM_SET_LAPIC, VCPU },
	{ KVM_TPR_ACCESS_REPORTING, VCPU },
	{ KVM_SET_VAPIC_ADDR, VCPU },
	{ KVM_GET_MP_STATE, VCPU },
	{ KVM_SET_MP_STATE, VCPU },
	{ KVM_SET_GUEST_DEBUG, VCPU },
	{ KVM_X86_SETUP_MCE, VCPU },
	{ KVM_X86_SET_MCE, VCPU },
	{ KVM_GET_VCPU_EVENTS, VCPU },
	{ KVM_SET_VCPU_EVENTS, VCPU },
	{ KVM_GET_DEBUGREGS, VCPU },
	{ KVM_SET_DEBUGREGS, VCPU },
	{ KVM_GET_XSAVE, VCPU },
	{ KVM_GET_XSAVE2, VCPU },
	{ KVM_SET_XSAVE, VCPU },
	{ KVM_GET_XCRS, VCPU },
	{ KVM_SET_XCRS, VCPU },
	{ KVM_GET_ONE_REG, VCPU },
	{ KVM_SET_ONE_REG, VCPU },
	{ KVM_GET_NESTED_STATE, VCPU },
	{ KVM_SET_NESTED_STATE, VCPU },
	{ KVM_KVMCLOCK_CTRL, VCPU },
};

/* What one reads can be changed a little and written: that gets further than noise. */
static const struct {
	u32 get, set;
} pairs[] = {
	{ KVM_GET_REGS, KVM_SET_REGS },
	{ KVM_GET_SREGS, KVM_SET_SREGS },
	{ KVM_GET_SREGS2, KVM_SET_SREGS2 },
	{ KVM_GET_FPU, KVM_SET_FPU },
	{ KVM_GET_LAPIC, KVM_SET_LAPIC },
	{ KVM_GET_MP_STATE, KVM_SET_MP_STATE },
	{ KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS },
	{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS },
	{ KVM_GET_XSAVE, KVM_SET_XSAVE },
	{ KVM_GET_XCRS, KVM_SET_XCRS },
	{ KVM_GET_CPUID2, KVM_SET_CPUID2 },
	{ KVM_GET_MSRS, KVM_SET_MSRS },
	{ KVM_GET_IRQCHIP, KVM_SET_IRQCHIP },
	{ KVM_GET_PIT2, KVM_SET_PIT2 },
	{ KVM_GET_CLOCK, KVM_SET_CLOCK },
};

struct machine {
	int fd;
	int vcpu[NR_VCPUS];
	u8 *run[NR_VCPUS];
};

static int kvm;
static struct machine machines[NR_VMS];
static u8 *arena;

/* A thread: its numbers, and a buffer that ends where nothing is mapped. */
struct fuzzer {
	u64 state;
	u64 ops;
	u8 *buffer;
	timer_t timer;
};

/* ---------------------------------------------------------------- numbers */

static u64 draw(struct fuzzer *f)
{
	u64 z = f->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static u64 below(struct fuzzer *f, u64 n)
{
	return draw(f) % n;
}

static u64 interesting(struct fuzzer *f)
{
	static const u64 values[] = { 0,	   1,	       2,	   3,	       7,
				      8,	   0x10,       0x1b,	   0xff,       0x100,
				      0xfff,	   0x1000,     0x7fff,	   0xffff,     0x10000,
				      0x7fffffff,  0x80000000, 0xfee00000, 0xfffbd000, 0xffffffff,
				      0x100000000, 0xc0000080, 1ULL << 47, 1ULL << 52, 1ULL << 62,
				      1ULL << 63,  ~0xfffULL,  ~0ULL };

	switch (below(f, 4)) {
	case 0:
		return draw(f);
	case 1:
		return BIT(below(f, 64));
	case 2:
		return below(f, 64);
	default:
		return values[below(f, ARRAY_SIZE(values))];
	}
}

static void fill(struct fuzzer *f, u8 *at, u64 size)
{
	u64 how = below(f, 5);

	memset(at, how == 1 ? 0xff : 0, size);
	if (how < 2)
		return;
	/* A few words, or each of them */
	for (u64 i = 0; i + 4 <= size; i += 4) {
		u32 word = interesting(f);

		if (how > 2 || !below(f, 8))
			memcpy(at + i, &word, 4);
	}
}

static void change_a_little(struct fuzzer *f, u8 *at, u64 size)
{
	for (u64 n = 1 + below(f, 4); n; n--) {
		u64 i = below(f, size), value = interesting(f);

		if (below(f, 2)) {
			at[i] ^= 1 << below(f, 8);
		} else {
			i &= ~7ULL;
			memcpy(at + i, &value, size - i < 8 ? size - i : 8);
		}
	}
}

/* ---------------------------------------------------------------- what must not hit this process */

/* Addresses that the kernel writes to, itself or for the guest, are in the arena or nowhere. */
static u64 safe_address(struct fuzzer *f)
{
	switch (below(f, 8)) {
	case 0:
		return 0;
	case 1:
		return 0xffff888000000000;
	case 2:
		return (u64)arena + below(f, ARENA);
	case 3:
		return (u64)arena + ARENA - PAGE;
	default:
		return (u64)arena + below(f, ARENA / PAGE) * PAGE;
	}
}

static void make_safe(struct fuzzer *f, u32 cmd, u8 *at)
{
	switch (cmd) {
	case KVM_SET_USER_MEMORY_REGION: {
		struct kvm_userspace_memory_region *r = (void *)at;

		r->userspace_addr = safe_address(f);
		if (below(f, 4)) {
			r->slot = below(f, 4);
			r->flags &= 3;
			r->guest_phys_addr = below(f, 64) * PAGE;
		}
		/* What lies behind the arena is not mapped, for this far. */
		r->memory_size = below(f, 4) ? below(f, 65) * PAGE : r->memory_size & (ARENA - 1);
		break;
	}
	case KVM_GET_DIRTY_LOG:
		((struct kvm_dirty_log *)at)->dirty_bitmap = (void *)safe_address(f);
		break;
	case KVM_CLEAR_DIRTY_LOG:
		((struct kvm_clear_dirty_log *)at)->dirty_bitmap = (void *)safe_address(f);
		break;
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		((struct kvm_device_attr *)at)->addr = safe_address(f);
		break;
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG:
		((struct kvm_one_reg *)at)->addr = safe_address(f);
		break;
	case KVM_IRQFD:
		/* This process' other descriptors are eventfds, or not. */
		((struct kvm_irqfd *)at)->fd = below(f, 24);
		break;
	case KVM_IOEVENTFD:
		((struct kvm_ioeventfd *)at)->fd = below(f, 24);
		break;
	case KVM_SET_SIGNAL_MASK:
		/* The timer's signal ends a KVM_RUN. */
		((struct kvm_signal_mask *)at)->len = below(f, 8) ? 8 : interesting(f);
		memset(at + 4, 0, 8);
		break;
	}
	/* Lists that the kernel fills as far as they claim to reach */
	if (cmd == KVM_GET_MSR_INDEX_LIST || cmd == KVM_GET_MSR_FEATURE_INDEX_LIST)
		*(u32 *)at %= BUFFER / 4 - 1;
	if (cmd == KVM_GET_SUPPORTED_CPUID || cmd == KVM_GET_EMULATED_CPUID ||
	    cmd == KVM_GET_CPUID2)
		*(u32 *)at %= BUFFER / sizeof(struct kvm_cpuid_entry2);
}

/* ---------------------------------------------------------------- one operation */

static struct machine *any_machine(struct fuzzer *f)
{
	return &machines[below(f, NR_VMS)];
}

static int descriptor(struct fuzzer *f, unsigned int on)
{
	struct machine *m = any_machine(f);

	switch (on) {
	case SYS:
		return kvm;
	case VM:
		return m->fd;
	default:
		return m->vcpu[below(f, NR_VCPUS)];
	}
}

static unsigned int pick_on(struct fuzzer *f, unsigned int on)
{
	unsigned int one;

	/* Now and then where it does not belong */
	if (!below(f, 32))
		on = SYS | VM | VCPU;
	do
		one = 1 << below(f, 3);
	while (!(on & one));
	return one;
}

static void close_new(u32 cmd, int r)
{
	if (r > 2 && (cmd == KVM_CREATE_VM || cmd == KVM_CREATE_VCPU || cmd == KVM_GET_STATS_FD ||
		      cmd == KVM_CREATE_DEVICE))
		close(r);
}

static void any_ioctl(struct fuzzer *f)
{
	const struct command *c = &commands[below(f, ARRAY_SIZE(commands))];
	u32 cmd = c->cmd;
	u64 size = _IOC_SIZE(cmd);
	/* Most have a list behind them. */
	u8 *at = f->buffer;
	int fd = descriptor(f, pick_on(f, c->on));

	if (!size) {
		close_new(cmd, ioctl(fd, cmd, interesting(f)));
		return;
	}
	fill(f, at, BUFFER);
	make_safe(f, cmd, at);
	switch (below(f, 16)) {
	case 0:
		/* Cut off at the end of what is mapped */
		memmove(f->buffer + BUFFER - size / 2, at, size / 2);
		at = f->buffer + BUFFER - size / 2;
		break;
	case 1:
		at = NULL;
		break;
	}
	close_new(cmd, ioctl(fd, cmd, at));
}

/* Another number, direction or size than any there is */
static void no_ioctl(struct fuzzer *f)
{
	u32 cmd = commands[below(f, ARRAY_SIZE(commands))].cmd ^ BIT(below(f, 32));

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cmd == cmd)
			return;
	/* What is in the argument may be an address. */
	memset(f->buffer, 0, BUFFER);
	if (_IOC_TYPE(cmd) == KVMIO)
		close_new(KVM_CREATE_VM,
			  ioctl(descriptor(f, pick_on(f, SYS | VM | VCPU)), cmd, f->buffer));
}

static void read_change_write(struct fuzzer *f)
{
	size_t i = below(f, ARRAY_SIZE(pairs));
	u32 get = pairs[i].get, set = pairs[i].set;
	u64 size = _IOC_SIZE(get);
	int fd = descriptor(
		f,
		get == KVM_GET_IRQCHIP || get == KVM_GET_PIT2 || get == KVM_GET_CLOCK ? VM : VCPU);

	memset(f->buffer, 0, BUFFER);
	if (get == KVM_GET_CPUID2) {
		*(u32 *)f->buffer = 200;
		size = BUFFER;
	}
	if (get == KVM_GET_MSRS) {
		struct kvm_msrs *m = (void *)f->buffer;

		m->nmsrs = 1;
		m->entries[0].index = below(f, 2) ? below(f, 0x900) : 0xc0000080 + below(f, 0x90);
		if (below(f, 4) == 0)
			m->entries[0].index = below(f, 2) ? 0x4b564d00 + below(f, 9) :
							    0x11 + below(f, 2);
		size = sizeof(*m) + sizeof(m->entries[0]);
	}
	if (get == KVM_GET_IRQCHIP)
		((struct kvm_irqchip *)f->buffer)->chip_id = below(f, 4);
	if (ioctl(fd, get, f->buffer) < 0)
		return;
	change_a_little(f, f->buffer, size);
	ioctl(fd, set, f->buffer);
}

static void run_a_vcpu(struct fuzzer *f)
{
	/* Again and again: the first signal may come before KVM_RUN has begun, whose guest then sleeps for good. */
	const struct itimerspec soon = { { 0, 2000000 }, { 0, 2000000 } }, never = {};
	struct machine *m = any_machine(f);
	u64 i = below(f, NR_VCPUS);
	struct kvm_run *run = (void *)m->run[i];

	if (!below(f, 4))
		change_a_little(f, m->run[i], RUN_PAGES * PAGE);
	run->immediate_exit = !below(f, 4);
	if (!below(f, 8)) {
		run->kvm_valid_regs = below(f, 8);
		run->kvm_dirty_regs = below(f, 8);
	} else {
		run->kvm_valid_regs = run->kvm_dirty_regs = 0;
	}
	timer_settime(f->timer, 0, &soon, NULL);
	ioctl(m->vcpu[i], KVM_RUN, 0);
	timer_settime(f->timer, 0, &never, NULL);
}

static void touch_arena(struct fuzzer *f)
{
	u64 page = below(f, ARENA / PAGE) * PAGE;

	switch (below(f, 4)) {
	case 0:
		madvise(arena + page, PAGE, MADV_DONTNEED);
		break;
	case 1:
		mprotect(arena + page, PAGE, below(f, 2) ? PROT_READ : PROT_READ | PROT_WRITE);
		break;
	default:
		mprotect(arena + page, PAGE, PROT_READ | PROT_WRITE);
		fill(f, arena + page, PAGE);
	}
}

static void new_vcpu(struct machine *m, int i)
{
	m->vcpu[i] = OK(ioctl(m->fd, KVM_CREATE_VCPU, i));
	m->run[i] = mmap(NULL, RUN_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[i], 0);
	REQUIRE(m->run[i] != MAP_FAILED);
}

static void new_machine(struct machine *m, bool irqchip)
{
	m->fd = OK(ioctl(kvm, KVM_CREATE_VM, 0));
	OK(ioctl(m->fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	if (irqchip) {
		OK(ioctl(m->fd, KVM_CREATE_IRQCHIP, 0));
		OK(ioctl(m->fd, KVM_CREATE_PIT2, &(struct kvm_pit_config){}));
	}
	for (int i = 0; i < NR_VCPUS; i++) {
		new_vcpu(m, i);
		OK(ioctl(m->vcpu[i], KVM_SET_CPUID2, cpuid_supported(kvm)));
	}
}

static void operation(struct fuzzer *f)
{
	u64 what = below(f, 100);

	if (what < 45)
		any_ioctl(f);
	else if (what < 75)
		read_change_write(f);
	else if (what < 80)
		no_ioctl(f);
	else if (what < 85)
		touch_arena(f);
	else
		run_a_vcpu(f);
}

/* ---------------------------------------------------------------- the threads */

static void nothing(int sig)
{
}

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

	ev._sigev_un._tid = syscall(SYS_gettid);
	OK(timer_create(CLOCK_MONOTONIC, &ev, &f->timer));
	f->buffer = mmap(NULL, BUFFER + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	OK(munmap(f->buffer + BUFFER, PAGE));
	for (u64 i = 0; i < f->ops; i++)
		operation(f);
	return NULL;
}

static u64 from_environment(const char *name, u64 usual)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : usual;
}

static void fuzz(void)
{
	u64 seed = from_environment("FUZZ_SEED", 1);
	struct fuzzer fuzzers[NR_THREADS] = {};
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t threads[NR_THREADS];

	OK(sigaction(SIGALRM, &sa, NULL));
	kvm = kvm_open();
	for (int i = 0; i < 8; i++)
		OK(eventfd(0, EFD_NONBLOCK));
	/* Nothing else is to be near it. */
	arena = mmap((void *)0x700000000000, ARENA, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	REQUIRE(arena != MAP_FAILED);
	for (int i = 0; i < NR_VMS; i++)
		new_machine(&machines[i], i & 1);
	for (int i = 0; i < NR_THREADS; i++) {
		fuzzers[i].state = seed * 1000 + i;
		fuzzers[i].ops = from_environment("FUZZ_OPS", 3000) / NR_THREADS;
		REQUIRE(!pthread_create(&threads[i], NULL, fuzz_thread, &fuzzers[i]));
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static u64 users_of_module(void)
{
	char text[32];

	if (!read_file(cpu_is_intel() ? "/sys/module/kvm_intel/refcnt" :
					"/sys/module/kvm_amd/refcnt",
		       text, sizeof(text)))
		SKIP("no module to look at");
	return strtoull(text, NULL, 10);
}

CASE_SLOW(random, "random ioctls from four threads: the kernel bears it and keeps nothing", 600)
{
	u64 before = users_of_module();
	int status;
	pid_t pid;

	SKIP_QUIRK(QUIRK_PANIC);
	pid = OK(fork());
	if (!pid) {
		fuzz();
		_exit(ktap_failed());
	}
	OK(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	for (int i = 0; i < 1000 && users_of_module() > before; i++)
		sleep_ms(10);
	CHECK_EQ(users_of_module(), before);
}
