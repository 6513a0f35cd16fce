// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN.
 *
 *	KVM_RUN ── outer loop ──────────────────────────────────────────────┐
 *	             serve requests (may sleep), load the root               │
 *	             IRQs off, mode = IN_GUEST, barrier, look once more      │
 *	               ┌─ inner loop (the backend's) ────────────────┐       │
 *	               │  enter ─ exit ─ fast handler ─ KVM_REENTER ─┘       │
 *	             IRQs on                                                 │
 *	             KVM_AGAIN: slow handler (may sleep) ────────────────────┤
 *	             KVM_TO_USER, errno: leave                               │
 *	             halted: poll, sleep ────────────────────────────────────┘
 *
 * SRCU is held in the outer loop and dropped around the inner one and around sleeping.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/vtime.h>
#include <asm/fpu/api.h>
#include <asm/mce.h>
#include <asm/ptrace.h>

#include "arch.h"
#include "async_pf.h"
#include "backend.h"
#include "clock.h"
#include "cpuid.h"
#include "debug.h"
#include "events.h"
#include "flight.h"
#include "io_x86.h"
#include "ioctl.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "regs.h"
#include "run.h"
#include "steal.h"
#include "thread_work.h"
#include "trace.h"
#include "trace_x86.h"
#include "xsave.h"

/* ---------------------------------------------------------------- pending work */

static bool wants_irq_window_exit(struct kvm_vcpu *vcpu)
{
	return kvm_user_wants_irq_window(vcpu) && kvm_ready_for_user_irq(vcpu);
}

/* Requests that need neither sleep nor leave the inner loop. */
#define INNER_REQUESTS (BIT(KVM_REQ_EVENT) | BIT(KVM_REQ_NMI) | BIT(KVM_REQ_APIC_TIMER))

bool kvm_inner_loop_serve(struct kvm_vcpu *vcpu)
{
	if (read_thread_flags() & XFER_TO_GUEST_MODE_WORK)
		return false;
	if (READ_ONCE(vcpu->requests) & ~INNER_REQUESTS)
		return false;
	if (kvm_check_request(vcpu, KVM_REQ_APIC_TIMER))
		kvm_lapic_timer_expired(vcpu);
	kvm_clear_request(vcpu, KVM_REQ_NMI);
	kvm_clear_request(vcpu, KVM_REQ_EVENT);
	/* What is requested from here on comes with an interrupt, which the next entry takes at once. */
	smp_mb__after_atomic();
	/* An open window is the VMM's to use: asked for once more, it would end each entry before its first instruction. */
	return !kvm_events_inject(vcpu) && !wants_irq_window_exit(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_inner_loop_serve);

static int ioapic_eoi_exit(struct kvm_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	vcpu->run->eoi.vector = vcpu->arch.pending_ioapic_eoi;
	return KVM_TO_USER;
}

/* IRQs on, may sleep.  A tier or an errno; KVM_AGAIN: go on. */
static int serve_requests(struct kvm_vcpu *vcpu)
{
	if (kvm_check_request(vcpu, KVM_REQ_VM_DEAD))
		return -EIO;
	kvm_clear_request(vcpu, KVM_REQ_OUTSIDE);
	kvm_clear_request(vcpu, KVM_REQ_UNBLOCK);
	if (kvm_check_request(vcpu, KVM_REQ_TRIPLE_FAULT))
		return kvm_handle_triple_fault(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_IOAPIC_EOI_EXIT))
		return ioapic_eoi_exit(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_TPR_ACCESS))
		return kvm_lapic_tpr_exit(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_LAPIC_PAGES))
		kvm_lapic_sync_pages(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_CLOCK_UPDATE))
		kvm_clock_update(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_STEAL_UPDATE))
		kvm_steal_update(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_APF_READY))
		kvm_async_pf_ready(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_MSR_INTERCEPTS))
		kvm_x86_call(update_msr_intercepts)(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_POSTING)) {
		preempt_disable();
		kvm_x86_call(vcpu_blocking)(vcpu, false);
		preempt_enable();
	}
	if (kvm_check_request(vcpu, KVM_REQ_TLB_FLUSH)) {
		preempt_disable();
		kvm_tlb_flush(vcpu);
		preempt_enable();
	}
	if (kvm_check_request(vcpu, KVM_REQ_INIT_SIPI) && kvm_lapic_in_kernel(vcpu)) {
		int r = kvm_lapic_accept_events(vcpu);

		if (r < 0)
			return r;
	}
	return KVM_AGAIN;
}

