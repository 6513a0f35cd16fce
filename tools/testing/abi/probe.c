// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks a /dev/kvm everything that can be asked without a guest: what it offers, what a new vCPU looks like, and which error
 * every ioctl gives for arguments that are wrong in all the usual ways.  One line an answer, so that two of them can be
 * compared (tools/testing/abi/compare).
 *
 * What an ioctl answers is found out in a child process with a machine of its own.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NO_MEMORY ((void *)0x1000)
#define RAM 0x200000UL

/* ---------------------------------------------------------------- a machine */

enum kind { BARE, IRQCHIP, SPLIT };
static const char *const kind_name[] = { "bare", "irqchip", "split" };

static int kvm, vm, vcpu, vcpu1;
static struct kvm_run *run;
static u8 *ram;

static long must(long r, const char *what)
{
	if (r < 0)
		err(1, "%s", what);
	return r;
}
#define MUST(x) must(x, #x)

static struct kvm_cpuid2 *supported_cpuid(void)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} t;

	t.head.nent = 256;
	MUST(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &t));
	return &t.head;
}

static void machine(enum kind kind, bool with_cpuid)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_userspace_memory_region r = { .memory_size = RAM };

	vm = MUST(ioctl(kvm, KVM_CREATE_VM, 0));
	MUST(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000));
	if (kind == IRQCHIP)
		MUST(ioctl(vm, KVM_CREATE_IRQCHIP, 0));
	if (kind == SPLIT)
		MUST(ioctl(vm, KVM_ENABLE_CAP, &split));
	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	r.userspace_addr = (u64)ram;
	MUST(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r));
	vcpu = MUST(ioctl(vm, KVM_CREATE_VCPU, 0));
	vcpu1 = MUST(ioctl(vm, KVM_CREATE_VCPU, 1));
	run = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of a vCPU");
	if (with_cpuid) {
		MUST(ioctl(vcpu, KVM_SET_CPUID2, supported_cpuid()));
		MUST(ioctl(vcpu1, KVM_SET_CPUID2, supported_cpuid()));
	}
}

/* ---------------------------------------------------------------- what is printed */

static char topic[200];

static void about(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(topic, sizeof(topic), format, ap);
	va_end(ap);
}

static void tell(const char *format, ...)
{
	va_list ap;

	printf("%s: ", topic);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

/* The error's name; of a result only whether it is 0, for it may be a descriptor. */
static const char *answer(long r)
{
	static char text[32];

	if (r < 0)
		return strerrorname_np(errno) ?: "unknown";
	snprintf(text, sizeof(text), r ? "> 0" : "0");
	return text;
}

/* Runs in a child: a machine that is spoiled, a crash or a hang concern this answer alone. */
static void in_child(void (*what)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		what(arg);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		tell("killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		tell("status %d", WEXITSTATUS(status));
}

/* ---------------------------------------------------------------- the offer */

static void capabilities(void)
{
	for (int i = 0; i <= 260; i++) {
		about("capability %d of /dev/kvm", i);
		tell("%d", ioctl(kvm, KVM_CHECK_EXTENSION, i));
		about("capability %d of a VM", i);
		tell("%d", ioctl(vm, KVM_CHECK_EXTENSION, i));
	}
	about("capability -1");
	tell("%d", ioctl(kvm, KVM_CHECK_EXTENSION, -1L));
}

static void cpuid_table(const char *of, struct kvm_cpuid2 *t)
{
	char name[200];

	/* It may be the topic itself. */
	strcpy(name, of);
	for (u32 i = 0; i < t->nent; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[i];

		about("%s %#x.%u", name, e->function, e->index);
		tell("flags %x, %08x %08x %08x %08x", e->flags, e->eax, e->ebx, e->ecx, e->edx);
	}
}

static void cpuid_offer(void)
{
	struct kvm_cpuid2 *t = supported_cpuid();

	cpuid_table("cpuid", t);
	t->nent = 256;
	if (ioctl(kvm, KVM_GET_EMULATED_CPUID, t) == 0)
		cpuid_table("emulated", t);
}

static struct kvm_msr_list *msr_list(unsigned long cmd)
{
	static u8 buf[2][16384];
	struct kvm_msr_list *l = (void *)buf[cmd == KVM_GET_MSR_INDEX_LIST];

	l->nmsrs = 4000;
	MUST(ioctl(kvm, cmd, l));
	return l;
}

static int one_msr(int fd, unsigned long cmd, u32 index, u64 *data)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1, .e = { .index = index, .data = *data } };
	int r = ioctl(fd, cmd, &m);

	*data = m.e.data;
	return r;
}

static void msr_offer(void)
{
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);
	u64 value;
	int r;

	for (u32 i = 0; i < l->nmsrs; i++) {
		about("msr list %#x", l->indices[i]);
		tell("there");
	}
	l = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);
	for (u32 i = 0; i < l->nmsrs; i++) {
		value = 0;
		about("feature msr %#x", l->indices[i]);
		r = one_msr(kvm, KVM_GET_MSRS, l->indices[i], &value);
		tell("%d %#llx", r, (long long)value);
	}
}

/* ---------------------------------------------------------------- state */

static void words(const char *name, const void *data, size_t bytes)
{
	const u64 *w = data;
	char old[200];

	strcpy(old, topic);
	for (size_t i = 0; i < bytes / 8; i++) {
		about("%s %s +%#zx", old, name, i * 8);
		if (w[i])
			tell("%#llx", (long long)w[i]);
	}
	strcpy(topic, old);
}

