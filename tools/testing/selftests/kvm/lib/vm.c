// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

extern char __executable_start[], _end[];

/* -------------------------------------------------------------------------------------------------------- /dev/kvm */

int kvm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		SKIP("/dev/kvm: %s", strerror(errno));
	return fd;
}

int kvm_cap(int fd, long cap)
{
	return OK(ioctl(fd, KVM_CHECK_EXTENSION, cap));
}

/* What QEMU, kvmtool or Firecracker refuse to start without. */
static const u16 required_caps[] = {
	KVM_CAP_IRQCHIP,
	KVM_CAP_HLT,
	KVM_CAP_USER_MEMORY,
	KVM_CAP_SET_TSS_ADDR,
	KVM_CAP_EXT_CPUID,
	KVM_CAP_MP_STATE,
	KVM_CAP_COALESCED_MMIO,
	KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
	KVM_CAP_IRQ_ROUTING,
	KVM_CAP_IRQ_INJECT_STATUS,
	KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,
	KVM_CAP_MCE,
	KVM_CAP_IRQFD,
	KVM_CAP_PIT2,
	KVM_CAP_PIT_STATE2,
	KVM_CAP_IOEVENTFD,
	KVM_CAP_SET_IDENTITY_MAP_ADDR,
	KVM_CAP_ADJUST_CLOCK,
	KVM_CAP_INTERNAL_ERROR_DATA,
	KVM_CAP_VCPU_EVENTS,
	KVM_CAP_DEBUGREGS,
	KVM_CAP_X86_ROBUST_SINGLESTEP,
	KVM_CAP_XSAVE,
	KVM_CAP_XCRS,
	KVM_CAP_SIGNAL_MSI,
	KVM_CAP_READONLY_MEM,
	KVM_CAP_IOEVENTFD_ANY_LENGTH,
	KVM_CAP_IMMEDIATE_EXIT,
};

int kvm_need(int fd, long cap, const char *name)
{
	int value = kvm_cap(fd, cap);

	if (value)
		return value;
	for (size_t i = 0; i < ARRAY_SIZE(required_caps); i++) {
		if (required_caps[i] == cap) {
			FAIL("%s is 0, and programs do not start without it", name);
			ktap_end();
		}
	}
	SKIP("%s is 0", name);
}

/* ---------------------------------------------------------------------------------------------------------- machines */

int vm_set_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (u64)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

void *vm_add_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size)
{
	void *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	REQUIRE(hva != MAP_FAILED);
	OK(vm_set_slot(vm, slot, flags, gpa, size, hva));
	return hva;
}

static u64 new_table(struct vm *vm)
{
	u64 gpa = vm->next_pt;

	REQUIRE(gpa + PAGE <= PT_END);
	vm->next_pt += PAGE;
	memset(vm->low + gpa, 0, PAGE);
	return gpa;
}

static void make_page_tables(struct vm *vm)
{
	u64 flags = PTE_P | PTE_W | PTE_U;
	u64 *pml4, *pdpt;

	vm->next_pt = PT_BASE;
	pml4 = (u64 *)(vm->low + new_table(vm));
	pml4[0] = new_table(vm) | flags;
	pdpt = (u64 *)(vm->low + (pml4[0] & PTE_ADDR));
	for (u64 g = 0; g < 4; g++) {
		u64 *pd;

		pdpt[g] = new_table(vm) | flags;
		pd = (u64 *)(vm->low + (pdpt[g] & PTE_ADDR));
		for (u64 i = 0; i < 512; i++)
			pd[i] = g << 30 | i << 21 | flags | PTE_PS;
	}
}

/* The entry for the address in the table of this level (4 at the root), made if it is not there. */
static u64 *table_entry(struct vm *vm, u64 gva, int level)
{
	u64 *entry = NULL;
	u64 table = PT_BASE;

	for (int l = 4; l >= level; l--) {
		entry = (u64 *)(vm->low + table) + (gva >> (12 + 9 * (l - 1)) & 511);
		if (l == level)
			break;
		if (!(*entry & PTE_P)) {
			*entry = new_table(vm) | PTE_P | PTE_W | PTE_U;
		} else if (*entry & PTE_PS) {
			u64 old = *entry, step = 1UL << (12 + 9 * (l - 2));
			u64 next = new_table(vm);
			u64 *to = (u64 *)(vm->low + next);

			for (u64 i = 0; i < 512; i++)
				to[i] = (old & ~PTE_PS) + i * step + (l > 2 ? PTE_PS : 0);
			*entry = next | PTE_P | PTE_W | PTE_U;
		}
		table = *entry & PTE_ADDR;
	}
	return entry;
}