/* ---------------------------------------------------------------- entry */

/* Time from here on is the guest's. */
static void account_guest_enter(void)
{
	vtime_account_guest_enter();
}

static void account_guest_exit(void)
{
	vtime_account_guest_exit();
}

/* IRQs off, SRCU dropped, mode set: from here on whoever makes a request interrupts this CPU. */
static int run_inner_loop(struct kvm_vcpu *vcpu)
{
	int r;

	if (kvm_tlb_stale(vcpu))
		kvm_tlb_catch_up(vcpu);
	if (!kvm_inner_loop_continue(vcpu))
		return KVM_REENTER;
	if (test_thread_flag(TIF_NEED_FPU_LOAD)) {
		switch_fpu_return();
		vcpu->stat.fpu_reload++;
	}
	kvm_xsave_enter_guest(vcpu);
	account_guest_enter();
	r = kvm_x86_call(run)(vcpu, false);
	kvm_xsave_leave_guest(vcpu);
	return r;
}

static int enter_guest(struct kvm_vcpu *vcpu)
{
	int r;

	vcpu->arch.at_boundary = false;
	/* The guest may have lowered its priority, and what waits finds it in memory alone. */
	if (unlikely(kvm_lapic_has_vapic(vcpu)))
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	if (READ_ONCE(vcpu->requests) & ~INNER_REQUESTS) {
		vcpu->arch.l1d_flush = true;
		r = serve_requests(vcpu);
		if (r <= 0)
			return r;
		/* An INIT may have stopped this vCPU. */
		if (vcpu->arch.mp_state != KVM_MP_STATE_RUNNABLE)
			return KVM_AGAIN;
	}
	r = kvm_mmu_load(vcpu);
	if (unlikely(r))
		return r;

	preempt_disable();
	kvm_x86_call(prepare_switch)(vcpu);
	local_irq_disable();
	kvm_vcpu_srcu_unlock(vcpu);
	/*
	 * Pairs with kvm_vcpu_kick() and kvm_make_all_cpus_request(): either they see the mode and interrupt, or the
	 * request is seen here.
	 */
	smp_store_mb(vcpu->mode, KVM_IN_GUEST);
	r = run_inner_loop(vcpu);
	smp_store_release(&vcpu->mode, KVM_OUTSIDE_GUEST);
	vcpu->arch.at_boundary = r == KVM_REENTER;

	/* Host interrupts that ended guest mode are served here, and the tick among them charges the guest. */
	kvm_x86_call(take_host_irq)(vcpu);
	local_irq_enable();
	local_irq_disable();
	account_guest_exit();
	local_irq_enable();
	preempt_enable();

	kvm_vcpu_srcu_lock(vcpu);
	if (r == KVM_AGAIN)
		r = kvm_x86_call(handle_exit)(vcpu);
	kvm_flight_close(vcpu, r);
	return r;
}

/* ---------------------------------------------------------------- waiting */

/* Is it runnable now? */
static bool sleep_until_runnable(struct kvm_vcpu *vcpu)
{
	bool ready;

	kvm_vcpu_srcu_unlock(vcpu);
	vcpu->arch.at_boundary = true;
	if (vcpu->arch.mp_state == KVM_MP_STATE_HALTED)
		kvm_vcpu_halt(vcpu);
	else
		kvm_vcpu_block(vcpu);
	vcpu->arch.at_boundary = false;
	kvm_vcpu_srcu_lock(vcpu);
	/* Whether it ends the halt is the interrupt's business. */
	ready = kvm_check_request(vcpu, KVM_REQ_APF_READY);
	if (unlikely(ready))
		kvm_async_pf_ready(vcpu);
	return (vcpu->valid_wakeup && !ready) || kvm_arch_vcpu_runnable(vcpu);
}