#define STATE(fd, cmd, type)                                             \
	do {                                                             \
		type s = {};                                             \
		if (ioctl(fd, cmd, &s) < 0)                              \
			tell(#cmd " fails: %s", strerrorname_np(errno)); \
		else                                                     \
			words(#cmd, &s, sizeof(s));                      \
	} while (0)

static void all_msrs(int fd)
{
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);
	char old[200];

	strcpy(old, topic);
	for (u32 i = 0; i < l->nmsrs; i++) {
		u64 value = 0;
		int r;

		/* Time. */
		if (l->indices[i] == 0x10 || l->indices[i] == 0x40000020)
			continue;
		r = one_msr(fd, KVM_GET_MSRS, l->indices[i], &value);
		about("%s msr %#x", old, l->indices[i]);
		tell("%d %#llx", r, (long long)value);
	}
	strcpy(topic, old);
}

static void state(int fd)
{
	struct kvm_mp_state mp;
	int r;

	r = ioctl(fd, KVM_GET_MP_STATE, &mp);
	tell("KVM_GET_MP_STATE %d %u", r, mp.mp_state);
	STATE(fd, KVM_GET_REGS, struct kvm_regs);
	STATE(fd, KVM_GET_SREGS, struct kvm_sregs);
	STATE(fd, KVM_GET_SREGS2, struct kvm_sregs2);
	STATE(fd, KVM_GET_FPU, struct kvm_fpu);
	STATE(fd, KVM_GET_XSAVE, struct kvm_xsave);
	STATE(fd, KVM_GET_XCRS, struct kvm_xcrs);
	STATE(fd, KVM_GET_DEBUGREGS, struct kvm_debugregs);
	STATE(fd, KVM_GET_LAPIC, struct kvm_lapic_state);
	STATE(fd, KVM_GET_VCPU_EVENTS, struct kvm_vcpu_events);
	r = ioctl(fd, KVM_GET_TSC_KHZ, 0);
	tell("KVM_GET_TSC_KHZ %s", answer(r));
	all_msrs(fd);
}

static void vcpu_cpuid(int fd)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} t;

	t.head.nent = 256;
	if (ioctl(fd, KVM_GET_CPUID2, &t) < 0)
		tell("KVM_GET_CPUID2 %s", strerrorname_np(errno));
	else
		cpuid_table(topic, &t.head);
}

static void vm_state(void)
{
	for (u32 i = 0; i < 4; i++) {
		struct kvm_irqchip chip = { .chip_id = i };
		int r = ioctl(vm, KVM_GET_IRQCHIP, &chip);

		tell("KVM_GET_IRQCHIP %u: %s", i, answer(r));
		if (!r) {
			char name[32];

			snprintf(name, sizeof(name), "irqchip %u", i);
			words(name, &chip, sizeof(chip));
		}
	}
	if (ioctl(vm, KVM_CREATE_PIT2, &(struct kvm_pit_config){}) == 0) {
		struct kvm_pit_state2 pit = {};
		int r = ioctl(vm, KVM_GET_PIT2, &pit);

		tell("KVM_GET_PIT2 %s", answer(r));
		for (int i = 0; i < 3; i++)
			pit.channels[i].count_load_time = 0;
		words("PIT", &pit, sizeof(pit));
	}
}

static void new_vcpu(void *arg)
{
	enum kind kind = (long)arg & 3;
	bool with_cpuid = (long)arg & 4;

	machine(kind, with_cpuid);
	about("new vCPU 0 (%s%s)", kind_name[kind], with_cpuid ? ", CPUID set" : "");
	state(vcpu);
	vcpu_cpuid(vcpu);
	about("new vCPU 1 (%s%s)", kind_name[kind], with_cpuid ? ", CPUID set" : "");
	state(vcpu1);
	about("new VM (%s)", kind_name[kind]);
	if (!with_cpuid)
		vm_state();
}

/* What CPUID follows is set: does the table that is given back show it, and can it be set again after a run? */
static void cpuid_follows(void *unused)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 7 };
	struct kvm_cpuid2 *t = supported_cpuid();
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} got;
	struct kvm_sregs s;

	machine(IRQCHIP, true);
	about("CPUID of a vCPU with everything on");
	MUST(ioctl(vcpu, KVM_GET_SREGS, &s));
	s.cr4 |= 1ULL << 18;
	tell("set OSXSAVE %s", answer(ioctl(vcpu, KVM_SET_SREGS, &s)));
	s.cr4 |= 1ULL << 22;
	tell("set PKE %s", answer(ioctl(vcpu, KVM_SET_SREGS, &s)));
	tell("set XCR0 %s", answer(ioctl(vcpu, KVM_SET_XCRS, &xcrs)));
	vcpu_cpuid(vcpu);
	about("CPUID of a vCPU with everything on and no APIC");
	s.apic_base &= ~(1ULL << 11);
	tell("set APIC off %s", answer(ioctl(vcpu, KVM_SET_SREGS, &s)));
	vcpu_cpuid(vcpu);
	about("CPUID after a run");
	MUST(ioctl(vcpu, KVM_GET_CPUID2, (got.head.nent = 256, &got)));
	run->immediate_exit = 1;
	tell("run %s", answer(ioctl(vcpu, KVM_RUN, 0)));
	run->immediate_exit = 0;
	tell("run %s, exit reason %u", answer(ioctl(vcpu, KVM_RUN, 0)), run->exit_reason);
	tell("set what was got %s", answer(ioctl(vcpu, KVM_SET_CPUID2, &got)));
	tell("set what was set %s", answer(ioctl(vcpu, KVM_SET_CPUID2, t)));
	for (u32 i = 0; i < t->nent; i++)
		if (t->entries[i].function == 1)
			t->entries[i].ecx ^= 1 << 27;
	tell("set with another OSXSAVE %s", answer(ioctl(vcpu, KVM_SET_CPUID2, t)));
	t->entries[0].ebx ^= 1;
	tell("set another %s", answer(ioctl(vcpu, KVM_SET_CPUID2, t)));
}

/* Everything that can be is changed, then INIT comes by MSI. */
static void after_init(void *arg)
{
	enum kind kind = (long)arg;
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_msi init = { .address_lo = 0xfee01000, .data = 0x4500 };
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs dr;
	struct kvm_lapic_state lapic;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 3 };

	machine(kind, true);
	about("vCPU 1 after INIT (%s)", kind_name[kind]);
	memset(&regs, 0x11, sizeof(regs));
	regs.rflags = 0x246;
	regs.rip = 0x1234;
	MUST(ioctl(vcpu1, KVM_SET_REGS, &regs));
	MUST(ioctl(vcpu1, KVM_GET_SREGS, &sregs));
	sregs.cr2 = 0x222222;
	sregs.cr0 = 0xc0050033;
	sregs.cr4 = 0x6f0 & ~0x80;
	sregs.efer = 0x501;
	sregs.cr8 = 5;
	sregs.cs.l = 1;
	sregs.cs.selector = 8;
	sregs.ds.base = 0x5000;
	sregs.gdt.base = 0x7777;
	MUST(ioctl(vcpu1, KVM_SET_SREGS, &sregs));
	MUST(ioctl(vcpu1, KVM_GET_DEBUGREGS, &dr));
	dr.db[0] = dr.db[3] = 0x4444;
	dr.dr6 = 0xffff0ff1;
	dr.dr7 = 0x403;
	MUST(ioctl(vcpu1, KVM_SET_DEBUGREGS, &dr));
	tell("KVM_SET_XCRS %s", answer(ioctl(vcpu1, KVM_SET_XCRS, &xcrs)));
	MUST(ioctl(vcpu1, KVM_GET_LAPIC, &lapic));
	lapic.regs[0xf1] |= 1;
	lapic.regs[0x320] = 0x44;
	lapic.regs[0x322] = 0;
	MUST(ioctl(vcpu1, KVM_SET_LAPIC, &lapic));
	for (u32 i = 0; i < 7; i++) {
		static const u32 msrs[] = { 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000102,
					    0x174,	0x175,	    0x277 };
		u64 value = i == 6 ? 0x0007040600070400 : 0x5550 + i;

		MUST(one_msr(vcpu1, KVM_SET_MSRS, msrs[i], &value));
	}
	MUST(ioctl(vcpu1, KVM_SET_MP_STATE, &mp));
	MUST(ioctl(vm, KVM_SIGNAL_MSI, &init));
	state(vcpu1);
}

