// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-mapped I/O: guest physical addresses without memory behind them.
 *
 * An access is offered to the local APIC, then to the devices on the MMIO bus (ioeventfds and coalesced zones among them),
 * then to the VMM, at most 8 bytes at a time and never across a page.  Nearly all accesses are plain moves: for those the
 * processor's own word on where the access went is taken, and only their other operand is worked out.  What is not a
 * plain move is emulated in full.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/unaligned.h>

#include "io.h"
#include "debug.h"
#include "emul.h"
#include "io_x86.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "trace.h"
#include "trace_x86.h"

/* ---------------------------------------------------------------- devices in the kernel, and the VMM */

static bool device_write(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *data)
{
	trace_kvm_mmio(KVM_TRACE_MMIO_WRITE, len, gpa, data);
	if (kvm_lapic_in_kernel(vcpu) && !kvm_lapic_mmio_write(vcpu, gpa, len, data))
		return true;
	return !kvm_io_bus_write(vcpu, KVM_MMIO_BUS, gpa, len, data);
}

static bool device_read(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *data)
{
	bool done = (kvm_lapic_in_kernel(vcpu) && !kvm_lapic_mmio_read(vcpu, gpa, len, data)) ||
		    !kvm_io_bus_read(vcpu, KVM_MMIO_BUS, gpa, len, data);

	if (done)
		trace_kvm_mmio(KVM_TRACE_MMIO_READ, len, gpa, data);
	else
		trace_kvm_mmio(KVM_TRACE_MMIO_READ_UNSATISFIED, len, gpa, NULL);
	return done;
}

static void exit_to_vmm(struct kvm_vcpu *vcpu, struct kvm_access *a, const void *data)
{
	struct kvm_mmio_fragment *f = &a->frags[a->frag];
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = f->gpa;
	run->mmio.len = a->now;
	run->mmio.is_write = a->write;
	if (a->write)
		memcpy(run->mmio.data, data, a->now);
	vcpu->arch.io.mmio_needed = true;
	vcpu->stat.mmio_exits++;
}

static void consume(struct kvm_access *a)
{
	struct kvm_mmio_fragment *f = &a->frags[a->frag];

	f->gpa += a->now;
	f->off += a->now;
	f->len -= a->now;
	if (!f->len)
		a->frag++;
}

bool kvm_mmio_advance(struct kvm_vcpu *vcpu, struct kvm_access *a)
{
	while (a->frag < a->nr_frags) {
		struct kvm_mmio_fragment *f = &a->frags[a->frag];
		void *data = a->data + f->off;

		a->now = min_t(unsigned int, f->len, 8);
		if (a->write ? !device_write(vcpu, f->gpa, a->now, data) :
			       !device_read(vcpu, f->gpa, a->now, data)) {
			exit_to_vmm(vcpu, a, data);
			return false;
		}
		consume(a);
	}
	return true;
}

bool kvm_mmio_answer(struct kvm_vcpu *vcpu, struct kvm_access *a)
{
	struct kvm_mmio_fragment *f = &a->frags[a->frag];

	vcpu->arch.io.mmio_needed = false;
	if (!a->write) {
		memcpy(a->data + f->off, vcpu->run->mmio.data, a->now);
		trace_kvm_mmio(KVM_TRACE_MMIO_READ, a->now, f->gpa, a->data + f->off);
	}
	consume(a);
	return kvm_mmio_advance(vcpu, a);
}

/* ---------------------------------------------------------------- plain moves */

/* Bytes at RIP that can be had with one translation. */
static unsigned int fetch_len(unsigned long rip)
{
	return min_t(unsigned int, EMUL_MAX_INSN, PAGE_SIZE - offset_in_page(rip));
}

static u64 fetch_access(struct kvm_emul *e)
{
	return KVM_PF_FETCH | (e->ctxt.cpl == 3 ? KVM_PF_USER : 0);
}

/* Interrupts off: instruction bytes from the guest's memory, if all tables and the page are resident. */
static unsigned int fetch_nofault(struct kvm_emul *e, unsigned long rip, u8 *bytes)
{
	unsigned int n = fetch_len(rip);
	gpa_t gpa = kvm_gva_to_gpa_nofault(e->vcpu, rip, fetch_access(e));

	if (gpa == INVALID_GPA || kvm_vcpu_read_guest_nofault(e->vcpu, gpa, bytes, n))
		return 0;
	return n;
}

static unsigned int fetch(struct kvm_emul *e, unsigned long rip, u8 *bytes)
{
	unsigned int n = fetch_len(rip);
	gpa_t gpa = kvm_gva_to_gpa(e->vcpu, rip, fetch_access(e), NULL);

	if (gpa == INVALID_GPA || kvm_vcpu_read_guest(e->vcpu, gpa, bytes, n))
		return 0;
	return n;
}

/* Does the move's memory operand begin at @gpa, as far as an offset in a page can tell, and end in the same page? */
static bool operand_is_at(struct kvm_emul *e, gpa_t gpa)
{
	u64 lin = e->mov.ea;

	if (e->ctxt.mode != EMUL_MODE_LONG || e->ctxt.insn.seg >= VCPU_SREG_FS)
		lin += kvm_x86_call(get_segment_base)(e->vcpu, e->ctxt.insn.seg);
	trace_vcpu_match_mmio(lin, gpa, e->mov.write, true);
	return offset_in_page(lin) == offset_in_page(gpa) &&
	       offset_in_page(gpa) + e->mov.len <= PAGE_SIZE;
}

