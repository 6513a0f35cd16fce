// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions carried out in software: between a vCPU and the pure emulator.
 *
 * An instruction that needs the VMM is suspended (emulate.h tells how) and goes on when KVM_RUN is called again, provided
 * that RIP still points at it in the same mode: a VMM that has set the vCPU up anew meanwhile means what it says.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "cpuid.h"
#include "debug.h"
#include "emul.h"
#include "events.h"
#include "io_x86.h"
#include "mmu/mmu.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "run.h"
#include "trace_x86.h"

/* String instructions: batches done before the guest's events are looked at. */
#define MAX_BATCHES 64

static int force_emulation_prefix;
module_param(force_emulation_prefix, int, 0644);
MODULE_PARM_DESC(
	force_emulation_prefix,
	"emulate the instruction after ud2; .ascii \"kvm\": 0 no, 1 yes, 2 yes, and with RFLAGS.RF clear");

#define FORCE_CLEARS_RF BIT(1)

/* ---------------------------------------------------------------- what the guest's CPU has */

static const struct {
	u8 emul;
	u16 cpuid;
} features[] = {
	{ EMUL_F_MMX, X86_FEATURE_MMX },
	{ EMUL_F_FXSR, X86_FEATURE_FXSR },
	{ EMUL_F_SSE, X86_FEATURE_XMM },
	{ EMUL_F_SSE2, X86_FEATURE_XMM2 },
	{ EMUL_F_SSE3, X86_FEATURE_XMM3 },
	{ EMUL_F_SSSE3, X86_FEATURE_SSSE3 },
	{ EMUL_F_SSE41, X86_FEATURE_XMM4_1 },
	{ EMUL_F_SSE42, X86_FEATURE_XMM4_2 },
	{ EMUL_F_SSE4A, X86_FEATURE_SSE4A },
	{ EMUL_F_AVX, X86_FEATURE_AVX },
	{ EMUL_F_AVX2, X86_FEATURE_AVX2 },
	{ EMUL_F_CX8, X86_FEATURE_CX8 },
	{ EMUL_F_CX16, X86_FEATURE_CX16 },
	{ EMUL_F_CMOV, X86_FEATURE_CMOV },
	{ EMUL_F_SEP, X86_FEATURE_SEP },
	{ EMUL_F_SYSCALL, X86_FEATURE_SYSCALL },
	{ EMUL_F_LAHF64, X86_FEATURE_LAHF_LM },
	{ EMUL_F_CLFLUSH, X86_FEATURE_CLFLUSH },
	{ EMUL_F_CLFLUSHOPT, X86_FEATURE_CLFLUSHOPT },
	{ EMUL_F_CLWB, X86_FEATURE_CLWB },
	{ EMUL_F_RDTSCP, X86_FEATURE_RDTSCP },
	{ EMUL_F_RDPID, X86_FEATURE_RDPID },
	{ EMUL_F_MOVBE, X86_FEATURE_MOVBE },
	{ EMUL_F_POPCNT, X86_FEATURE_POPCNT },
	{ EMUL_F_LZCNT, X86_FEATURE_ABM },
	{ EMUL_F_BMI1, X86_FEATURE_BMI1 },
	{ EMUL_F_BMI2, X86_FEATURE_BMI2 },
	{ EMUL_F_ADX, X86_FEATURE_ADX },
	{ EMUL_F_FSGSBASE, X86_FEATURE_FSGSBASE },
	{ EMUL_F_INVPCID, X86_FEATURE_INVPCID },
	{ EMUL_F_SMAP, X86_FEATURE_SMAP },
	{ EMUL_F_XSAVE, X86_FEATURE_XSAVE },
	{ EMUL_F_PREFETCHW, X86_FEATURE_3DNOWPREFETCH },
	{ EMUL_F_MONITOR, X86_FEATURE_MWAIT },
	{ EMUL_F_RDRAND, X86_FEATURE_RDRAND },
	{ EMUL_F_RDSEED, X86_FEATURE_RDSEED },
	{ EMUL_F_MOVDIRI, X86_FEATURE_MOVDIRI },
	{ EMUL_F_SERIALIZE, X86_FEATURE_SERIALIZE },
	{ EMUL_F_PKU, X86_FEATURE_PKU },
	{ EMUL_F_LA57, X86_FEATURE_LA57 },
};

static void update_features(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	u64 offered = BIT_ULL(EMUL_F_NONE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (guest_cpuid_has(vcpu, features[i].cpuid))
			offered |= BIT_ULL(features[i].emul);
	}
	if (!vcpu->arch.cpuid.is_amd_compatible)
		offered |= BIT_ULL(EMUL_F_INTEL);
	e->ctxt.features = offered;
	e->ctxt.decoded = false;
	e->features_stale = false;
}