/* ---------------------------------------------------------------- every ioctl with every sort of argument */

static const struct command {
	const char *name;
	u32 cmd;
} commands[] = {
#define C(x) { #x, (u32)x }
	C(KVM_GET_API_VERSION),
	C(KVM_CREATE_VM),
	C(KVM_GET_MSR_INDEX_LIST),
	C(KVM_CHECK_EXTENSION),
	C(KVM_GET_VCPU_MMAP_SIZE),
	C(KVM_GET_SUPPORTED_CPUID),
	C(KVM_GET_EMULATED_CPUID),
	C(KVM_GET_MSR_FEATURE_INDEX_LIST),
	C(KVM_GET_MSRS),
	C(KVM_X86_GET_MCE_CAP_SUPPORTED),
	C(KVM_CREATE_VCPU),
	C(KVM_GET_DIRTY_LOG),
	C(KVM_SET_NR_MMU_PAGES),
	C(KVM_SET_USER_MEMORY_REGION),
	C(KVM_SET_TSS_ADDR),
	C(KVM_SET_IDENTITY_MAP_ADDR),
	C(KVM_CREATE_IRQCHIP),
	C(KVM_IRQ_LINE),
	C(KVM_GET_IRQCHIP),
	C(KVM_SET_IRQCHIP),
	C(KVM_CREATE_PIT),
	C(KVM_GET_PIT),
	C(KVM_SET_PIT),
	C(KVM_IRQ_LINE_STATUS),
	C(KVM_REGISTER_COALESCED_MMIO),
	C(KVM_UNREGISTER_COALESCED_MMIO),
	C(KVM_SET_GSI_ROUTING),
	C(KVM_REINJECT_CONTROL),
	C(KVM_IRQFD),
	C(KVM_CREATE_PIT2),
	C(KVM_SET_BOOT_CPU_ID),
	C(KVM_IOEVENTFD),
	C(KVM_SET_CLOCK),
	C(KVM_GET_CLOCK),
	C(KVM_GET_PIT2),
	C(KVM_SET_PIT2),
	C(KVM_SET_TSC_KHZ),
	C(KVM_GET_TSC_KHZ),
	C(KVM_ENABLE_CAP),
	C(KVM_SIGNAL_MSI),
	C(KVM_CLEAR_DIRTY_LOG),
	C(KVM_X86_SET_MSR_FILTER),
	C(KVM_GET_STATS_FD),
	C(KVM_CREATE_DEVICE),
	C(KVM_SET_DEVICE_ATTR),
	C(KVM_GET_DEVICE_ATTR),
	C(KVM_HAS_DEVICE_ATTR),
	C(KVM_RUN),
	C(KVM_GET_REGS),
	C(KVM_SET_REGS),
	C(KVM_GET_SREGS),
	C(KVM_SET_SREGS),
	C(KVM_TRANSLATE),
	C(KVM_INTERRUPT),
	C(KVM_SET_MSRS),
	C(KVM_SET_CPUID),
	C(KVM_SET_SIGNAL_MASK),
	C(KVM_GET_FPU),
	C(KVM_SET_FPU),
	C(KVM_GET_LAPIC),
	C(KVM_SET_LAPIC),
	C(KVM_SET_CPUID2),
	C(KVM_GET_CPUID2),
	C(KVM_TPR_ACCESS_REPORTING),
	C(KVM_SET_VAPIC_ADDR),
	C(KVM_GET_MP_STATE),
	C(KVM_SET_MP_STATE),
	C(KVM_NMI),
	C(KVM_SET_GUEST_DEBUG),
	C(KVM_X86_SETUP_MCE),
	C(KVM_X86_SET_MCE),
	C(KVM_GET_VCPU_EVENTS),
	C(KVM_SET_VCPU_EVENTS),
	C(KVM_GET_DEBUGREGS),
	C(KVM_SET_DEBUGREGS),
	C(KVM_GET_XSAVE),
	C(KVM_SET_XSAVE),
	C(KVM_GET_XCRS),
	C(KVM_SET_XCRS),
	C(KVM_GET_ONE_REG),
	C(KVM_SET_ONE_REG),
	C(KVM_GET_REG_LIST),
	C(KVM_KVMCLOCK_CTRL),
	C(KVM_GET_SREGS2),
	C(KVM_SET_SREGS2),
	C(KVM_GET_XSAVE2),
#undef C
};

enum argument { ARG_NULL, ARG_NOWHERE, ARG_ZEROES, ARG_ONES, ARG_SMALL, NR_ARGUMENTS };
static const char *const argument_name[] = { "NULL", "no memory", "zeroes", "ones", "words of 1" };

struct one {
	const struct command *c;
	enum kind kind;
	enum argument arg;
	int on; /* 0: /dev/kvm, 1: VM, 2: vCPU, 3: vCPU that was not given CPUID */
};