static int wait_runnable(struct kvm_vcpu *vcpu)
{
	kvm_lapic_deadline_to_host(vcpu);
	/* That there is no event yet HLT has found before it came here, and waiting looks once more. */
	if (!sleep_until_runnable(vcpu))
		return KVM_AGAIN;
	if (kvm_lapic_in_kernel(vcpu) && kvm_lapic_accept_events(vcpu) < 0)
		return KVM_TO_USER;
	if (vcpu->arch.mp_state == KVM_MP_STATE_HALTED) {
		vcpu->arch.pv_unhalted = false;
		vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	}
	return KVM_AGAIN;
}

/* ---------------------------------------------------------------- outer loop */

static int handle_thread_work(struct kvm_vcpu *vcpu)
{
	int r;

	vcpu->arch.l1d_flush = true;
	kvm_vcpu_srcu_unlock(vcpu);
	r = kvm_handle_thread_work();
	kvm_vcpu_srcu_lock(vcpu);
	if (r) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		vcpu->stat.signal_exits++;
	}
	return r;
}

static int outer_loop(struct kvm_vcpu *vcpu)
{
	int r;

	for (;;) {
		if (likely(vcpu->arch.mp_state == KVM_MP_STATE_RUNNABLE))
			r = enter_guest(vcpu);
		else
			r = wait_runnable(vcpu);
		if (r <= 0)
			return r;
		if (unlikely(wants_irq_window_exit(vcpu))) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			vcpu->stat.request_irq_exits++;
			return 0;
		}
		if (__xfer_to_guest_mode_work_pending()) {
			r = handle_thread_work(vcpu);
			if (r)
				return r;
		}
	}
}

/* An application processor that has not had its INIT and SIPI yet: wait for them, in portions. */
static int wait_for_init(struct kvm_vcpu *vcpu)
{
	int r;

	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	kvm_vcpu_srcu_unlock(vcpu);
	kvm_vcpu_block(vcpu);
	kvm_vcpu_srcu_lock(vcpu);
	r = kvm_lapic_in_kernel(vcpu) ? kvm_lapic_accept_events(vcpu) : 0;
	if (r < 0)
		return 0;
	kvm_clear_request(vcpu, KVM_REQ_UNBLOCK);
	if (signal_pending(current)) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		vcpu->stat.signal_exits++;
		return -EINTR;
	}
	return -EAGAIN;
}

/* What the VMM left in kvm_run for this run. */
static int take_in(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int (*complete)(struct kvm_vcpu *vcpu);
	int r;

	if ((READ_ONCE(run->kvm_valid_regs) | READ_ONCE(run->kvm_dirty_regs)) &
	    ~KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (READ_ONCE(run->kvm_dirty_regs)) {
		r = kvm_sync_regs_load(vcpu);
		if (r)
			return r;
	}
	if (!kvm_lapic_in_kernel(vcpu) && kvm_set_cr8(vcpu, READ_ONCE(run->cr8)))
		return -EINVAL;
	if (READ_ONCE(run->request_interrupt_window))
		kvm_make_request(vcpu, KVM_REQ_EVENT);

	complete = vcpu->arch.io.complete;
	if (!complete)
		return KVM_AGAIN;
	vcpu->arch.io.complete = NULL;
	return complete(vcpu);
}

/* What the VMM finds in kvm_run whatever the exit was. */
static void give_out(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->flags = vcpu->arch.run_flags;
	run->if_flag = !!(kvm_get_rflags(vcpu) & X86_EFLAGS_IF);
	run->cr8 = kvm_get_cr8(vcpu);
	run->apic_base = vcpu->arch.apic_base;
	run->ready_for_interrupt_injection = kvm_ready_for_user_irq(vcpu);
	if (READ_ONCE(run->kvm_valid_regs))
		kvm_sync_regs_store(vcpu);
}

static int run_loaded(struct kvm_vcpu *vcpu)
{
	int r;

	if (unlikely(vcpu->arch.mp_state == KVM_MP_STATE_UNINITIALIZED))
		return wait_for_init(vcpu);
	r = take_in(vcpu);
	if (r <= 0)
		return r;
	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	return outer_loop(vcpu);
}

int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu)
{
	int r;

	kvm_fpu_load_guest(vcpu);
	kvm_vcpu_srcu_lock(vcpu);
	vcpu->arch.run_flags = 0;
	kvm_flight_back(vcpu);
	r = run_loaded(vcpu);
	vcpu->arch.at_boundary = false;
	kvm_lapic_sync_pages(vcpu);
	kvm_fpu_put_guest(vcpu);
	give_out(vcpu);
	kvm_vcpu_srcu_unlock(vcpu);
	trace_kvm_userspace_exit(vcpu->run->exit_reason, r);
	return r;
}