void kvm_emul_cpuid_changed(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.io.emul)
		vcpu->arch.io.emul->features_stale = true;
}

/* ---------------------------------------------------------------- registers in and out */

static enum emul_mode get_mode(struct kvm_vcpu *vcpu, u64 rflags)
{
	int db, l;

	if (!is_protmode(vcpu))
		return EMUL_MODE_REAL;
	if (rflags & X86_EFLAGS_VM)
		return EMUL_MODE_VM86;
	kvm_x86_call(get_cs_db_l)(vcpu, &db, &l);
	if (l && is_long_mode(vcpu))
		return EMUL_MODE_LONG;
	return db ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

static u8 shadow_to_emul(u32 shadow)
{
	return (shadow & KVM_X86_SHADOW_INT_STI ? EMUL_SHADOW_STI : 0) |
	       (shadow & KVM_X86_SHADOW_INT_MOV_SS ? EMUL_SHADOW_MOV_SS : 0);
}

static u32 shadow_from_emul(u8 shadow)
{
	return (shadow & EMUL_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (shadow & EMUL_SHADOW_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

static void load_gprs(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;

	BUILD_BUG_ON(VCPU_RSP != (int)EMUL_RSP || VCPU_R15 != (int)EMUL_R15);
	BUILD_BUG_ON(sizeof(e->ctxt.gpr) != VCPU_RIP * sizeof(vcpu->arch.regs[0]));
	memcpy(e->ctxt.gpr, vcpu->arch.regs, sizeof(e->ctxt.gpr));
	e->ctxt.gpr[EMUL_RSP] = kvm_rsp_read(vcpu);
	e->ctxt.rip = kvm_rip_read(vcpu);
	e->ctxt.rflags = kvm_get_rflags(vcpu);
}

void kvm_emul_load_registers(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	struct emul_ctxt *ctxt = &e->ctxt;

	load_gprs(e);
	ctxt->mode = get_mode(vcpu, ctxt->rflags);
	ctxt->cpl = kvm_x86_call(get_cpl)(vcpu);
	ctxt->va_bits = is_la57_mode(vcpu) ? 57 : 48;
	ctxt->int_shadow = shadow_to_emul(kvm_x86_call(get_interrupt_shadow)(vcpu));
	ctxt->dr7 = vcpu->arch.debug.dr7 & KVM_DR7_BP_EN_MASK ? vcpu->arch.debug.dr7 : 0;
	if (unlikely(e->features_stale))
		update_features(e);
	e->halted = false;
	e->access.answered = false;
}

void kvm_emul_load(struct kvm_emul *e)
{
	kvm_emul_load_registers(e);
	emul_begin(&e->ctxt);
}

void kvm_emul_store(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	struct emul_ctxt *ctxt = &e->ctxt;
	unsigned long rsp = kvm_rsp_read(vcpu);

	memcpy(vcpu->arch.regs, ctxt->gpr, sizeof(ctxt->gpr));
	if (ctxt->gpr[EMUL_RSP] != rsp)
		kvm_rsp_write(vcpu, ctxt->gpr[EMUL_RSP]);
	kvm_rip_write(vcpu, ctxt->rip);
	if (ctxt->rflags != kvm_get_rflags(vcpu)) {
		kvm_set_rflags(vcpu, ctxt->rflags);
		/* Interrupts may have become possible. */
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	}
}

/* Would the suspended instruction be decoded as it was, and by the same right? */
static bool same_code(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;

	return kvm_linear_rip(vcpu) == e->linear_rip &&
	       get_mode(vcpu, kvm_get_rflags(vcpu)) == e->ctxt.mode &&
	       kvm_x86_call(get_cpl)(vcpu) == e->ctxt.cpl;
}

bool kvm_emul_resume(struct kvm_emul *e)
{
	bool stands = e->suspended && same_code(e);

	e->suspended = false;
	if (stands) {
		load_gprs(e);
		e->ctxt.seg_valid = 0;
	} else {
		kvm_emul_forget(e->vcpu);
	}
	return stands;
}

/* ---------------------------------------------------------------- what became of it */

static int halt_vcpu(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;

	vcpu->stat.halt_exits++;
	if (kvm_lapic_in_kernel(vcpu)) {
		vcpu->arch.mp_state = KVM_MP_STATE_HALTED;
		return KVM_AGAIN;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return KVM_TO_USER;
}

int kvm_emul_done(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	struct emul_ctxt *ctxt = &e->ctxt;
	u32 old_shadow = kvm_x86_call(get_interrupt_shadow)(vcpu);
	u32 shadow = shadow_from_emul(ctxt->int_shadow);

	kvm_emul_store(e);
	if (unlikely(shadow != old_shadow)) {
		kvm_x86_call(set_interrupt_shadow)(vcpu, shadow);
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	}
	if (unlikely(ctxt->nmi_unmask)) {
		kvm_x86_call(set_nmi_mask)(vcpu, false);
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	}
	if (unlikely(ctxt->trap))
		kvm_queue_exception_payload(vcpu, X86_TRAP_DB, false, 0, ctxt->trap);
	if (unlikely(vcpu->arch.debug.control & KVM_GUESTDBG_SINGLESTEP)) {
		int r = kvm_emulated_step(vcpu);

		if (r <= 0)
			return r;
	}
	return unlikely(e->halted) ? halt_vcpu(e) : KVM_REENTER;
}

int kvm_emul_deliver_fault(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	const struct emul_fault *f = &e->ctxt.fault;

	kvm_emul_store(e);
	if (f->vector == X86_TRAP_PF)
		kvm_inject_page_fault(vcpu, f->addr, f->error);
	else if (f->vector == X86_TRAP_DB)
		kvm_queue_exception_payload(vcpu, X86_TRAP_DB, false, 0, f->addr);
	else if (f->has_error)
		kvm_queue_exception_e(vcpu, f->vector, f->error);
	else
		kvm_queue_exception(vcpu, f->vector);
	return KVM_REENTER;
}

static int fail(struct kvm_emul *e, bool skip);

/*
 * INT n, INT3 and INTO go through the IDT in software, so that what goes wrong there is found with RIP at the instruction,
 * whatever the processor below can be told about it.  INT1 is a trap, with RIP behind it.
 */
static int deliver_software_event(struct kvm_emul *e)
{
	struct kvm_vcpu *vcpu = e->vcpu;
	struct emul_event ev = { .vector = e->ctxt.fault.vector,
				 .kind = e->ctxt.fault.kind,
				 .return_rip = e->ctxt.next_rip };
	int r;

	kvm_emul_store(e);
	if (ev.kind == EMUL_EV_PRIV_EXC) {
		kvm_rip_write(vcpu, ev.return_rip);
		kvm_queue_exception(vcpu, ev.vector);
		return KVM_REENTER;
	}
	if (ev.vector == X86_TRAP_BP && ev.kind == EMUL_EV_SOFT_EXC) {
		r = kvm_handle_debug_exception(vcpu, ev.vector, 0);
		if (r != KVM_AGAIN)
			return r;
	}
	switch (emul_deliver_event(&e->ctxt, &ev)) {
	case EMUL_DONE:
		kvm_emul_store(e);
		kvm_x86_call(set_interrupt_shadow)(vcpu, 0);
		return KVM_REENTER;
	case EMUL_FAULT:
		return kvm_emul_deliver_fault(e);
	case EMUL_RETRY:
		return KVM_AGAIN;
	default:
		return fail(e, false);
	}
}

static int suspend(struct kvm_emul *e)
{
	kvm_emul_store(e);
	e->suspended = true;
	e->linear_rip = kvm_linear_rip(e->vcpu);
	return KVM_TO_USER;
}

/* ---------------------------------------------------------------- tracing */

/* The instruction has been decoded, or as much as could be. */
static void trace_insn(struct kvm_emul *e, u64 rip, bool failed)
{
	static const u8 modes[] = {
		[EMUL_MODE_REAL] = 0,
		[EMUL_MODE_VM86] = KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_VM86,
		[EMUL_MODE_PROT16] = KVM_TRACE_EMUL_CR0_PE,
		[EMUL_MODE_PROT32] = KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_CS_D,
		[EMUL_MODE_LONG] = KVM_TRACE_EMUL_CR0_PE | KVM_TRACE_EMUL_CS_L,
	};
	const struct emul_insn *insn = &e->ctxt.insn;

	trace_kvm_emulate_insn(rip, kvm_x86_call(get_segment_base)(e->vcpu, VCPU_SREG_CS),
			       insn->bytes, insn->len ?: insn->fetched, modes[e->ctxt.mode],
			       failed);
}

void kvm_emul_trace(struct kvm_emul *e, u64 rip, bool failed)
{
	if (trace_kvm_emulate_insn_enabled())
		trace_insn(e, rip, failed);
}

/* ---------------------------------------------------------------- what cannot be emulated */

static void report(struct kvm_emul *e)
{
	const struct emul_insn *insn = &e->ctxt.insn;
	char text[96];

	if (!insn->fetched) {
		kvm_vcpu_info(e->vcpu, "cannot fetch the instruction at %#lx: not in memory\n",
			      kvm_linear_rip(e->vcpu));
		return;
	}
	emul_print(&e->ctxt, text, sizeof(text));
	kvm_vcpu_info(e->vcpu, "cannot emulate \"%s\" (%*ph) at %#lx, cpl %u\n", text,
		      insn->len ?: insn->fetched, insn->bytes, kvm_linear_rip(e->vcpu),
		      e->ctxt.cpl);
}

/*
 * KVM_EXIT_INTERNAL_ERROR, suberror KVM_INTERNAL_ERROR_EMULATION: flags, the instruction's size and bytes (kvm_run.
 * emulation_failure), then the exit that led here.
 */
static int exit_with_failure(struct kvm_emul *e)
{
	const struct emul_insn *insn = &e->ctxt.insn;
	struct kvm_exit_info info = {};
	u64 data[8] = {};
	u8 *bytes = (u8 *)&data[1];

	kvm_x86_call(get_exit_info)(e->vcpu, &info);
	if (insn->fetched) {
		data[0] = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		bytes[0] = insn->len ?: insn->fetched;
		memset(bytes + 1, 0x90, EMUL_MAX_INSN);
		memcpy(bytes + 1, insn->bytes, bytes[0]);
	}
	data[3] = info.reason;
	data[4] = info.info1;
	data[5] = info.info2;
	data[6] = info.intr_info;
	data[7] = info.error_code;
	return kvm_internal_error(e->vcpu, KVM_INTERNAL_ERROR_EMULATION, ARRAY_SIZE(data), data);
}

/* A guest's kernel that cannot go on is the VMM's to stop; a guest's user program gets #UD, unless the VMM wants all. */
static int fail(struct kvm_emul *e, bool skip)
{
	struct kvm_vcpu *vcpu = e->vcpu;

	vcpu->stat.insn_emulation_fail++;
	kvm_emul_trace(e, kvm_rip_read(vcpu), true);
	report(e);
	if (skip || vcpu->kvm->arch.exit_on_emulation_error || !e->ctxt.cpl)
		return exit_with_failure(e);
	kvm_queue_exception(vcpu, X86_TRAP_UD);
	return KVM_REENTER;
}

int kvm_emul_fail(struct kvm_emul *e)
{
	return fail(e, true);
}

/* ---------------------------------------------------------------- one instruction */

/* Only RIP moves: who skips an instruction deals with its shadow and traps. */
static int skip(struct kvm_emul *e)
{
	switch (emul_skip(&e->ctxt)) {
	case EMUL_DONE:
		kvm_emul_store(e);
		return KVM_REENTER;
	case EMUL_FAULT:
		return kvm_emul_deliver_fault(e);
	default:
		return fail(e, true);
	}
}

/* Is there something that the guest or the host should see before a string instruction goes on? */
static bool must_pause(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || need_resched() || signal_pending(current);
}

/*
 * Another batch of a string instruction: every one is an instruction of its own as far as faults and suspending go, but
 * for its decoding.
 */
static bool more_batches(struct kvm_emul *e, unsigned int *batch)
{
	kvm_emul_store(e);
	if (e->ctxt.trap || ++*batch >= MAX_BATCHES || must_pause(e->vcpu))
		return false;
	kvm_emul_load(e);
	return true;
}

static int finish_batches(struct kvm_emul *e)
{
	if (e->ctxt.trap)
		kvm_queue_exception_payload(e->vcpu, X86_TRAP_DB, false, 0, e->ctxt.trap);
	return KVM_REENTER;
}

static int run(struct kvm_emul *e)
{
	u64 rip = e->ctxt.rip;
	unsigned int batch = 0;
	enum emul_result res;

	for (;;) {
		res = emul_run(&e->ctxt);
		if (!batch && res != EMUL_UNHANDLED)
			kvm_emul_trace(e, rip, false);
		switch (res) {
		case EMUL_DONE:
			return kvm_emul_done(e);
		case EMUL_MORE:
			if (more_batches(e, &batch))
				continue;
			return finish_batches(e);
		case EMUL_FAULT:
			return kvm_emul_deliver_fault(e);
		case EMUL_SOFT_INT:
			return deliver_software_event(e);
		case EMUL_NEED_IO:
			return suspend(e);
		case EMUL_RETRY:
			return KVM_AGAIN;
		default:
			return fail(e, false);
		}
	}
}

/* VMCALL and VMMCALL: the guest believes that it is on the other vendor's processor. */
static bool is_hypercall(const struct emul_insn *insn)
{
	return insn->len == 3 && insn->bytes[0] == 0x0f && insn->bytes[1] == 0x01 &&
	       (insn->bytes[2] == 0xc1 || insn->bytes[2] == 0xd9);
}

/* UD2 and "kvm": test suites ask with it for the emulation of the instruction that follows. */
static bool is_prefix(struct kvm_emul *e)
{
	static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	struct emul_insn *insn = &e->ctxt.insn;
	u8 bytes[sizeof(prefix)];
	unsigned int n = min_t(unsigned int, insn->fetched, sizeof(prefix));

	memcpy(bytes, insn->bytes, n);
	if (memcmp(bytes, prefix, min_t(unsigned int, n, 2)))
		return false;
	/* The rest may lie on the next page. */
	if (n < sizeof(prefix) && kvm_emul_ops.fetch(&e->ctxt, kvm_linear_rip(e->vcpu) + n,
						     bytes + n, sizeof(prefix) - n) != EMUL_DONE)
		return false;
	if (memcmp(bytes, prefix, sizeof(prefix)))
		return false;
	kvm_rip_write(e->vcpu, kvm_rip_read(e->vcpu) + sizeof(prefix));
	return true;
}

static int emulate_prefixed(struct kvm_emul *e)
{
	/* #UD has set RF, as faults do, if only in the processor's mind: with it no breakpoint would be found. */
	if (READ_ONCE(force_emulation_prefix) & FORCE_CLEARS_RF)
		kvm_set_rflags(e->vcpu, kvm_get_rflags(e->vcpu) & ~X86_EFLAGS_RF);
	kvm_emul_load(e);
	e->vcpu->stat.insn_emulation++;
	return run(e);
}

/*
 * The next time, the guest shall find its processor's own instruction, if it can be written.  Only the last byte differs,
 * so that nobody executes a mixture.
 */
static void fix_hypercall(struct kvm_vcpu *vcpu)
{
	u64 access = KVM_PF_WRITE | (kvm_x86_call(get_cpl)(vcpu) == 3 ? KVM_PF_USER : 0);
	gpa_t gpa = kvm_gva_to_gpa_nofault(vcpu, kvm_linear_rip(vcpu) + 2, access);

	if (gpa != INVALID_GPA)
		kvm_vcpu_write_guest(vcpu, gpa, &kvm_backend.hypercall_insn[2], 1);
}

/* #UD is the guest's own, but for hypercalls, unless the VMM is against it, and what is emulated by force. */
static int after_ud(struct kvm_emul *e)
{
	u64 disabled = READ_ONCE(e->vcpu->kvm->arch.disabled_quirks);

	if (emul_decode(&e->ctxt) == EMUL_DONE && is_hypercall(&e->ctxt.insn) &&
	    !(disabled & KVM_X86_QUIRK_FIX_HYPERCALL_INSN)) {
		fix_hypercall(e->vcpu);
		return kvm_emulate_hypercall(e->vcpu);
	}
	if (unlikely(READ_ONCE(force_emulation_prefix)) && is_prefix(e))
		return emulate_prefixed(e);
	kvm_queue_exception(e->vcpu, X86_TRAP_UD);
	return KVM_REENTER;
}

int kvm_emulate_instruction(struct kvm_vcpu *vcpu, u32 flags, gpa_t gpa, const void *insn, int len)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	if (flags & KVM_EMUL_NO_DECODE)
		return run(e);

	kvm_emul_load(e);
	if (insn && len > 0)
		emul_preset_bytes(&e->ctxt, insn, len);
	if (flags & KVM_EMUL_SKIP)
		return skip(e);
	if (flags & KVM_EMUL_TRAP_UD)
		return after_ud(e);
	vcpu->stat.insn_emulation++;
	return run(e);
}
EXPORT_SYMBOL_GPL(kvm_emulate_instruction);

/* ---------------------------------------------------------------- life */

int kvm_emul_create(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);

	if (!e)
		return -ENOMEM;
	e->vcpu = vcpu;
	e->features_stale = true;
	emul_init(&e->ctxt, &kvm_emul_ops);
	vcpu->arch.io.emul = e;
	return 0;
}

void kvm_emul_destroy(struct kvm_vcpu *vcpu)
{
	kfree(vcpu->arch.io.emul);
	vcpu->arch.io.emul = NULL;
}

void kvm_emul_forget(struct kvm_vcpu *vcpu)
{
	struct kvm_emul *e = vcpu->arch.io.emul;

	vcpu->arch.io.mmio_needed = false;
	if (!e)
		return;
	e->suspended = false;
	e->access.answered = false;
}
