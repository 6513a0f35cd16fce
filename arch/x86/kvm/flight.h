/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flight recorder: the last exits of each vCPU, always on, and what exits of each kind have cost.
 *
 * A backend's inner loop calls kvm_flight_exit() after each exit and kvm_flight_served() before it enters again; run.c
 * calls kvm_flight_close() for the exit that ended the loop, once it is decided.  Written by the vCPU's thread alone, read
 * by others without a lock: flight.c drops what may have changed meanwhile.
 */
#ifndef KVM_X86_FLIGHT_H
#define KVM_X86_FLIGHT_H

#include <asm/msr.h>

#include "backend.h"

/* tools/bench/overhead builds modules without recorder and statistics, and with these alone, to see what they cost. */
#ifdef KVM_WITHOUT_FLIGHT
#define KVM_FLIGHT 0
#else
#define KVM_FLIGHT 1
#endif
#ifdef KVM_WITHOUT_RECORDER
#define KVM_RECORDER 0
#else
#define KVM_RECORDER 1
#endif

static __always_inline struct kvm_flight_exit *kvm_flight_newest(struct kvm_flight *f)
{
	/* Statistics alone make do with one. */
	return (void *)f->ring + (KVM_RECORDER ? f->pos & (sizeof(f->ring) - 1) : 0);
}

/**
 * kvm_flight_exit() - count an exit and record it
 * @vcpu: just left, its RIP read
 * @reason: the processor's number for it, as in kvm_exit_info.reason
 * @info1: what comes with it: exit qualification, EXITINFO1
 * Context: IRQs off
 * Return: the record, for kvm_flight_served()
 */
static __always_inline struct kvm_flight_exit *kvm_flight_exit(struct kvm_vcpu *vcpu, u64 reason,
							       u64 info1)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	struct kvm_flight_exit *e;
	u32 lo, hi;

	if (!KVM_FLIGHT)
		return NULL;
	vcpu->stat.exits++;
	if (KVM_RECORDER)
		f->pos += sizeof(*e);
	e = kvm_flight_newest(f);
	if (KVM_RECORDER) {
		e->rip = vcpu->arch.regs[VCPU_RIP];
		e->info1 = info1;
	}
	e->reason_decision = reason; /* KVM_FLIGHT_SERVED, until kvm_flight_close() knows better */
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	e->tsc_lo = lo;
	if (KVM_RECORDER)
		e->tsc_hi = hi;
	return e;
}

/**
 * kvm_flight_gpa() - the newest exit is for want of a page
 * @vcpu: current
 * @gpa: guest physical address
 */
static inline void kvm_flight_gpa(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct kvm_flight_exit *e = kvm_flight_newest(&vcpu->arch.flight);

	e->gpa = gpa;
	e->reason_decision |= KVM_FLIGHT_GPA;
}

/* Exits that have no row of their own share the last one. */
static __always_inline u64 kvm_flight_row(u64 reason)
{
	return min_t(u64, reason, KVM_EXIT_ROWS - 1);
}

/**
 * kvm_flight_served() - the inner loop has dealt with the exit and enters again
 * @vcpu: current
 * @e: the exit
 * Context: IRQs off; at once after the exit, so that a difference of 32 bits is enough
 */
static __always_inline void kvm_flight_served(struct kvm_vcpu *vcpu, struct kvm_flight_exit *e)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	u32 cycles;
	u64 row;

	if (!KVM_FLIGHT)
		return;
	asm volatile("rdtsc" : "=a"(cycles) : : "edx");
	cycles -= e->tsc_lo;
	if (KVM_RECORDER)
		e->cycles = cycles;
	row = kvm_flight_row((u32)e->reason_decision);
	f->count[row]++;
	f->cost[row] += cycles;
}

/* flight.c */
void kvm_flight_close(struct kvm_vcpu *vcpu, int tier);
void kvm_flight_back(struct kvm_vcpu *vcpu);
void kvm_flight_note(struct kvm_vcpu *vcpu, const char *format, ...) __printf(2, 3);
void kvm_flight_print(struct kvm_vcpu *vcpu);
const char *kvm_exit_name(u32 reason);

struct seq_file;
int kvm_flight_show(struct seq_file *m, struct kvm_vcpu *vcpu);
int kvm_exit_costs_show(struct seq_file *m, struct kvm_vcpu *vcpu);

#endif /* KVM_X86_FLIGHT_H */