/* ---------------------------------------------------------------- exits that belong to no vendor */

int kvm_emulate_halt(struct kvm_vcpu *vcpu)
{
	int r = kvm_skip_instruction(vcpu);

	vcpu->stat.halt_exits++;
	if (!kvm_lapic_in_kernel(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return KVM_TO_USER;
	}
	if (r == KVM_TO_USER)
		return r;
	/* What is still in service decides about what wakes it. */
	kvm_lapic_sync_pages(vcpu);
	vcpu->arch.mp_state = KVM_MP_STATE_HALTED;
	return KVM_AGAIN;
}
EXPORT_SYMBOL_GPL(kvm_emulate_halt);

int kvm_emulate_halt_fast(struct kvm_vcpu *vcpu)
{
	if (!kvm_lapic_in_kernel(vcpu) || !kvm_lapic_sync_pages(vcpu))
		return KVM_AGAIN;
	/* The exit comes before HLT has retired, in the shadow of the STI before it.  It retires either way. */
	kvm_x86_call(set_interrupt_shadow)(vcpu, 0);
	if (!kvm_vcpu_has_events(vcpu))
		return KVM_AGAIN;
	vcpu->stat.halt_exits++;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_halt_fast);

int kvm_emulate_invalid_op(struct kvm_vcpu *vcpu)
{
	kvm_queue_exception(vcpu, X86_TRAP_UD);
	return KVM_REENTER;
}
EXPORT_SYMBOL_GPL(kvm_emulate_invalid_op);

/*
 * The guest's caches are the host's, and coherent: nothing to write back, unless a device passes them by.  Then what the guest
 * has written can be in the caches of every CPU that it has been on.
 */
void kvm_wbinvd(struct kvm_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(vcpu->kvm->arch.noncoherent_dma)))
		wbinvd_on_all_cpus();
}

int kvm_emulate_wbinvd(struct kvm_vcpu *vcpu)
{
	kvm_wbinvd(vcpu);
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_wbinvd);

int kvm_emulate_invd(struct kvm_vcpu *vcpu)
{
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_invd);

