/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine to test with.
 *
 * Guest code is ordinary C of the test program: the program's image is itself a memory slot of the guest, at the guest
 * address that is its host address, so that a function can be run on either side and a global variable is seen by both.
 * Besides the image a machine has LOW_SIZE bytes of memory at 0:
 *
 *	0x000000  left alone for real-mode code
 *	0x010000  page tables: the first 4 GiB mapped to themselves with 2 MiB pages, all of it writable, executable and
 *		  open to user mode
 *	0x040000  task state and private data of each vCPU
 *	0x100000  stacks
 *	0x200000  vm_alloc() gives out the rest
 *
 * Other slots go to 0x10000000 and up, by convention.
 */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H

#include <linux/kvm.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "guest.h"
#include "ktap.h"
#include "x86.h"

#define LOW_SIZE 0x400000UL
#define PT_BASE 0x10000UL
#define PT_END 0x40000UL
#define CPU_BASE 0x40000UL
#define CPU_SIZE 0x1000UL
#define STACK_BASE 0x100000UL
#define STACK_SIZE 0x4000UL
#define ALLOC_BASE 0x200000UL
#define MAX_GUEST_CPUS 64

#define SLOT_LOW 0
#define SLOT_IMAGE 1
#define SLOT_TEST 2 /* the first that a test may use */

/* What vm_new() makes besides memory */
#define VM_IRQCHIP BIT(0)
#define VM_PIT BIT(1)
#define VM_SPLIT_IRQCHIP BIT(2)
#define VM_NO_MEMORY BIT(3) /* a bare descriptor */
#define VM_SPEAKER BIT(4) /* port 61 with the PIT */

struct vcpu {
	int fd;
	int id;
	struct kvm_run *run;
	struct vm *vm;
};

struct vm {
	int kvm;
	int fd;
	u8 *low;
	u64 next_pt;
	u64 next_alloc;
	struct vcpu cpus[MAX_GUEST_CPUS];
	int nr_cpus;
};

/* What became of the guest: one of these from vcpu_run() */
enum event_kind {
	EV_EXIT, /* an exit that is not ours: see run->exit_reason */
	EV_SYNC,
	EV_DONE,
	EV_INTR, /* KVM_RUN returned EINTR */
	EV_ERROR, /* KVM_RUN failed: see error */
};

struct event {
	enum event_kind kind;
	u64 value; /* of EV_SYNC */
	int error;
};

/* ------------------------------------------------------------------------------------------------ /dev/kvm, machines */

/* Opens /dev/kvm; skips the case when there is none. */
int kvm_open(void);
/* KVM_CHECK_EXTENSION on any descriptor that answers it. */
int kvm_cap(int fd, long cap);
/* Skips the case when the capability is 0; fails it when a VMM that must run cannot do without. */
int kvm_need(int fd, long cap, const char *name);
#define NEED(fd, cap) kvm_need(fd, cap, #cap)

/* Fails the case when it cannot. */
struct vm *vm_new(unsigned int flags);
void vm_free(struct vm *vm);
/* Adds a vCPU in long mode, about to call code(argument); its CPUID is all that is supported. */
struct vcpu *vcpu_new(struct vm *vm, void (*code)(u64), u64 argument);
/* Adds a vCPU as KVM_CREATE_VCPU leaves it, mapped and with CPUID. */
struct vcpu *vcpu_new_bare(struct vm *vm, int id);
/* Both in one, for a machine of one vCPU. */
struct vcpu *vm_with(unsigned int flags, void (*code)(u64), u64 argument);

int vm_set_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
/* The same, of fresh anonymous memory; fails the case when it cannot. */
void *vm_add_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size);

/* Guest memory that nobody else uses, page aligned, at the same address inside when below 4 GiB. */
u64 vm_alloc(struct vm *vm, u64 size);
void *vm_host(struct vm *vm, u64 gpa);
/* A counter of the VM, or -1: there is none of that name. */
s64 vm_stat(struct vm *vm, const char *name);
/* Maps one 4 KiB page in the machine's own tables, splitting a large page where needed. */
void vm_map(struct vm *vm, u64 gva, u64 gpa, u64 flags);
/* The entry that maps the page, once it is mapped with 4 KiB. */
u64 *vm_pte(struct vm *vm, u64 gva);