static void one_call(void *data)
{
	static const char *const on_name[] = { "/dev/kvm", "a VM", "a vCPU",
					       "a vCPU without CPUID" };
	static u32 buf[16384];
	struct one *o = data;
	void *arg = buf;
	long r;

	about("%s on %s (%s), %s", o->c->name, on_name[o->on], kind_name[o->kind],
	      argument_name[o->arg]);
	machine(o->kind, o->on != 3);
	switch (o->arg) {
	case ARG_NULL:
		arg = NULL;
		break;
	case ARG_NOWHERE:
		arg = NO_MEMORY;
		break;
	case ARG_ONES:
		memset(buf, 0xff, sizeof(buf));
		break;
	case ARG_SMALL:
		for (size_t i = 0; i < ARRAY_SIZE(buf); i++)
			buf[i] = 1;
		break;
	default:
		break;
	}
	/* Numbers, not addresses */
	if (!_IOC_SIZE(o->c->cmd) && o->arg >= ARG_ZEROES)
		arg = (void *)(o->arg == ARG_ZEROES ? 0 : o->arg == ARG_ONES ? -1L : 1L);
	r = ioctl(o->on == 0 ? kvm : o->on == 1 ? vm : vcpu, o->c->cmd, arg);
	tell("%s", answer(r));
	if (o->c->cmd == KVM_RUN && !r)
		tell("exit reason %u", run->exit_reason);
}

static void every_ioctl(void)
{
	struct one o;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		o.c = &commands[i];
		for (o.on = 0; o.on < 4; o.on++)
			for (o.kind = BARE; o.kind <= (o.on ? SPLIT : BARE); o.kind++)
				for (o.arg = 0; o.arg < NR_ARGUMENTS; o.arg++)
					in_child(one_call, &o);
	}
}

/* ---------------------------------------------------------------- single arguments that are wrong */

struct series {
	void (*one)(u64 v);
	u64 v;
	enum kind kind;
	const char *name;
};

static void one_of_series(void *data)
{
	struct series *s = data;

	about("%s %#llx (%s)", s->name, (long long)s->v, kind_name[s->kind]);
	machine(s->kind, true);
	s->one(s->v);
}

static void cap_args(u64 v)
{
	static const u64 arg[] = { 0, 1, 2, 0xff, -1ULL };
	bool on_vcpu = v >> 32 & 1;

	for (size_t i = 0; i < ARRAY_SIZE(arg); i++) {
		struct kvm_enable_cap c = { .cap = v, .args = { arg[i] } };
		int r;

		machine(BARE, true);
		r = ioctl(on_vcpu ? vcpu : vm, KVM_ENABLE_CAP, &c);
		tell("args[0] %#llx on %s: %s", (long long)arg[i], on_vcpu ? "vCPU" : "VM",
		     answer(r));
		close(vm), close(vcpu), close(vcpu1);
		munmap(run, 3 * 4096);
		/* The same without vCPUs */
		vm = MUST(ioctl(kvm, KVM_CREATE_VM, 0));
		if (!on_vcpu) {
			r = ioctl(vm, KVM_ENABLE_CAP, &c);
			tell("args[0] %#llx on new VM: %s", (long long)arg[i], answer(r));
		}
		close(vm);
	}
}

static void mp_state(u64 v)
{
	struct kvm_mp_state mp = { v };
	int r = ioctl(vcpu, KVM_SET_MP_STATE, &mp);

	tell("%s", answer(r));
	r = ioctl(vcpu, KVM_GET_MP_STATE, &mp);
	tell("then %u", mp.mp_state);
}

static void guest_debug(u64 v)
{
	struct kvm_guest_debug d = { .control = v };
	int r = ioctl(vcpu, KVM_SET_GUEST_DEBUG, &d);

	tell("%s", answer(r));
}

static void events_flag(u64 v)
{
	struct kvm_vcpu_events e = {};
	int r = ioctl(vcpu, KVM_GET_VCPU_EVENTS, &e);

	e.flags = v;
	r = ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e);
	tell("%s", answer(r));
}

static void events_byte(u64 v)
{
	struct kvm_vcpu_events e = {};
	int r;

	MUST(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &e));
	((u8 *)&e)[v & 0xff] = v >> 8;
	r = ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e);
	tell("set %s", answer(r));
	memset(&e, 0, sizeof(e));
	MUST(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &e));
	words("then", &e, sizeof(e));
}

static void cr(u64 v)
{
	struct kvm_sregs s;
	int r;

	MUST(ioctl(vcpu, KVM_GET_SREGS, &s));
	switch (v >> 56) {
	case 0:
		s.cr0 ^= 1ULL << (v & 63);
		break;
	case 1:
		s.cr4 ^= 1ULL << (v & 63);
		break;
	case 2:
		s.efer ^= 1ULL << (v & 63);
		break;
	case 3:
		s.cr3 ^= 1ULL << (v & 63);
		break;
	case 4:
		s.apic_base ^= 1ULL << (v & 63);
		break;
	case 5:
		s.cr8 ^= 1ULL << (v & 63);
		break;
	case 6:
		s.interrupt_bitmap[(v & 255) / 64] = 1ULL << (v & 63);
		break;
	}
	r = ioctl(vcpu, KVM_SET_SREGS, &s);
	tell("set %s", answer(r));
	MUST(ioctl(vcpu, KVM_GET_SREGS, &s));
	tell("cr0 %llx cr3 %llx cr4 %llx efer %llx apic %llx cr8 %llx", s.cr0, s.cr3, s.cr4, s.efer,
	     s.apic_base, s.cr8);
}

static void debugreg(u64 v)
{
	struct kvm_debugregs d;
	int r;

	MUST(ioctl(vcpu, KVM_GET_DEBUGREGS, &d));
	switch (v >> 56) {
	case 0:
		d.dr6 ^= 1ULL << (v & 63);
		break;
	case 1:
		d.dr7 ^= 1ULL << (v & 63);
		break;
	case 2:
		d.flags ^= 1ULL << (v & 63);
		break;
	case 3:
		d.db[1] ^= 1ULL << (v & 63);
		break;
	}
	r = ioctl(vcpu, KVM_SET_DEBUGREGS, &d);
	tell("set %s", answer(r));
	MUST(ioctl(vcpu, KVM_GET_DEBUGREGS, &d));
	tell("dr6 %llx dr7 %llx db1 %llx", d.dr6, d.dr7, d.db[1]);
}

static void xcr(u64 v)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0] = { .xcr = v >> 32, .value = (u32)v } };
	int r = ioctl(vcpu, KVM_SET_XCRS, &x);

	tell("%s", answer(r));
}

