/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port I/O, MMIO, and instructions carried out by the emulator.
 */
#ifndef KVM_X86_IO_X86_H
#define KVM_X86_IO_X86_H

#include "backend.h"

/**
 * kvm_emulate_pio_fast() - IN or OUT of a register that hits a device usable with IRQs off
 * @size: 1, 2 or 4
 * Return: KVM_REENTER with RIP advanced, or KVM_AGAIN: take kvm_emulate_pio()
 */
int kvm_emulate_pio_fast(struct kvm_vcpu *vcpu, u16 port, int size, bool in);
int kvm_emulate_pio(struct kvm_vcpu *vcpu, u16 port, int size, bool in);

/* Flags of kvm_emulate_instruction() */
#define KVM_EMUL_SKIP BIT(0) /* only decode and advance RIP */
#define KVM_EMUL_MMIO BIT(1) /* because of a two-dimensional fault at @gpa */
#define KVM_EMUL_TRAP_UD BIT(2) /* after #UD: only instructions that shall be emulated, else #UD */
#define KVM_EMUL_NO_DECODE BIT(3) /* continue the instruction that was suspended */

/**
 * kvm_emulate_instruction() - carry out the instruction at RIP in software
 * @gpa: with KVM_EMUL_MMIO, the guest physical address that faulted
 * @insn: instruction bytes that hardware provided, or NULL
 * @len: how many
 * Return: a tier or an errno; an instruction that cannot be emulated ends in KVM_EXIT_INTERNAL_ERROR or #UD
 */
int kvm_emulate_instruction(struct kvm_vcpu *vcpu, u32 flags, gpa_t gpa, const void *insn, int len);

/**
 * kvm_emul_deliver_event() - do in software what an injection would have the processor do
 *
 * Takes what vcpu->arch.events has as injected (exception, NMI, interrupt, INT n).  An exception that delivery raises is
 * queued.
 *
 * Return: a tier or an errno
 * Context: IRQs on, SRCU held, may sleep
 */
int kvm_emul_deliver_event(struct kvm_vcpu *vcpu);

/*
 * A two-dimensional fault that is known to be MMIO, IRQs off: a plain move that a device takes that works like this (local
 * APIC, ioeventfd, coalesced ring).  KVM_REENTER with the instruction done, or KVM_AGAIN: nothing done, kvm_mmio_fault().
 */
bool kvm_mmio_is_fast(struct kvm_vcpu *vcpu, gpa_t gpa); /* is it worth fetching the instruction? */
int kvm_mmio_fast(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error_code, const void *insn, int len);
/* An MMIO access found while handling a fault (no slot, or write to a read-only one). */
int kvm_mmio_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error_code, const void *insn, int len);

int kvm_emul_create(struct kvm_vcpu *vcpu);
void kvm_emul_destroy(struct kvm_vcpu *vcpu);
/* The guest's CPUID has changed. */
void kvm_emul_cpuid_changed(struct kvm_vcpu *vcpu);
/* Reset: forget a suspended instruction.  (KVM_SET_REGS needs nothing: who completes looks at RIP.) */
void kvm_emul_forget(struct kvm_vcpu *vcpu);

#endif /* KVM_X86_IO_X86_H */
