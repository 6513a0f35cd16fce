// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flight recorder's slow half: decisions of the outer loop, and printing.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/svm.h>
#include <asm/tsc.h>
#include <asm/vmx.h>

#include "arch.h"
#include "flight.h"
#include "run.h"

/* Positions wrap with a mask. */
static_assert(sizeof(struct kvm_flight_exit) == 64 && KVM_FLIGHT_EXITS == 64);

/* ---------------------------------------------------------------- recording */

static u64 tsc_of(const struct kvm_flight_exit *e)
{
	return (u64)e->tsc_hi << 32 | e->tsc_lo;
}

/* TSCs of host CPUs may differ by a little. */
static u64 cycles_since(u64 tsc)
{
	u64 now = rdtsc();

	return now > tsc ? now - tsc : 0;
}

static u32 reason_of(const struct kvm_flight_exit *e)
{
	return e->reason_decision;
}

static void decide(struct kvm_flight_exit *e, enum kvm_flight_decision decision, u32 detail)
{
	e->reason_decision |= (u64)decision << 32;
	e->detail = detail;
}

/**
 * kvm_flight_close() - the exit that ended the inner loop is decided
 * @vcpu: current
 * @tier: what was decided: enum kvm_tier or an errno
 *
 * Does nothing when the inner loop ended without an exit.
 */
void kvm_flight_close(struct kvm_vcpu *vcpu, int tier)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	struct kvm_flight_exit *e = kvm_flight_newest(f);
	u64 cycles;
	u32 row;

	if (f->closed == f->pos)
		return;
	f->closed = f->pos;
	cycles = cycles_since(tsc_of(e));
	e->cycles = min_t(u64, cycles, U32_MAX);
	row = kvm_flight_row(reason_of(e));
	f->count[row]++;
	f->cost[row] += cycles;
	switch (tier) {
	case KVM_TO_USER:
		decide(e, KVM_FLIGHT_TO_USER, READ_ONCE(vcpu->run->exit_reason));
		f->with_vmm = true;
		f->tsc_left = rdtsc();
		break;
	case KVM_AGAIN:
		decide(e, KVM_FLIGHT_HANDLED, 0);
		break;
	case KVM_REENTER:
		decide(e, KVM_FLIGHT_REENTER, 0);
		break;
	default:
		decide(e, KVM_FLIGHT_ERROR, -tier);
	}
}

/**
 * kvm_flight_back() - KVM_RUN has been called
 * @vcpu: current
 *
 * What the VMM has spent on an exit that was given to it is the exit's cost.
 */
void kvm_flight_back(struct kvm_vcpu *vcpu)
{
	struct kvm_flight *f = &vcpu->arch.flight;

	if (!f->with_vmm)
		return;
	f->with_vmm = false;
	f->cost[kvm_flight_row(reason_of(kvm_flight_newest(f)))] += cycles_since(f->tsc_left);
}

/**
 * kvm_flight_note() - why the vCPU cannot go on, in words
 * @vcpu: current
 * @format: a line without its end
 *
 * To the log, and to the recorder, which shows it behind the newest exit.  Of several reasons the recorder keeps the first.
 */
void kvm_flight_note(struct kvm_vcpu *vcpu, const char *format, ...)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	char text[KVM_FLIGHT_NOTE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	kvm_vcpu_info(vcpu, "%s\n", text);
	if (f->note_pos == (f->pos | 1))
		return;
	memcpy(f->note, text, sizeof(text));
	smp_wmb(); /* pairs with note_of() */
	WRITE_ONCE(f->note_pos, f->pos | 1);
}
EXPORT_SYMBOL_GPL(kvm_flight_note);

static u64 to_ns(u64 cycles)
{
	return tsc_khz ? mul_u64_u64_div_u64(cycles, NSEC_PER_MSEC, tsc_khz) : 0;
}

/* ---------------------------------------------------------------- words */

struct name {
	u32 code;
	const char *name;
};

static const struct name svm_names[] = { SVM_EXIT_REASONS };
static const struct name vmx_names[] = { VMX_EXIT_REASONS };

static const char *lookup(const struct name *names, unsigned int n, u32 code)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

static bool is_svm(void)
{
	return kvm_backend.isa == KVM_ISA_SVM;
}

/**
 * kvm_exit_name() - the field's word for an exit
 * @reason: as in kvm_exit_info.reason
 * Return: a word, "unknown" for what the processor was not known to report
 */
const char *kvm_exit_name(u32 reason)
{
	const char *name = is_svm() ? lookup(svm_names, ARRAY_SIZE(svm_names), reason) :
				      lookup(vmx_names, ARRAY_SIZE(vmx_names), (u16)reason);

	return name ?: "unknown";
}

#define USER_EXIT(x) [KVM_EXIT_##x] = #x
static const char *const user_exits[] = {
	USER_EXIT(UNKNOWN),
	USER_EXIT(EXCEPTION),
	USER_EXIT(IO),
	USER_EXIT(HYPERCALL),
	USER_EXIT(DEBUG),
	USER_EXIT(HLT),
	USER_EXIT(MMIO),
	USER_EXIT(IRQ_WINDOW_OPEN),
	USER_EXIT(SHUTDOWN),
	USER_EXIT(FAIL_ENTRY),
	USER_EXIT(INTR),
	USER_EXIT(SET_TPR),
	USER_EXIT(TPR_ACCESS),
	USER_EXIT(NMI),
	USER_EXIT(INTERNAL_ERROR),
	USER_EXIT(SYSTEM_EVENT),
	USER_EXIT(IOAPIC_EOI),
	USER_EXIT(HYPERV),
	USER_EXIT(X86_RDMSR),
	USER_EXIT(X86_WRMSR),
	USER_EXIT(DIRTY_RING_FULL),
	USER_EXIT(X86_BUS_LOCK),
	USER_EXIT(NOTIFY),
	USER_EXIT(MEMORY_FAULT),
};