/* MONITOR and MWAIT are not offered in CPUID; a guest that uses them anyway gets a no-op unless that quirk is off. */
static int monitor_or_mwait(struct kvm_vcpu *vcpu)
{
	if ((vcpu->kvm->arch.disabled_quirks & KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	    !guest_cpuid_has(vcpu, X86_FEATURE_MWAIT))
		return kvm_emulate_invalid_op(vcpu);
	return kvm_skip_instruction(vcpu);
}

int kvm_emulate_monitor(struct kvm_vcpu *vcpu)
{
	return monitor_or_mwait(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_monitor);

int kvm_emulate_mwait(struct kvm_vcpu *vcpu)
{
	return monitor_or_mwait(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_mwait);

/* Not every processor looks at CR4.OSXSAVE before it exits; #UD comes before #GP (SDM vol. 2D, XSETBV). */
int kvm_emulate_xsetbv(struct kvm_vcpu *vcpu)
{
	if (!(kvm_cr4_read(vcpu) & X86_CR4_OSXSAVE))
		return kvm_emulate_invalid_op(vcpu);
	if (kvm_x86_call(get_cpl)(vcpu) ||
	    kvm_set_xcr(vcpu, kvm_rcx_read(vcpu), kvm_edx_eax_read(vcpu))) {
		kvm_inject_gp(vcpu, 0);
		return KVM_REENTER;
	}
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_xsetbv);

/* There is no performance monitoring unit: no counter number is valid. */
int kvm_emulate_rdpmc(struct kvm_vcpu *vcpu)
{
	kvm_inject_gp(vcpu, 0);
	return KVM_REENTER;
}
EXPORT_SYMBOL_GPL(kvm_emulate_rdpmc);

/* The vCPU spins: give the CPU to whoever it may be waiting for. */
int kvm_emulate_pause(struct kvm_vcpu *vcpu)
{
	kvm_vcpu_on_spin(vcpu, !kvm_x86_call(get_cpl)(vcpu));
	return kvm_skip_instruction(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_emulate_pause);

/**
 * kvm_take_machine_check() - #MC has ended guest mode: have the host handle it
 *
 * Intercepted as an exception it is lost with that, and its banks are this CPU's: so it is handed to the host's handler
 * here and now, as if it had hit the VMM in user mode.
 *
 * Context: IRQs off, on the CPU that it hit, the host's state back
 */
void kvm_take_machine_check(void)
{
	struct pt_regs regs = {
		.cs = __USER_CS,
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}
EXPORT_SYMBOL_GPL(kvm_take_machine_check);

/* ---------------------------------------------------------------- failures */

static bool is_reported(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.flight.reported == (vcpu->arch.flight.pos | 1);
}

void kvm_report(struct kvm_vcpu *vcpu)
{
	struct kvm_flight *f = &vcpu->arch.flight;

	static DEFINE_RATELIMIT_STATE(all_vms, 10 * HZ, 10);

	if (is_reported(vcpu))
		return;
	f->reported = f->pos | 1;
	if (!__ratelimit(&vcpu->kvm->arch.report_rs) || !__ratelimit(&all_vms))
		return;
	kvm_x86_call(dump)(vcpu);
	kvm_flight_print(vcpu);
}
EXPORT_SYMBOL_GPL(kvm_report);

int kvm_handle_triple_fault(struct kvm_vcpu *vcpu)
{
	vcpu->arch.events.triple_fault = false;
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	vcpu->arch.io.mmio_needed = false;
	/* A backend that loses the state has reported before that. */
	if (!is_reported(vcpu))
		kvm_vcpu_info(vcpu, "triple fault at %#lx: shut down\n", kvm_linear_rip(vcpu));
	kvm_report(vcpu);
	return KVM_TO_USER;
}
EXPORT_SYMBOL_GPL(kvm_handle_triple_fault);

int kvm_internal_error(struct kvm_vcpu *vcpu, u32 suberror, unsigned int ndata, const u64 *data)
{
	struct kvm_run *run = vcpu->run;
	unsigned int i;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = ndata;
	for (i = 0; i < ndata && i < ARRAY_SIZE(run->internal.data); i++)
		run->internal.data[i] = data[i];
	kvm_report(vcpu);
	return KVM_TO_USER;
}
EXPORT_SYMBOL_GPL(kvm_internal_error);

int kvm_unexpected_exit(struct kvm_vcpu *vcpu, u64 reason)
{
	u64 data[2] = { reason, raw_smp_processor_id() };

	kvm_vcpu_info(vcpu, "unexpected exit reason %#llx at %#lx\n", reason, kvm_linear_rip(vcpu));
	return kvm_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, ARRAY_SIZE(data),
				  data);
}
EXPORT_SYMBOL_GPL(kvm_unexpected_exit);

int kvm_fail_entry(struct kvm_vcpu *vcpu, u64 hardware_reason)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = hardware_reason;
	run->fail_entry.cpu = raw_smp_processor_id();
	kvm_report(vcpu);
	return KVM_TO_USER;
}
EXPORT_SYMBOL_GPL(kvm_fail_entry);