static void slot(u64 v)
{
	static const struct {
		u32 slot, flags;
		u64 gpa, size, hva;
	} rows[] = {
		{ 1, 0, RAM, 4096, 1 },
		{ 1, 0, RAM, 4095, 1 },
		{ 1, 0, RAM + 1, 4096, 1 },
		{ 1, 0, RAM, 4096, 2 }, /* unaligned address */
		{ 1, 0, RAM, 4096, 3 }, /* kernel address */
		{ 1, 0, 0, 4096, 1 }, /* overlaps */
		{ 1, 0, RAM, 0, 1 }, /* delete what is not there */
		{ 0, 0, 0, 0, 1 }, /* delete what is */
		{ 0, 0, 0, 4096, 1 }, /* other size */
		{ 0, 0, 0, RAM, 1 }, /* same */
		{ 0, 0, RAM, RAM, 1 }, /* moved */
		{ 0, 0, 0, RAM, 4 }, /* other address */
		{ 0, KVM_MEM_READONLY, 0, RAM, 1 }, /* becomes read-only */
		{ 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM, 1 },
		{ 1, KVM_MEM_READONLY, RAM, 4096, 1 },
		{ 1, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, RAM, 4096, 1 },
		{ 1, 4, RAM, 4096, 1 },
		{ 1, 8, RAM, 4096, 1 },
		{ 1, 0x80000000, RAM, 4096, 1 },
		{ 32763, 0, RAM, 4096, 1 },
		{ 32764, 0, RAM, 4096, 1 },
		{ 32767, 0, RAM, 4096, 1 },
		{ 0x10000, 0, RAM, 4096, 1 },
		{ 0x10001, 0, RAM, 4096, 1 },
		{ 0x20001, 0, RAM, 4096, 1 },
		{ 1, 0, ~0ULL & ~4095ULL, 4096, 1 },
		{ 1, 0, ~0ULL & ~4095ULL, 8192, 1 },
		{ 1, 0, 1ULL << 52, 4096, 1 },
		{ 1, 0, 1ULL << 40, 4096, 1 },
		{ 1, 0, RAM, 1ULL << 43, 1 },
		{ 1, 0, RAM, 1ULL << 44, 5 },
		{ 1, 0, RAM, (1ULL << 43) - 4096, 5 },
		{ 1, 0, 0xfee00000, 4096, 1 },
		{ 1, 0, 0xfffbc000, 4096, 1 },
		{ 1, 0, 0xfffbd000, 4096, 1 },
	};
	struct kvm_userspace_memory_region r;
	u64 hva[] = { 0, (u64)ram, (u64)ram + 8, 0xffff888000000000, (u64)ram + 4096, 0 };
	int ret;

	if (v >= ARRAY_SIZE(rows))
		return;
	r = (struct kvm_userspace_memory_region){ rows[v].slot, rows[v].flags, rows[v].gpa,
						  rows[v].size, hva[rows[v].hva] };
	ret = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
	tell("%s", answer(ret));
}

static void irq_line(u64 v)
{
	struct kvm_irq_level l = { .irq = v, .level = 1 };
	int r = ioctl(vm, KVM_IRQ_LINE, &l);

	tell("%s", answer(r));
	l.level = 0;
	r = ioctl(vm, KVM_IRQ_LINE_STATUS, &l);
	tell("status %s, %d", answer(r), l.status);
}

static void interrupt(u64 v)
{
	struct kvm_interrupt i = { v };
	int r = ioctl(vcpu, KVM_INTERRUPT, &i);

	tell("%s", answer(r));
	r = ioctl(vcpu, KVM_INTERRUPT, &i);
	tell("again %s", answer(r));
}

static void vcpu_id(u64 v)
{
	int r = ioctl(vm, KVM_CREATE_VCPU, v);

	tell("%s", answer(r));
}

static void irqfd(u64 v)
{
	struct kvm_irqfd f = { .fd = eventfd(0, 0), .gsi = (u32)v, .flags = v >> 32 & 0xff };
	int r;

	f.resamplefd = v >> 40 & 1 ? eventfd(0, 0) : 0;
	if (v >> 41 & 1)
		f.fd = kvm;
	if (v >> 42 & 1)
		f.fd = -1;
	r = ioctl(vm, KVM_IRQFD, &f);
	tell("%s", answer(r));
	r = ioctl(vm, KVM_IRQFD, &f);
	tell("again %s", answer(r));
	f.flags |= KVM_IRQFD_FLAG_DEASSIGN;
	r = ioctl(vm, KVM_IRQFD, &f);
	tell("deassign %s", answer(r));
}

static void ioeventfd(u64 v)
{
	struct kvm_ioeventfd f = {
		.fd = eventfd(0, 0), .addr = 0x10000000, .len = v >> 32 & 0xff, .flags = (u32)v
	};
	int r;

	if (v & KVM_IOEVENTFD_FLAG_PIO)
		f.addr = 0x3f8;
	if (v >> 41 & 1)
		f.fd = kvm;
	if (v >> 42 & 1)
		f.fd = -1;
	if (v >> 43 & 1)
		f.addr = ~0ULL;
	r = ioctl(vm, KVM_IOEVENTFD, &f);
	tell("%s", answer(r));
	r = ioctl(vm, KVM_IOEVENTFD, &f);
	tell("again %s", answer(r));
	f.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	r = ioctl(vm, KVM_IOEVENTFD, &f);
	tell("deassign %s", answer(r));
	r = ioctl(vm, KVM_IOEVENTFD, &f);
	tell("deassign again %s", answer(r));
}

static void msi(u64 v)
{
	struct kvm_msi m = { .address_lo = 0xfee00000 | (v & 0xff000),
			     .data = (v & 0xff) | (v >> 8 & 0x700),
			     .flags = v >> 32,
			     .address_hi = v >> 40 };
	int r = ioctl(vm, KVM_SIGNAL_MSI, &m);

	tell("%s %d", answer(r), r);
}