static void decision_words(const struct kvm_flight_exit *e, bool open, char *buf, size_t size)
{
	const char *name;

	switch ((e->reason_decision & ~KVM_FLIGHT_GPA) >> 32) {
	case KVM_FLIGHT_SERVED:
		snprintf(buf, size, open ? "being handled" : "served");
		break;
	case KVM_FLIGHT_REENTER:
		snprintf(buf, size, "host work");
		break;
	case KVM_FLIGHT_HANDLED:
		snprintf(buf, size, "handled");
		break;
	case KVM_FLIGHT_TO_USER:
		name = e->detail < ARRAY_SIZE(user_exits) ? user_exits[e->detail] : NULL;
		snprintf(buf, size, "to the VMM: KVM_EXIT_%s", name ?: "?");
		break;
	default:
		snprintf(buf, size, "KVM_RUN returned -%u", e->detail);
	}
}

/* ---------------------------------------------------------------- reading */

#define LINE KVM_FLIGHT_NOTE
#define EXITS_IN_LOG 32 /* a serial console is slow; the file has all */

/* The ring as it was, without what may have been overwritten while it was copied. */
struct snapshot {
	struct kvm_flight_exit ring[KVM_FLIGHT_EXITS];
	u32 pos; /* of the newest, in exits since the vCPU was made */
	u32 nr; /* exits that are whole */
};

static void take_snapshot(struct kvm_flight *f, struct snapshot *s)
{
	u32 before = READ_ONCE(f->pos), after;

	smp_rmb();
	memcpy(s->ring, f->ring, sizeof(s->ring));
	smp_rmb();
	after = READ_ONCE(f->pos);
	s->pos = before / sizeof(s->ring[0]);
	s->nr = min_t(u32, s->pos, KVM_FLIGHT_EXITS);
	/* Those overwritten are the oldest; one more may have been being written. */
	after = after / sizeof(s->ring[0]) - s->pos;
	if (after)
		s->nr -= min(s->nr, after + 1);
}

static void format_exit(const struct kvm_flight_exit *e, bool open, u64 now, char *buf, size_t size)
{
	u64 ago = now > tsc_of(e) ? now - tsc_of(e) : 0;
	char decision[48], gpa[32] = "";

	if (e->reason_decision & KVM_FLIGHT_GPA)
		snprintf(gpa, sizeof(gpa), " gpa 0x%llx", e->gpa);
	decision_words(e, open, decision, sizeof(decision));
	snprintf(buf, size, "-%llu us %s (0x%x) rip 0x%llx info 0x%llx%s, %u cycles, %s",
		 to_ns(ago) / NSEC_PER_USEC, kvm_exit_name(reason_of(e)), reason_of(e), e->rip,
		 e->info1, gpa, open ? 0 : e->cycles, decision);
}

/* What was noted behind the newest exit, or NULL. */
static const char *note_of(struct kvm_flight *f)
{
	u32 pos = READ_ONCE(f->note_pos);

	smp_rmb();
	return pos && pos == (READ_ONCE(f->pos) | 1) ? f->note : NULL;
}

/* The last @max of them, oldest first. */
static void for_each_exit(struct kvm_vcpu *vcpu, u32 max, void (*line)(void *arg, const char *text),
			  void *arg)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	struct snapshot *s = kvmalloc(sizeof(*s), GFP_KERNEL);
	bool open = READ_ONCE(f->closed) != READ_ONCE(f->pos);
	const char *note = note_of(f);
	char text[LINE];
	u64 now = rdtsc();
	u32 i;

	if (!s)
		return;
	take_snapshot(f, s);
	for (i = min(s->nr, max); i > 0; i--) {
		format_exit(&s->ring[(s->pos - i + 1) % KVM_FLIGHT_EXITS], open && i == 1, now,
			    text, sizeof(text));
		line(arg, text);
	}
	if (note) {
		strscpy(text, note, sizeof(text));
		line(arg, text);
	}
	kvfree(s);
}

static void to_log(void *arg, const char *text)
{
	pr_info("  %s\n", text);
}

/**
 * kvm_flight_print() - the last exits of a vCPU that failed, to the log
 * @vcpu: current
 * Context: may sleep; the caller limits the rate
 */
void kvm_flight_print(struct kvm_vcpu *vcpu)
{
	pr_info("vcpu%u: its last exits, newest last:\n", vcpu->id);
	for_each_exit(vcpu, EXITS_IN_LOG, to_log, NULL);
}

static void to_seq(void *arg, const char *text)
{
	seq_printf(arg, "%s\n", text);
}

/* debugfs: vcpuN/flight */
int kvm_flight_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	for_each_exit(vcpu, KVM_FLIGHT_EXITS, to_seq, m);
	return 0;
}

/* debugfs: vcpuN/exit_costs: reason, name, count, nanoseconds */
int kvm_exit_costs_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	const struct kvm_flight *f = &vcpu->arch.flight;
	u32 i;

	for (i = 0; i < KVM_EXIT_ROWS; i++) {
		u64 count = READ_ONCE(f->count[i]);

		if (!count)
			continue;
		if (i < KVM_EXIT_ROWS - 1)
			seq_printf(m, "0x%x %s", i, kvm_exit_name(i));
		else
			seq_printf(m, "0x%x %s", is_svm() ? SVM_EXIT_NPF : i,
				   is_svm() ? "npf" : "other");
		seq_printf(m, " %llu %llu\n", count, to_ns(READ_ONCE(f->cost[i])));
	}
	return 0;
}
