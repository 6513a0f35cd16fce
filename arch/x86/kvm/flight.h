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

/* tools/bench/overhead builds modules without, to see what it costs. */
#ifdef KVM_WITHOUT_FLIGHT
#define KVM_FLIGHT 0
#else
#define KVM_FLIGHT 1
#endif

/**
 * kvm_flight_exit() - count an exit and record it
 * @vcpu: just left, its RIP read
 * @reason: the processor's number for it, as in kvm_exit_info.reason
 * @info1: what comes with it: exit qualification, EXITINFO1
 * @info2: likewise: guest physical address or 0, EXITINFO2
 * Context: IRQs off
 * Return: the record, for kvm_flight_served()
 */
static __always_inline struct kvm_flight_exit *kvm_flight_exit(struct kvm_vcpu *vcpu, u64 reason,
							       u64 info1, u64 info2)
{
	struct kvm_flight *f = &vcpu->arch.flight;
	struct kvm_flight_exit *e;
	u32 pos = f->pos + sizeof(*e);
	u32 lo, hi;

	if (!KVM_FLIGHT)
		return NULL;
	vcpu->stat.exits++;
	f->pos = pos;
	e = (void *)f->ring + (pos & (sizeof(f->ring) - 1));
	e->rip = vcpu->arch.regs[VCPU_RIP];
	e->reason_decision = reason; /* KVM_FLIGHT_SERVED, until kvm_flight_close() knows better */
	e->info1 = info1;
	e->info2 = info2;
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	e->tsc_lo = lo;
	e->tsc_hi = hi;
	return e;
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
	e->cycles = cycles;
	row = kvm_flight_row(e->reason_decision); /* the decision is 0 */
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