/* ------------------------------------------------------------------------------------------------------------- vCPUs */

/* The long-mode state that vcpu_new() sets, and the registers for a call. */
void vcpu_long_mode(struct vcpu *cpu);
void vcpu_call(struct vcpu *cpu, void (*code)(u64), u64 argument);
/* Real mode at cs:ip, with all segments of this selector. */
void vcpu_real_mode(struct vcpu *cpu, u16 selector, u16 ip);
void vcpu_get_regs(struct vcpu *cpu, struct kvm_regs *regs);
void vcpu_set_regs(struct vcpu *cpu, const struct kvm_regs *regs);
void vcpu_get_sregs(struct vcpu *cpu, struct kvm_sregs *sregs);
void vcpu_set_sregs(struct vcpu *cpu, const struct kvm_sregs *sregs);
/* One MSR: 1 when done, 0 when refused. */
int vcpu_rdmsr(struct vcpu *cpu, u32 msr, u64 *value);
int vcpu_wrmsr(struct vcpu *cpu, u32 msr, u64 value);

/* Runs until something happens that a test wants to know; prints what the guest logs, fails on what it asserts. */
struct event vcpu_run(struct vcpu *cpu);
/* Runs, and ends the case if this is not what happens. */
void vcpu_expect_sync(struct vcpu *cpu, u64 value);
void vcpu_expect_done(struct vcpu *cpu);
void vcpu_expect_exit(struct vcpu *cpu, u32 reason);
/* Runs with @size bytes of plain memory at @gpa, where no slot is, played by the program: until anything else comes. */
struct event vcpu_run_device(struct vcpu *cpu, u64 gpa, u8 *memory, size_t size);
/* The same with 1, 2, 3 ... in the memory first, until the guest is done. */
void vcpu_expect_device_done(struct vcpu *cpu, u64 gpa, u8 *memory, size_t size);
/* Runs to the end in a thread; join with vcpu_join(). */
struct runner;
struct runner *vcpu_start(struct vcpu *cpu);
void vcpu_join(struct runner *runner);

/* ------------------------------------------------------------------------------------------------------------- CPUID */

struct kvm_cpuid2 *cpuid_supported(int kvm);
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 function, u32 index);
void vcpu_set_cpuid(struct vcpu *cpu, struct kvm_cpuid2 *cpuid);

/* -------------------------------------------------------------------------------------------------------- small helps */

/* Where an emulated processor does otherwise than real ones: quirks.c. */
enum quirk {
	QUIRK_RDTSCP,
	QUIRK_INT3,
	QUIRK_INT1,
	QUIRK_INJECT_BP,
	QUIRK_WBINVD,
	QUIRK_CR_HALVES,
	QUIRK_CR4_READ,
	QUIRK_SS_CANONICAL,
	QUIRK_XM,
	QUIRK_AC,
	QUIRK_MISSED_CODE,
	QUIRK_FORCED,
	QUIRK_PARTS,
	QUIRK_LOADS_TF,
	QUIRK_SHORT_IRET,
	QUIRK_RF,
	QUIRK_PANIC,
	QUIRK_LIMITS,
	QUIRK_SYSENTER,
	QUIRK_LOST_CPU,
};
/* What the processor below does, in a sentence; NULL: as the manuals say. */
const char *cpu_quirk(enum quirk quirk);
#define SKIP_QUIRK(quirk)                            \
	do {                                         \
		const char *_why = cpu_quirk(quirk); \
                                                     \
		if (_why)                            \
			SKIP("%s", _why);            \
	} while (0)
/* Name of an exit reason. */
const char *exit_name(u32 reason);
/* Number of /proc/self/fd entries, and a number of /proc/meminfo in KiB. */
int open_fds(void);
u64 meminfo(const char *field);
/* Reads a file of a few bytes; false when it is not there. */
bool read_file(const char *path, char *text, size_t size);
/* Writes to a file that is there; false when that fails. */
bool write_file(const char *path, const char *text);
/* Does the processor work on local APICs by itself (APICv), so that software sees neither IPIs to oneself nor EOIs? */
bool apic_is_virtual(void);
void sleep_ms(unsigned int ms);

/* The host's processors that this process may run on: their number; a thread (0: this one) is to stay on the n-th. */
int host_cpus(void);
void stay_on_cpu(pid_t thread, int n);

#endif