static void routing(u64 v)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[3];
	} t = { .head.nr = 1 };
	int r;

	t.e[0] = (struct kvm_irq_routing_entry){ .gsi = 30,
						 .type = KVM_IRQ_ROUTING_MSI,
						 .u.msi = { .address_lo = 0xfee00000,
							    .data = 0x41 } };
	t.e[1] = t.e[0];
	switch (v) {
	case 1:
		t.head.flags = 1;
		break;
	case 2:
		t.head.nr = 2; /* twice the same GSI */
		break;
	case 3:
		t.e[0].gsi = 4095;
		break;
	case 4:
		t.e[0].gsi = 4096;
		break;
	case 5:
		t.e[0].flags = 1;
		break;
	case 6:
		t.e[0].flags = 2;
		break;
	case 7:
		t.e[0].type = 99;
		break;
	case 8:
		t.e[0].type = 3 /* s390 */;
		break;
	case 9:
		t.e[0].type = KVM_IRQ_ROUTING_HV_SINT;
		break;
	case 10:
		t.e[0].type = KVM_IRQ_ROUTING_XEN_EVTCHN;
		break;
	case 11 ... 19:
		t.e[0].type = KVM_IRQ_ROUTING_IRQCHIP;
		t.e[0].u.irqchip.irqchip = (v - 11) / 2;
		t.e[0].u.irqchip.pin = v & 1 ? 7 : 8;
		break;
	case 20:
		t.e[0].type = KVM_IRQ_ROUTING_IRQCHIP;
		t.e[0].u.irqchip.irqchip = 2;
		t.e[0].u.irqchip.pin = 23;
		break;
	case 21:
		t.e[0].type = KVM_IRQ_ROUTING_IRQCHIP;
		t.e[0].u.irqchip.irqchip = 2;
		t.e[0].u.irqchip.pin = 24;
		break;
	case 22:
		t.head.nr = 4097;
		break;
	case 23:
		t.head.nr = 0;
		break;
	case 24:
		t.head.nr = 2;
		t.e[0].type = t.e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
		t.e[0].u.irqchip.irqchip = 0;
		t.e[1].u.irqchip.irqchip = 2;
		t.e[0].u.irqchip.pin = t.e[1].u.irqchip.pin = 3;
		break;
	case 25:
		t.head.nr = 2;
		t.e[0].type = t.e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
		t.e[0].u.irqchip.irqchip = 2;
		t.e[1].u.irqchip.irqchip = 2;
		t.e[0].u.irqchip.pin = t.e[1].u.irqchip.pin = 3;
		break;
	case 26:
		t.e[0].u.msi.address_hi = 1;
		break;
	case 27:
		t.e[0].u.msi.address_hi = 0x100;
		break;
	}
	r = ioctl(vm, KVM_SET_GSI_ROUTING, &t);
	tell("%s", answer(r));
}

static void coalesced(u64 v)
{
	struct kvm_coalesced_mmio_zone z = { .addr = 0x20000000, .size = 4096, .pio = v };
	int r;

	if (v == 2)
		z.size = 0;
	r = ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &z);
	tell("%s", answer(r));
	r = ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &z);
	tell("again %s", answer(r));
	r = ioctl(vm, KVM_UNREGISTER_COALESCED_MMIO, &z);
	tell("unregister %s", answer(r));
	r = ioctl(vm, KVM_UNREGISTER_COALESCED_MMIO, &z);
	tell("unregister again %s", answer(r));
}

static void clock_flags(u64 v)
{
	struct kvm_clock_data c = { .clock = 1000000, .flags = v };
	int r = ioctl(vm, KVM_SET_CLOCK, &c);

	tell("%s", answer(r));
	r = ioctl(vm, KVM_GET_CLOCK, &c);
	tell("get %s flags %#x", answer(r), c.flags);
}

static void device_attr(u64 v)
{
	u64 value = 0;
	struct kvm_device_attr a = {
		.group = v >> 8 & 0xff, .attr = v & 0xff, .flags = v >> 16 & 1, .addr = (u64)&value
	};
	int fd = v >> 24 == 0 ? kvm : v >> 24 == 1 ? vm : vcpu;
	int r = ioctl(fd, KVM_HAS_DEVICE_ATTR, &a);

	tell("has %s", answer(r));
	r = ioctl(fd, KVM_GET_DEVICE_ATTR, &a);
	tell("get %s", answer(r));
	r = ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
	tell("set %s", answer(r));
	a.addr = 0x1000;
	r = ioctl(fd, KVM_GET_DEVICE_ATTR, &a);
	tell("get to nowhere %s", answer(r));
}

static void create_vm(u64 v)
{
	int r = ioctl(kvm, KVM_CREATE_VM, v);

	tell("%s", answer(r));
}

static void tsc_khz(u64 v)
{
	tell("vCPU %s", answer(ioctl(vcpu, KVM_SET_TSC_KHZ, v)));
	tell("VM %s", answer(ioctl(vm, KVM_SET_TSC_KHZ, v)));
}

static void mce_setup(u64 v)
{
	struct kvm_x86_mce m = { .status = v, .bank = v & 0xff };

	tell("%s", answer(ioctl(vcpu, KVM_X86_SETUP_MCE, &v)));
	m.status = 1ULL << 63;
	tell("set %s", answer(ioctl(vcpu, KVM_X86_SET_MCE, &m)));
	m.status = 1ULL << 63 | 1ULL << 61;
	tell("set uncorrected %s", answer(ioctl(vcpu, KVM_X86_SET_MCE, &m)));
}

static void filter(u64 v)
{
	u8 bitmap[0x2000] = {};
	struct kvm_msr_filter f = { .flags = v & 3,
				    .ranges[0] = { .flags = v >> 2 & 7,
						   .base = 0x10,
						   .nmsrs = v >> 8 & 0xffff,
						   .bitmap = v >> 5 & 1 ? NO_MEMORY : bitmap } };

	tell("%s", answer(ioctl(vm, KVM_X86_SET_MSR_FILTER, &f)));
}

static void irqchip_set(u64 v)
{
	struct kvm_irqchip c = { .chip_id = v };

	if (v < 3)
		ioctl(vm, KVM_GET_IRQCHIP, &c);
	tell("%s", answer(ioctl(vm, KVM_SET_IRQCHIP, &c)));
}

static void pit_flags(u64 v)
{
	struct kvm_pit_config c = { .flags = v };

	tell("%s", answer(ioctl(vm, KVM_CREATE_PIT2, &c)));
	tell("again %s", answer(ioctl(vm, KVM_CREATE_PIT2, &c)));
}

static void tss_addr(u64 v)
{
	tell("%s", answer(ioctl(vm, KVM_SET_TSS_ADDR, v)));
	tell("identity %s", answer(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &v)));
	vm = MUST(ioctl(kvm, KVM_CREATE_VM, 0));
	tell("identity before vCPUs %s", answer(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &v)));
	tell("TSS before vCPUs %s", answer(ioctl(vm, KVM_SET_TSS_ADDR, v)));
}

static void signal_mask(u64 v)
{
	struct {
		struct kvm_signal_mask head;
		u8 set[64];
	} m = { .head.len = v };

	tell("%s", answer(ioctl(vcpu, KVM_SET_SIGNAL_MASK, &m)));
}

