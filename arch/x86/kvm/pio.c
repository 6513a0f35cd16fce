// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: IN and OUT of a register, and batches of the string forms.
 *
 * A port that no device in the kernel has is the VMM's: KVM_EXIT_IO, the data in the second page of the vCPU's mapping,
 * which the VMM can write at any time.  The instruction completes when KVM_RUN is called again: until then RIP points at
 * it.  The one exception is OUT to port 0x7e, behind which old firmware expects RIP to be (KVM_X86_QUIRK_OUT_7E_INC_RIP).
 */
#include <linux/kvm.h>
#include <linux/module.h>

#include "io.h"
#include "emul.h"
#include "io_x86.h"
#include "regs.h"
#include "trace_x86.h"

/* What IN leaves in RAX: 32 bits clear the upper half, fewer leave the rest alone. */
static void write_accumulator(struct kvm_vcpu *vcpu, u32 val, int size)
{
	unsigned long rax = kvm_rax_read(vcpu);

	switch (size) {
	case 1:
		rax = (rax & ~0xffUL) | (val & 0xff);
		break;
	case 2:
		rax = (rax & ~0xffffUL) | (val & 0xffff);
		break;
	default:
		rax = val;
	}
	kvm_rax_write(vcpu, rax);
}

/* ---------------------------------------------------------------- interrupts off */

int kvm_emulate_pio_fast(struct kvm_vcpu *vcpu, u16 port, int size, bool in)
{
	u32 val = kvm_rax_read(vcpu);

	if (in) {
		if (kvm_io_bus_read_fast(vcpu, KVM_PIO_BUS, port, size, &val))
			return KVM_AGAIN;
		write_accumulator(vcpu, val, size);
	} else if (kvm_io_bus_write_fast(vcpu, KVM_PIO_BUS, port, size, &val)) {
		return KVM_AGAIN;
	}
	vcpu->stat.io_exits++;
	trace_kvm_pio(!in, port, size, 1, &val);
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_pio_fast);

/* ---------------------------------------------------------------- to the VMM */

static void exit_to_vmm(struct kvm_vcpu *vcpu, u16 port, int size, bool in, unsigned int count)
{
	struct kvm_run *run = vcpu->run;

	vcpu->arch.io.pio_in = in;
	vcpu->arch.io.pio_size = size;
	vcpu->arch.io.pio_port = port;
	vcpu->arch.io.pio_linear_rip = kvm_linear_rip(vcpu);
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
}

/* KVM_RUN after KVM_EXIT_IO of a register form. */
static int complete_register(struct kvm_vcpu *vcpu)
{
	u32 val = 0;

	/* The VMM has set the vCPU up anew: what it was waiting for is of no interest any more. */
	if (kvm_linear_rip(vcpu) != vcpu->arch.io.pio_linear_rip)
		return KVM_AGAIN;
	if (vcpu->arch.io.pio_in) {
		memcpy(&val, vcpu->arch.io.pio_data, vcpu->arch.io.pio_size);
		trace_kvm_pio(KVM_TRACE_READ, vcpu->arch.io.pio_port, vcpu->arch.io.pio_size, 1,
			      &val);
		write_accumulator(vcpu, val, vcpu->arch.io.pio_size);
	}
	return kvm_skip_instruction(vcpu);
}

static bool skips_before_exit(struct kvm_vcpu *vcpu, u16 port)
{
	return port == 0x7e && !(vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_OUT_7E_INC_RIP);
}

static int in_from_vmm(struct kvm_vcpu *vcpu, u16 port, int size)
{
	memset(vcpu->arch.io.pio_data, 0, size);
	exit_to_vmm(vcpu, port, size, true, 1);
	vcpu->arch.io.complete = complete_register;
	return KVM_TO_USER;
}

static int out_to_vmm(struct kvm_vcpu *vcpu, u16 port, int size, u32 val)
{
	memcpy(vcpu->arch.io.pio_data, &val, size);
	exit_to_vmm(vcpu, port, size, false, 1);
	if (skips_before_exit(vcpu, port))
		kvm_x86_call(skip_instruction)(vcpu);
	else
		vcpu->arch.io.complete = complete_register;
	return KVM_TO_USER;
}

int kvm_emulate_pio(struct kvm_vcpu *vcpu, u16 port, int size, bool in)
{
	u32 val = kvm_rax_read(vcpu);

	if (!in)
		trace_kvm_pio(KVM_TRACE_WRITE, port, size, 1, &val);
	if (in) {
		if (kvm_io_bus_read(vcpu, KVM_PIO_BUS, port, size, &val))
			return in_from_vmm(vcpu, port, size);
		trace_kvm_pio(KVM_TRACE_READ, port, size, 1, &val);
		write_accumulator(vcpu, val, size);
	} else if (kvm_io_bus_write(vcpu, KVM_PIO_BUS, port, size, &val)) {
		return out_to_vmm(vcpu, port, size, val);
	}
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_pio);

/* ---------------------------------------------------------------- for the emulator */

/* KVM_RUN after KVM_EXIT_IO of an emulated instruction. */
static int complete_emulated(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;
	struct kvm_access *a = &e->access;

	if (!kvm_emul_resume(e))
		return KVM_AGAIN;
	if (!a->write)
		memcpy(a->data + a->pio_done, vcpu->arch.io.pio_data, a->pio_bytes - a->pio_done);
	a->answered = true;
	return kvm_emulate_instruction(vcpu, KVM_EMUL_NO_DECODE, 0, NULL, 0);
}

/* From element @done on, the VMM has to be asked. */
static enum emul_result suspend(struct kvm_emul *e, u16 port, unsigned int size, unsigned int count,
				unsigned int done, bool write)
{
	struct kvm_access *a = &e->access;
	struct kvm_vcpu *vcpu = e->vcpu;

	a->write = write;
	a->pio_done = done * size;
	a->pio_bytes = count * size;
	if (write)
		memcpy(vcpu->arch.io.pio_data, a->data + a->pio_done, a->pio_bytes - a->pio_done);
	exit_to_vmm(vcpu, port, size, !write, count - done);
	vcpu->arch.io.complete = complete_emulated;
	return EMUL_NEED_IO;
}

enum emul_result kvm_emul_in(struct emul_ctxt *ctxt, u16 port, unsigned int size, void *buf,
			     unsigned int count)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_access *a = &e->access;
	enum emul_result res = EMUL_DONE;
	unsigned int i;

	if (a->answered) {
		a->answered = false;
	} else {
		for (i = 0; i < count; i++) {
			if (kvm_io_bus_read(e->vcpu, KVM_PIO_BUS, port, size, a->data + i * size))
				break;
		}
		if (i < count)
			res = suspend(e, port, size, count, i, false);
	}
	if (res == EMUL_DONE) {
		trace_kvm_pio(KVM_TRACE_READ, port, size, count, a->data);
		memcpy(buf, a->data, count * size);
	}
	return res;
}

enum emul_result kvm_emul_out(struct emul_ctxt *ctxt, u16 port, unsigned int size, const void *buf,
			      unsigned int count)
{
	struct kvm_emul *e = to_emul(ctxt);
	struct kvm_access *a = &e->access;
	unsigned int i;

	if (a->answered) {
		a->answered = false;
		return EMUL_DONE;
	}
	memcpy(a->data, buf, count * size);
	trace_kvm_pio(KVM_TRACE_WRITE, port, size, count, buf);
	for (i = 0; i < count; i++) {
		if (kvm_io_bus_write(e->vcpu, KVM_PIO_BUS, port, size, a->data + i * size))
			return suspend(e, port, size, count, i, true);
	}
	return EMUL_DONE;
}