/* The faulting instruction is decoded and is a plain move that did what the fault says. */
static bool decode_mov(struct kvm_emul *e, gpa_t gpa, u64 error, const void *insn, int len)
{
	u8 bytes[EMUL_MAX_INSN];
	unsigned long rip;

	kvm_emul_load_registers(e);
	if (!insn || len <= 0) {
		rip = kvm_linear_rip(e->vcpu);
		len = e->atomic ? fetch_nofault(e, rip, bytes) : fetch(e, rip, bytes);
		if (!len)
			return false;
		insn = bytes;
	}
	/* A driver writes to its doorbell with the same instruction again and again. */
	if (!emul_begin_again(&e->ctxt, insn, len)) {
		emul_begin(&e->ctxt);
		emul_preset_bytes(&e->ctxt, insn, len);
	}
	return emul_decode(&e->ctxt) == EMUL_DONE && emul_mov_parse(&e->ctxt, &e->mov) &&
	       ((error & KVM_PF_UNKNOWN_ACCESS) || e->mov.write == !!(error & KVM_PF_WRITE)) &&
	       operand_is_at(e, gpa);
}

/* Faults that are no access of an instruction to its operand: fetches, and walks of the guest's page tables. */
static bool is_operand_fault(u64 error)
{
	return !(error & (KVM_PF_FETCH | KVM_PF_GUEST_PAGE));
}

static bool device_write_fast(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *data)
{
	if (kvm_lapic_in_kernel(vcpu) && !kvm_lapic_mmio_write(vcpu, gpa, len, data))
		return true;
	return !kvm_io_bus_write_fast(vcpu, KVM_MMIO_BUS, gpa, len, data);
}

static bool device_read_fast(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *data)
{
	if (kvm_lapic_in_kernel(vcpu) && !kvm_lapic_mmio_read(vcpu, gpa, len, data))
		return true;
	return !kvm_io_bus_read_fast(vcpu, KVM_MMIO_BUS, gpa, len, data);
}

/**
 * kvm_mmio_is_fast() - could kvm_mmio_fast() do something at an address?
 * @vcpu: current
 * @gpa: the address
 * Context: interrupts off
 */
bool kvm_mmio_is_fast(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	if (kvm_lapic_in_kernel(vcpu) && (vcpu->arch.apic_base & PAGE_MASK) == (gpa & PAGE_MASK))
		return true;
	return kvm_io_bus_has_fast(vcpu->kvm, KVM_MMIO_BUS, gpa);
}
EXPORT_SYMBOL_GPL(kvm_mmio_is_fast);

int kvm_mmio_fast(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error_code, const void *insn, int len)
{
	struct kvm_emul *e = vcpu->arch.io.emul;
	u64 val = 0;
	bool done;

	if (!is_operand_fault(error_code))
		return KVM_AGAIN;
	e->atomic = true;
	done = decode_mov(e, gpa, error_code, insn, len) && !(e->ctxt.rflags & X86_EFLAGS_TF);
	e->atomic = false;
	if (!done || vcpu->arch.debug.control & KVM_GUESTDBG_SINGLESTEP)
		return KVM_AGAIN;

	if (e->mov.write)
		done = device_write_fast(vcpu, gpa, e->mov.len, &e->mov.val);
	else
		done = device_read_fast(vcpu, gpa, e->mov.len, &val);
	if (!done)
		return KVM_AGAIN;
	trace_kvm_mmio(e->mov.write ? KVM_TRACE_MMIO_WRITE : KVM_TRACE_MMIO_READ, e->mov.len, gpa,
		       e->mov.write ? &e->mov.val : &val);
	emul_mov_finish(&e->ctxt, &e->mov, val);
	return kvm_emul_done(e);
}
EXPORT_SYMBOL_GPL(kvm_mmio_fast);

static int finish_mov(struct kvm_emul *e)
{
	emul_mov_finish(&e->ctxt, &e->mov, get_unaligned((u64 *)e->access.data));
	return kvm_emul_done(e);
}

/* KVM_RUN after KVM_EXIT_MMIO of a plain move. */
static int complete_mov(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	if (!kvm_emul_resume(e))
		return KVM_AGAIN;
	if (!kvm_mmio_answer(vcpu, &e->access)) {
		vcpu->arch.io.complete = complete_mov;
		return KVM_TO_USER;
	}
	return finish_mov(e);
}

static void access_for_mov(struct kvm_emul *e, gpa_t gpa)
{
	struct kvm_access *a = &e->access;

	a->write = e->mov.write;
	a->answered = false;
	a->nr_frags = 1;
	a->frag = 0;
	a->frags[0] = (struct kvm_mmio_fragment){ .gpa = gpa, .len = e->mov.len };
	put_unaligned(e->mov.val, (u64 *)a->data);
}

int kvm_mmio_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u64 error_code, const void *insn, int len)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	if (!is_operand_fault(error_code) || !decode_mov(e, gpa, error_code, insn, len))
		return kvm_emulate_instruction(vcpu, KVM_EMUL_MMIO, gpa, insn, len);

	vcpu->stat.insn_emulation++;
	kvm_emul_trace(e, kvm_rip_read(vcpu), false);
	access_for_mov(e, gpa);
	if (kvm_mmio_advance(vcpu, &e->access))
		return finish_mov(e);
	e->suspended = true;
	e->linear_rip = kvm_linear_rip(vcpu);
	vcpu->arch.io.complete = complete_mov;
	return KVM_TO_USER;
}
EXPORT_SYMBOL_GPL(kvm_mmio_fault);