static void msrs_nr(u64 v)
{
	static struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[300];
	} m;

	m.head.nmsrs = v;
	for (int i = 0; i < 300; i++)
		m.e[i].index = i == 2 ? 0xdead : 0x174;
	tell("get %s", answer(ioctl(vcpu, KVM_GET_MSRS, &m)));
	tell("set %s", answer(ioctl(vcpu, KVM_SET_MSRS, &m)));
	tell("system %s", answer(ioctl(kvm, KVM_GET_MSRS, &m)));
}

static void mmap_offset(u64 v)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, v >> 32 ? MAP_PRIVATE : MAP_SHARED, vcpu,
		       (v & 0xff) * 4096);

	tell("%s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm, (v & 0xff) * 4096);
	tell("VM: %s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, vcpu, (v & 0xff) * 4096);
	tell("executable: %s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
}

static void sync_regs(u64 v)
{
	int r;

	run->kvm_valid_regs = v;
	run->kvm_dirty_regs = v >> 32;
	run->immediate_exit = 1;
	r = ioctl(vcpu, KVM_RUN, 0);
	tell("%s, exit reason %u", answer(r), run->exit_reason);
}

static void dirty_log(u64 v)
{
	static u8 bitmap[4096];
	struct kvm_userspace_memory_region m = { .memory_size = RAM,
						 .userspace_addr = (u64)ram,
						 .flags = KVM_MEM_LOG_DIRTY_PAGES };
	struct kvm_dirty_log l = { .slot = v, .dirty_bitmap = bitmap };
	struct kvm_clear_dirty_log c = { .slot = v, .num_pages = 64, .dirty_bitmap = bitmap };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };

	tell("get before %s", answer(ioctl(vm, KVM_GET_DIRTY_LOG, &l)));
	tell("clear before %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	MUST(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m));
	tell("get %s", answer(ioctl(vm, KVM_GET_DIRTY_LOG, &l)));
	tell("clear %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	tell("enable %s", answer(ioctl(vm, KVM_ENABLE_CAP, &cap)));
	tell("clear then %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.first_page = 1;
	tell("clear odd %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.first_page = 64;
	c.num_pages = 1;
	tell("clear odd number %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.first_page = 512 - 64;
	c.num_pages = 64;
	tell("clear last %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.num_pages = 128;
	tell("clear past %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.first_page = 512;
	c.num_pages = 64;
	tell("clear after %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	c.first_page = 0;
	c.num_pages = 64;
	c.dirty_bitmap = NO_MEMORY;
	tell("clear nowhere %s", answer(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &c)));
	l.dirty_bitmap = NO_MEMORY;
	tell("get nowhere %s", answer(ioctl(vm, KVM_GET_DIRTY_LOG, &l)));
}

static void series(const char *name, void (*one)(u64 v), u64 from, u64 to, u64 step,
		   unsigned int kinds)
{
	struct series s = { .one = one, .name = name };

	for (s.kind = BARE; s.kind <= SPLIT; s.kind++)
		if (kinds & 1 << s.kind)
			for (s.v = from;; s.v += step) {
				in_child(one_of_series, &s);
				if (s.v == to)
					break;
			}
}

#define ALL 7
#define B (1 << BARE)
#define I (1 << IRQCHIP)

static void single_values(void)
{
	series("KVM_ENABLE_CAP", cap_args, 0, 250, 1, B);
	series("KVM_ENABLE_CAP", cap_args, 1ULL << 32, (1ULL << 32) + 250, 1, B);
	series("KVM_SET_MP_STATE", mp_state, 0, 12, 1, ALL);
	for (int i = 0; i < 32; i++) {
		series("KVM_SET_GUEST_DEBUG", guest_debug, 1U << i, 1U << i, 1, B);
		series("KVM_SET_GUEST_DEBUG", guest_debug, 1U << i | 1, 1U << i | 1, 1, B);
		series("KVM_SET_VCPU_EVENTS flags", events_flag, 1U << i, 1U << i, 1, B);
	}
	for (int i = 0; i < 64; i++) {
		series("kvm_vcpu_events byte", events_byte, i | 0x100, i | 0x100, 1, B | I);
		series("kvm_vcpu_events byte", events_byte, i | 0x2000, i | 0x2000, 1, I);
		series("kvm_vcpu_events byte", events_byte, i | 0xff00, i | 0xff00, 1, B);
		for (u64 r = 0; r < 6; r++)
			series("sregs bit", cr, r << 56 | i, r << 56 | i, 1, r == 4 ? ALL : I);
		series("sregs bit", cr, 6ULL << 56 | (i * 4), 6ULL << 56 | (i * 4), 1, B | I);
		for (u64 r = 0; r < 4; r++)
			series("debugregs bit", debugreg, r << 56 | i, r << 56 | i, 1, B);
	}
	series("xcr0", xcr, 0, 32, 1, B);
	series("xcr0", xcr, 0x200, 0x207, 1, B);
	series("xcr1", xcr, 1ULL << 32 | 1, 1ULL << 32 | 1, 1, B);
	series("slot row", slot, 0, 36, 1, I);
	series("KVM_IRQ_LINE", irq_line, 0, 30, 1, ALL);
	series("KVM_IRQ_LINE", irq_line, 4096, 4096, 1, ALL);
	series("KVM_INTERRUPT", interrupt, 0, 3, 1, ALL);
	series("KVM_INTERRUPT", interrupt, 254, 257, 1, ALL);
	series("KVM_CREATE_VCPU", vcpu_id, 0, 3, 1, B | I);
	series("KVM_CREATE_VCPU", vcpu_id, 254, 256, 1, B | I);
	series("KVM_CREATE_VCPU", vcpu_id, 1023, 1025, 1, B | I);
	series("KVM_CREATE_VCPU", vcpu_id, 4095, 4097, 1, B | I);
	series("KVM_IRQFD", irqfd, 5, 5, 1, ALL);
	series("KVM_IRQFD", irqfd, 4095, 4096, 1, ALL);
	for (u64 f = 0; f < 16; f++) {
		series("KVM_IRQFD", irqfd, f << 40 | 5, f << 40 | 5, 1, I);
		series("KVM_IRQFD", irqfd, f << 40 | 2ULL << 32 | 5, f << 40 | 2ULL << 32 | 5, 1,
		       ALL);
		series("KVM_IRQFD", irqfd, f << 32 | 5, f << 32 | 5, 1, I);
		series("KVM_IOEVENTFD", ioeventfd, f << 40, f << 40, 1, B);
		for (u64 len = 0; len < 9; len++)
			series("KVM_IOEVENTFD", ioeventfd, len << 32 | f, len << 32 | f, 1, B);
	}
	series("KVM_SIGNAL_MSI", msi, 0x20, 0x20, 1, ALL);
	series("KVM_SIGNAL_MSI", msi, 0x1ff020, 0x1ff020, 1, ALL);
	series("KVM_SIGNAL_MSI", msi, 0x105020, 0x105020, 1, ALL);
	series("KVM_SIGNAL_MSI", msi, 1ULL << 32 | 0x20, 1ULL << 32 | 0x20, 1, ALL);
	series("KVM_SIGNAL_MSI", msi, 1ULL << 40 | 0x20, 1ULL << 40 | 0x20, 1, ALL);
	series("KVM_SET_GSI_ROUTING case", routing, 0, 27, 1, ALL);
	series("coalesced", coalesced, 0, 3, 1, B);
	for (int i = 0; i < 32; i++)
		series("KVM_SET_CLOCK flags", clock_flags, 1U << i, 1U << i, 1, B);
	for (u64 fd = 0; fd < 3; fd++)
		for (u64 group = 0; group < 5; group++)
			series("device attribute", device_attr, fd << 24 | group << 8,
			       fd << 24 | group << 8 | 4, 1, I);
	series("KVM_CREATE_VM type", create_vm, 0, 10, 1, B);
	series("KVM_SET_TSC_KHZ", tsc_khz, 0, 1, 1, I);
	series("KVM_SET_TSC_KHZ", tsc_khz, 1000000, 3000000, 1000000, I);
	series("KVM_SET_TSC_KHZ", tsc_khz, 0xffffffff, 0xffffffff, 1, I);
	series("KVM_X86_SETUP_MCE", mce_setup, 0, 33, 1, B);
	for (int i = 8; i < 64; i++)
		series("KVM_X86_SETUP_MCE", mce_setup, 1ULL << i | 4, 1ULL << i | 4, 1, B);
	for (u64 f = 0; f < 64; f++)
		for (u64 n = 0; n < 3; n++)
			series("KVM_X86_SET_MSR_FILTER", filter, f | n << 8, f | n << 8, 1, B);
	series("KVM_X86_SET_MSR_FILTER", filter, 4 | 0x3001 << 8, 4 | 0x3001 << 8, 1, B);
	series("KVM_X86_SET_MSR_FILTER", filter, 4 | 0x3000 << 8, 4 | 0x3000 << 8, 1, B);
	series("KVM_X86_SET_MSR_FILTER", filter, 4 | 0x3009 << 8, 4 | 0x3009 << 8, 1, B);
	series("KVM_SET_IRQCHIP", irqchip_set, 0, 4, 1, ALL);
	series("KVM_CREATE_PIT2", pit_flags, 0, 3, 1, ALL);
	series("KVM_SET_TSS_ADDR", tss_addr, 0, 0x2000, 0x800, B);
	series("KVM_SET_TSS_ADDR", tss_addr, 0xfffbd000, 0xfffff000, 0x42000, B);
	series("KVM_SET_TSS_ADDR", tss_addr, 0x100000000, 0x100000000, 1, B);
	series("KVM_SET_SIGNAL_MASK", signal_mask, 0, 16, 4, B);
	series("MSRs", msrs_nr, 0, 4, 1, B);
	series("MSRs", msrs_nr, 255, 257, 1, B);
	series("mmap page", mmap_offset, 0, 4, 1, B);
	series("mmap page", mmap_offset, 64, 65, 1, B);
	series("mmap page", mmap_offset, 1ULL << 32, 1ULL << 32, 1, B);
	for (u64 i = 0; i < 8; i++) {
		series("sync regs", sync_regs, 1ULL << i, 1ULL << i, 1, I);
		series("sync regs", sync_regs, 1ULL << (i + 32), 1ULL << (i + 32), 1, I);
	}
	series("dirty log of slot", dirty_log, 0, 1, 1, B);
	series("dirty log of slot", dirty_log, 0x10000, 0x10000, 1, B);
	series("dirty log of slot", dirty_log, 32764, 32767, 1, B);
}

/* ---------------------------------------------------------------- MSRs that the VMM writes */

static void msr_writes(void *unused)
{
	static const u64 values[] = { 0, 1, 0x1234500000ULL, 0x8000000000000000ULL, ~0ULL };
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);

	machine(IRQCHIP, true);
	for (u32 i = 0; i < l->nmsrs; i++) {
		u32 index = l->indices[i];

		if (index == 0x10)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			u64 v = values[j], back = 0;
			int set = one_msr(vcpu, KVM_SET_MSRS, index, &v);
			int get = one_msr(vcpu, KVM_GET_MSRS, index, &back);

			about("msr %#x := %#llx", index, (long long)values[j]);
			tell("%d, %d %#llx", set, get, (long long)back);
		}
	}
	/* Those that are in no list */
	for (u32 range = 0; range < 3; range++) {
		static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };

		for (u32 i = 0; i < 0x1200; i++) {
			u64 v = 0, zero = 0;
			int get, set;

			if (first[range] + i == 0x10 || first[range] + i == 0xe7 ||
			    first[range] + i == 0xe8)
				continue;
			get = one_msr(vcpu, KVM_GET_MSRS, first[range] + i, &v);
			set = one_msr(vcpu, KVM_SET_MSRS, first[range] + i, &zero);
			if (get <= 0 && set <= 0)
				continue;
			about("msr of %#x", first[range] + i);
			tell("get %d, set 0: %d", get, set);
		}
	}
}

int main(void)
{
	kvm = MUST(open("/dev/kvm", O_RDWR | O_CLOEXEC));
	setvbuf(stdout, NULL, _IOFBF, 65536);
	machine(BARE, true);
	capabilities();
	cpuid_offer();
	msr_offer();
	for (long kind = BARE; kind <= SPLIT; kind++) {
		in_child(new_vcpu, (void *)kind);
		in_child(new_vcpu, (void *)(kind | 4));
	}
	in_child(cpuid_follows, NULL);
	in_child(after_init, (void *)IRQCHIP);
	in_child(after_init, (void *)SPLIT);
	in_child(msr_writes, NULL);
	every_ioctl();
	single_values();
	return 0;
}
