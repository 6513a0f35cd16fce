/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between emul*.c, mmio.c and pio.c: the emulator of a vCPU, and the access that it waits for.
 */
#ifndef KVM_X86_EMUL_H
#define KVM_X86_EMUL_H

#include "backend.h"
#include "emulate/emulate.h"

/* A piece of an access that lies on one page. */
struct kvm_mmio_fragment {
	gpa_t gpa;
	u16 off; /* of its first byte, in kvm_access.data */
	u16 len; /* bytes still to be done */
};

/**
 * struct kvm_access - the one access that an instruction waits for
 *
 * Its data is kept here and never on a stack, because the instruction that began it returns to the VMM before it is done.
 *
 * @write: to a device; else from it
 * @answered: all of it is done; the instruction, run again, asks for it a second time and gets @data
 * @nr_frags: pages concerned, 1 or 2 (MMIO)
 * @frag: index of the fragment in work (MMIO)
 * @now: bytes of it that the VMM has been shown (MMIO)
 * @pio_done: bytes that devices in the kernel have answered (port I/O)
 * @pio_bytes: bytes in all (port I/O)
 * @frags: see @nr_frags
 * @data: what is written, or what was read so far
 */
struct kvm_access {
	bool write;
	bool answered;
	u8 nr_frags;
	u8 frag;
	u8 now;
	u16 pio_done;
	u16 pio_bytes;
	struct kvm_mmio_fragment frags[2];
	u8 data[EMUL_PIO_BATCH] __aligned(8);
};

/**
 * struct kvm_emul - the emulator of a vCPU
 * @ctxt: the pure part
 * @vcpu: whose it is
 * @suspended: @ctxt holds an instruction that waits for @access
 * @atomic: the context allows no sleep: ops that might, refuse
 * @halted: the instruction was HLT
 * @msr_refused: the VMM's answer to an RDMSR or WRMSR was #GP
 * @linear_rip: where the suspended instruction is
 * @msr_data: the VMM's answer to an RDMSR
 * @features_stale: ctxt.features must be made again from the guest's CPUID
 * @mov: the plain move that waits for @access, when it did not need the whole emulator
 * @access: see there
 * @fx: an FXSAVE image
 */
struct kvm_emul {
	struct emul_ctxt ctxt;
	struct kvm_vcpu *vcpu;
	bool suspended;
	bool atomic;
	bool halted;
	bool features_stale;
	bool msr_refused;
	unsigned long linear_rip;
	u64 msr_data;
	struct emul_mov mov;
	struct kvm_access access;
	u8 fx[512] __aligned(16);
};

static inline struct kvm_emul *to_emul(struct emul_ctxt *ctxt)
{
	return container_of(ctxt, struct kvm_emul, ctxt);
}

/* emul_ops.c, emul_fpu.c */
extern const struct emul_ops kvm_emul_ops;
void kvm_emul_vec_read(struct emul_ctxt *ctxt, unsigned int reg, void *buf, unsigned int len);
void kvm_emul_vec_write(struct emul_ctxt *ctxt, unsigned int reg, const void *buf, unsigned int len,
			bool zext);
void kvm_emul_fx_read(struct emul_ctxt *ctxt, void *buf, unsigned int len);
void kvm_emul_fx_write(struct emul_ctxt *ctxt, const void *buf, unsigned int len);

/* emul.c: the guest's registers to ctxt, without and with emul_begin(), and back. */
void kvm_emul_load_registers(struct kvm_emul *e);
void kvm_emul_load(struct kvm_emul *e);
void kvm_emul_store(struct kvm_emul *e);
/* The instruction is complete: registers, shadow and traps.  A tier. */
int kvm_emul_done(struct kvm_emul *e);
/* ctxt.fault goes to the guest: KVM_REENTER.  What cannot be done goes to the VMM, with a report: a tier. */
int kvm_emul_deliver_fault(struct kvm_emul *e);
int kvm_emul_fail(struct kvm_emul *e);
/* Tracepoint kvm_emulate_insn for the instruction that was decoded at @rip. */
void kvm_emul_trace(struct kvm_emul *e, u64 rip, bool failed);
/* The VMM has answered: does the suspended instruction still stand at RIP?  Its registers are taken in again. */
bool kvm_emul_resume(struct kvm_emul *e);

/*
 * mmio.c.  kvm_mmio_advance(): offer what is left of the access to the devices in the kernel; true: done; false: kvm_run
 * asks the VMM for a piece, and kvm_mmio_answer() takes that in and goes on.
 */
bool kvm_mmio_advance(struct kvm_vcpu *vcpu, struct kvm_access *a);
bool kvm_mmio_answer(struct kvm_vcpu *vcpu, struct kvm_access *a);

/* pio.c: IN and OUT of @count elements for the emulator; EMUL_NEED_IO when the VMM has to be asked. */
enum emul_result kvm_emul_in(struct emul_ctxt *ctxt, u16 port, unsigned int size, void *buf,
			     unsigned int count);
enum emul_result kvm_emul_out(struct emul_ctxt *ctxt, u16 port, unsigned int size, const void *buf,
			      unsigned int count);

#endif /* KVM_X86_EMUL_H */