u64 *vm_pte(struct vm *vm, u64 gva)
{
	return table_entry(vm, gva, 1);
}

void vm_map(struct vm *vm, u64 gva, u64 gpa, u64 flags)
{
	*vm_pte(vm, gva) = gpa | flags;
}

u64 vm_alloc(struct vm *vm, u64 size)
{
	u64 gpa = vm->next_alloc;

	vm->next_alloc += (size + PAGE - 1) & -PAGE;
	REQUIRE(vm->next_alloc <= LOW_SIZE);
	return gpa;
}

void *vm_host(struct vm *vm, u64 gpa)
{
	if (gpa < LOW_SIZE)
		return vm->low + gpa;
	REQUIRE(gpa >= (u64)__executable_start && gpa < (u64)_end);
	return (void *)gpa;
}

static void add_memory(struct vm *vm)
{
	u64 start = (u64)__executable_start & -PAGE;
	u64 end = ((u64)_end + PAGE - 1) & -PAGE;

	REQUIRE(start >= LOW_SIZE && end < 0x10000000);
	vm->low = vm_add_slot(vm, SLOT_LOW, 0, 0, LOW_SIZE);
	OK(vm_set_slot(vm, SLOT_IMAGE, 0, start, end - start, (void *)start));
	vm->next_alloc = ALLOC_BASE;
	make_page_tables(vm);
}

struct vm *vm_new(unsigned int flags)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	REQUIRE(vm);
	vm->kvm = kvm_open();
	vm->fd = OK(ioctl(vm->kvm, KVM_CREATE_VM, 0));
	if (!(flags & VM_NO_MEMORY))
		add_memory(vm);
	if (flags & VM_IRQCHIP)
		OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	if (flags & VM_SPLIT_IRQCHIP) {
		struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

		NEED(vm->kvm, KVM_CAP_SPLIT_IRQCHIP);
		OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	}
	if (flags & VM_PIT) {
		struct kvm_pit_config config = {
			.flags = flags & VM_SPEAKER ? KVM_PIT_SPEAKER_DUMMY : 0,
		};

		OK(ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	}
	return vm;
}

void vm_free(struct vm *vm)
{
	for (int i = 0; i < vm->nr_cpus; i++) {
		struct vcpu *cpu = &vm->cpus[i];

		OK(munmap(cpu->run, OK(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0))));
		OK(close(cpu->fd));
	}
	OK(close(vm->fd));
	OK(close(vm->kvm));
	if (vm->low)
		OK(munmap(vm->low, LOW_SIZE));
	free(vm);
}

/* ------------------------------------------------------------------------------------------------------------- vCPUs */

struct vcpu *vcpu_new_bare(struct vm *vm, int id)
{
	long size = OK(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	static struct kvm_cpuid2 *supported;
	struct vcpu *cpu;

	REQUIRE(vm->nr_cpus < MAX_GUEST_CPUS);
	cpu = &vm->cpus[vm->nr_cpus];
	cpu->id = id;
	cpu->vm = vm;
	cpu->fd = OK(ioctl(vm->fd, KVM_CREATE_VCPU, (long)id));
	cpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	REQUIRE(cpu->run != MAP_FAILED);
	vm->nr_cpus++;
	if (!supported)
		supported = cpuid_supported(vm->kvm);
	for (u32 i = 0; i < supported->nent; i++) {
		struct kvm_cpuid_entry2 *e = &supported->entries[i];

		if (e->function == 1)
			e->ebx = (e->ebx & 0xffffff) | (u32)id << 24;
		if (e->function == 0xb || e->function == 0x1f)
			e->edx = id;
	}
	vcpu_set_cpuid(cpu, supported);
	return cpu;
}

static struct kvm_segment code_segment(void)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = KERNEL_CS,
		.type = 11,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1,
	};
}

static struct kvm_segment data_segment(u64 base)
{
	return (struct kvm_segment){
		.base = base,
		.limit = 0xffffffff,
		.selector = KERNEL_DS,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
}

static int cpu_index(struct vcpu *cpu)
{
	return cpu - cpu->vm->cpus;
}

/* Puts the vCPU's private data into its page, and tells where it is. */
static u64 make_guest_cpu(struct vcpu *cpu)
{
	u64 gpa = CPU_BASE + CPU_SIZE * cpu_index(cpu);
	struct guest_cpu *g = vm_host(cpu->vm, gpa);
	u64 tss = gpa + offsetof(struct guest_cpu, tss);

	memset(g, 0, sizeof(*g));
	g->self = (struct guest_cpu *)gpa;
	g->index = cpu_index(cpu);
	g->vector = NO_VECTOR;
	g->gdt[KERNEL_CS / 8] = 0x00af9b000000ffff;
	g->gdt[KERNEL_DS / 8] = 0x00cf93000000ffff;
	g->gdt[USER_CS / 8] = 0x00affb000000ffff;
	g->gdt[USER_DS / 8] = 0x00cff3000000ffff;
	g->gdt[CODE32_CS / 8] = 0x00cf9b000000ffff;
	g->gdt[TSS_SEL / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x8bULL << 40 |
			      (tss >> 24 & 0xff) << 56;
	g->gdt[TSS_SEL / 8 + 1] = tss >> 32;
	/* Where the CPU goes when user mode is interrupted: the upper half of the page. */
	g->tss.rsp[0] = gpa + CPU_SIZE;
	g->tss.iomap = sizeof(struct tss);
	return gpa;
}

void vcpu_long_mode(struct vcpu *cpu)
{
	u64 own = make_guest_cpu(cpu);
	struct kvm_sregs s;

	guest_make_idt();
	vcpu_get_sregs(cpu, &s);
	s.cs = code_segment();
	s.ds = s.es = s.ss = s.fs = data_segment(0);
	s.gs = data_segment(own);
	s.tr = (struct kvm_segment){
		.base = own + offsetof(struct guest_cpu, tss),
		.limit = sizeof(struct tss) - 1,
		.selector = TSS_SEL,
		.type = 11,
		.present = 1,
	};
	s.ldt = (struct kvm_segment){ .unusable = 1, .type = 2 };
	s.gdt.base = own + offsetof(struct guest_cpu, gdt);
	s.gdt.limit = sizeof(((struct guest_cpu *)0)->gdt) - 1;
	s.idt.base = (u64)guest_idt;
	s.idt.limit = sizeof(guest_idt) - 1;
	s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.cr3 = PT_BASE;
	s.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
	vcpu_set_sregs(cpu, &s);
}

void vcpu_call(struct vcpu *cpu, void (*code)(u64), u64 argument)
{
	u64 top = STACK_BASE + STACK_SIZE * (cpu_index(cpu) + 1);
	struct kvm_regs regs = {
		.rip = (u64)code,
		.rdi = argument,
		.rsp = top - 8, /* as after a call */
		.rflags = RFLAGS_FIXED,
	};

	*(u64 *)vm_host(cpu->vm, top - 8) = (u64)guest_done;
	vcpu_set_regs(cpu, &regs);
}

struct vcpu *vcpu_new(struct vm *vm, void (*code)(u64), u64 argument)
{
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *cpu = vcpu_new_bare(vm, vm->nr_cpus);

	vcpu_long_mode(cpu);
	vcpu_call(cpu, code, argument);
	/* With an in-kernel interrupt controller all but the first wait for INIT. */
	if (cpu->id)
		OK(ioctl(cpu->fd, KVM_SET_MP_STATE, &state));
	return cpu;
}

struct vcpu *vm_with(unsigned int flags, void (*code)(u64), u64 argument)
{
	return vcpu_new(vm_new(flags), code, argument);
}

void vcpu_real_mode(struct vcpu *cpu, u16 selector, u16 ip)
{
	struct kvm_regs regs = {
		.rip = ip,
		.rsp = 0x7000,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_segment seg = {
		.base = (u64)selector << 4,
		.limit = 0xffff,
		.selector = selector,
		.type = 3,
		.present = 1,
		.s = 1,
	};
	struct kvm_sregs s;

	vcpu_get_sregs(cpu, &s);
	s.cs = s.ds = s.es = s.fs = s.gs = s.ss = seg;
	s.cs.type = 11;
	s.idt.base = 0;
	s.idt.limit = 0x3ff;
	s.cr0 = CR0_ET;
	s.cr4 = 0;
	s.efer = 0;
	vcpu_set_sregs(cpu, &s);
	vcpu_set_regs(cpu, &regs);
}

void vcpu_get_regs(struct vcpu *cpu, struct kvm_regs *regs)
{
	OK(ioctl(cpu->fd, KVM_GET_REGS, regs));
}

void vcpu_set_regs(struct vcpu *cpu, const struct kvm_regs *regs)
{
	OK(ioctl(cpu->fd, KVM_SET_REGS, regs));
}

void vcpu_get_sregs(struct vcpu *cpu, struct kvm_sregs *sregs)
{
	OK(ioctl(cpu->fd, KVM_GET_SREGS, sregs));
}

void vcpu_set_sregs(struct vcpu *cpu, const struct kvm_sregs *sregs)
{
	OK(ioctl(cpu->fd, KVM_SET_SREGS, sregs));
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

int vcpu_rdmsr(struct vcpu *cpu, u32 msr, u64 *value)
{
	struct one_msr one = { .head.nmsrs = 1, .entry.index = msr };
	int done = OK(ioctl(cpu->fd, KVM_GET_MSRS, &one));

	*value = one.entry.data;
	return done;
}

int vcpu_wrmsr(struct vcpu *cpu, u32 msr, u64 value)
{
	struct one_msr one = { .head.nmsrs = 1, .entry = { .index = msr, .data = value } };

	return OK(ioctl(cpu->fd, KVM_SET_MSRS, &one));
}

/* ----------------------------------------------------------------------------------------------------------- running */

static const char *const exit_names[] = {
	[KVM_EXIT_UNKNOWN] = "UNKNOWN",
	[KVM_EXIT_EXCEPTION] = "EXCEPTION",
	[KVM_EXIT_IO] = "IO",
	[KVM_EXIT_HYPERCALL] = "HYPERCALL",
	[KVM_EXIT_DEBUG] = "DEBUG",
	[KVM_EXIT_HLT] = "HLT",
	[KVM_EXIT_MMIO] = "MMIO",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
	[KVM_EXIT_SHUTDOWN] = "SHUTDOWN",
	[KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
	[KVM_EXIT_INTR] = "INTR",
	[KVM_EXIT_SET_TPR] = "SET_TPR",
	[KVM_EXIT_TPR_ACCESS] = "TPR_ACCESS",
	[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
	[KVM_EXIT_SYSTEM_EVENT] = "SYSTEM_EVENT",
	[KVM_EXIT_IOAPIC_EOI] = "IOAPIC_EOI",
	[KVM_EXIT_X86_RDMSR] = "X86_RDMSR",
	[KVM_EXIT_X86_WRMSR] = "X86_WRMSR",
	[KVM_EXIT_MEMORY_FAULT] = "MEMORY_FAULT",
};

const char *exit_name(u32 reason)
{
	if (reason < ARRAY_SIZE(exit_names) && exit_names[reason])
		return exit_names[reason];
	return "?";
}

static bool is_guest_call(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
	       run->io.size == 4 && run->io.port == GUEST_PORT && run->io.count == 1;
}

/* Guest text is text of this program's image. */
static const char *guest_text(u64 address)
{
	if (address < (u64)__executable_start || address >= (u64)_end)
		return "(nowhere)";
	return (const char *)address;
}

struct event vcpu_run(struct vcpu *cpu)
{
	for (;;) {
		struct kvm_regs r;

		if (ioctl(cpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				return (struct event){ .kind = EV_INTR };
			return (struct event){ .kind = EV_ERROR, .error = errno };
		}
		if (!is_guest_call(cpu->run))
			return (struct event){ .kind = EV_EXIT };
		vcpu_get_regs(cpu, &r);
		switch ((u32)r.rax) {
		case GUEST_SYNC:
			return (struct event){ .kind = EV_SYNC, .value = r.rdi };
		case GUEST_DONE:
			return (struct event){ .kind = EV_DONE };
		case GUEST_FAIL:
			ktap_fail(guest_text(r.rdi), r.rsi, "guest: %s: %#llx, not %#llx",
				  guest_text(r.rbx), r.rcx, r.r8);
			ktap_end();
		case GUEST_LOG:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
			ktap_note(guest_text(r.rdi), r.rsi, r.rbx, r.rcx);
#pragma GCC diagnostic pop
			break;
		case GUEST_TRAP:
			FAIL("guest: exception %lld, error code %#llx, rip %#llx, cr2 %#llx", r.rdi,
			     r.rsi, r.rbx, r.rcx);
			ktap_end();
		default:
			FAIL("guest: call %#llx?", r.rax);
			ktap_end();
		}
	}
}

static void wrong_event(struct vcpu *cpu, struct event ev, const char *wanted)
{
	struct kvm_run *run = cpu->run;
	struct kvm_regs r = { 0 };

	ioctl(cpu->fd, KVM_GET_REGS, &r);
	switch (ev.kind) {
	case EV_EXIT:
		FAIL("vCPU %d at %#llx: exit %u (%s), not %s", cpu->id, r.rip, run->exit_reason,
		     exit_name(run->exit_reason), wanted);
		if (run->exit_reason == KVM_EXIT_MMIO)
			ktap_note("gpa %#llx, %u bytes, %s", run->mmio.phys_addr, run->mmio.len,
				  run->mmio.is_write ? "write" : "read");
		if (run->exit_reason == KVM_EXIT_IO)
			ktap_note("port %#x", run->io.port);
		if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
			ktap_note("suberror %u", run->internal.suberror);
		break;
	case EV_SYNC:
		FAIL("vCPU %d: sync %llu, not %s", cpu->id, (unsigned long long)ev.value, wanted);
		break;
	case EV_DONE:
		FAIL("vCPU %d: done, not %s", cpu->id, wanted);
		break;
	case EV_INTR:
		FAIL("vCPU %d at %#llx: interrupted, not %s", cpu->id, r.rip, wanted);
		break;
	case EV_ERROR:
		FAIL("vCPU %d at %#llx: KVM_RUN: %s, not %s", cpu->id, r.rip, strerror(ev.error),
		     wanted);
		break;
	}
	ktap_end();
}

void vcpu_expect_sync(struct vcpu *cpu, u64 value)
{
	struct event ev = vcpu_run(cpu);
	char wanted[40];

	if (ev.kind == EV_SYNC && ev.value == value)
		return;
	snprintf(wanted, sizeof(wanted), "sync %llu", (unsigned long long)value);
	wrong_event(cpu, ev, wanted);
}

void vcpu_expect_done(struct vcpu *cpu)
{
	struct event ev = vcpu_run(cpu);

	if (ev.kind != EV_DONE)
		wrong_event(cpu, ev, "done");
}

struct event vcpu_run_device(struct vcpu *cpu, u64 gpa, u8 *memory, size_t size)
{
	struct kvm_run *run = cpu->run;

	for (;;) {
		struct event ev = vcpu_run(cpu);
		u64 at;

		if (ev.kind != EV_EXIT || run->exit_reason != KVM_EXIT_MMIO)
			return ev;
		at = run->mmio.phys_addr - gpa;
		REQUIRE(at < size && run->mmio.len <= size - at);
		if (run->mmio.is_write)
			memcpy(memory + at, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, memory + at, run->mmio.len);
	}
}

void vcpu_expect_device_done(struct vcpu *cpu, u64 gpa, u8 *memory, size_t size)
{
	struct event ev;

	for (size_t i = 0; i < size; i++)
		memory[i] = i + 1;
	ev = vcpu_run_device(cpu, gpa, memory, size);
	if (ev.kind == EV_EXIT)
		FAIL("exit %u (%s)", cpu->run->exit_reason, exit_name(cpu->run->exit_reason));
	CHECK_EQ(ev.kind, EV_DONE);
}

void vcpu_expect_exit(struct vcpu *cpu, u32 reason)
{
	struct event ev = vcpu_run(cpu);
	char wanted[40];

	if (ev.kind == EV_EXIT && cpu->run->exit_reason == reason)
		return;
	snprintf(wanted, sizeof(wanted), "%u (%s)", reason, exit_name(reason));
	wrong_event(cpu, ev, wanted);
}

struct runner {
	pthread_t thread;
	struct vcpu *cpu;
};

static void *run_to_end(void *arg)
{
	struct runner *runner = arg;

	vcpu_expect_done(runner->cpu);
	return NULL;
}

struct runner *vcpu_start(struct vcpu *cpu)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	REQUIRE(runner);
	runner->cpu = cpu;
	REQUIRE(!pthread_create(&runner->thread, NULL, run_to_end, runner));
	return runner;
}

void vcpu_join(struct runner *runner)
{
	REQUIRE(!pthread_join(runner->thread, NULL));
	free(runner);
}

/* ------------------------------------------------------------------------------------------------------------- CPUID */

struct kvm_cpuid2 *cpuid_supported(int kvm)
{
	u32 room = 256;
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + room * sizeof(struct kvm_cpuid_entry2));

	REQUIRE(cpuid);
	cpuid->nent = room;
	OK(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid));
	return cpuid;
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 function, u32 index)
{
	for (u32 i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function && e->index == index)
			return e;
	}
	return NULL;
}

void vcpu_set_cpuid(struct vcpu *cpu, struct kvm_cpuid2 *cpuid)
{
	OK(ioctl(cpu->fd, KVM_SET_CPUID2, cpuid));
}

/* -------------------------------------------------------------------------------------------------------- small helps */

int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	REQUIRE(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", ".." and the directory's own */
}

u64 meminfo(const char *field)
{
	FILE *file = fopen("/proc/meminfo", "r");
	size_t len = strlen(field);
	char text[200];
	u64 value = 0;

	REQUIRE(file);
	while (fgets(text, sizeof(text), file)) {
		if (!strncmp(text, field, len) && text[len] == ':')
			value = strtoull(text + len + 1, NULL, 10);
	}
	fclose(file);
	return value;
}

s64 vm_stat(struct vm *vm, const char *name)
{
	struct kvm_stats_header head;
	char *buffer;
	s64 value = -1;
	int fd = ioctl(vm->fd, KVM_GET_STATS_FD, NULL);

	if (fd < 0)
		return -1;
	REQUIRE_EQ(pread(fd, &head, sizeof(head), 0), sizeof(head));
	buffer = malloc(sizeof(struct kvm_stats_desc) + head.name_size);
	for (u32 i = 0; i < head.num_desc; i++) {
		struct kvm_stats_desc *desc = (void *)buffer;
		size_t size = sizeof(*desc) + head.name_size;

		REQUIRE_EQ(pread(fd, buffer, size, head.desc_offset + i * size), size);
		if (!strcmp(desc->name, name))
			REQUIRE_EQ(pread(fd, &value, 8, head.data_offset + desc->offset), 8);
	}
	free(buffer);
	close(fd);
	return value;
}

bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = 0;
	return true;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static cpu_set_t allowed_cpus(void)
{
	static cpu_set_t all;
	static bool known;

	/* As it was at the beginning. */
	if (!known)
		OK(sched_getaffinity(getpid(), sizeof(all), &all));
	known = true;
	return all;
}

int host_cpus(void)
{
	cpu_set_t all = allowed_cpus();

	return CPU_COUNT(&all);
}

void stay_on_cpu(pid_t thread, int n)
{
	cpu_set_t all = allowed_cpus(), one;
	int cpu = -1;

	do {
		cpu++;
		if (CPU_ISSET(cpu, &all))
			n--;
	} while (n >= 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	OK(sched_setaffinity(thread, sizeof(one), &one));
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

bool apic_is_virtual(void)
{
	char on[8];

	return read_file("/sys/module/kvm_intel/parameters/enable_apicv", on, sizeof(on)) &&
	       on[0] == 'Y';
}
