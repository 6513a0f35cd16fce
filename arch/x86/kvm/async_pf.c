// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: while the host fetches a page, the guest does something else.
 *
 * A fault that would have to wait is handed to a work item, and the guest is told with a #PF whose address is a token
 * ("not present"; the first word of its area tells it from a real one).  When the page is there, the token goes to the
 * second word and an interrupt is raised ("ready"); the guest acknowledges, and the next one comes.
 *
 * An item belongs to the vCPU, which alone changes the list.  The work only says that it is done.  When the vCPU loses
 * interest (the guest switches the mechanism off, or the VM goes), it lets go of the items, and those that still wait for
 * their page free themselves later: they hold nothing but the VMM's address space.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <uapi/linux/kvm_para.h>

#include "arch.h"
#include "async_pf.h"
#include "cpuid.h"
#include "events.h"
#include "irqchip/irqchip.h"
#include "msr.h"
#include "regs.h"
#include "trace.h"

#define MAX_OUTSTANDING 64
#define ALL_TOKENS (~0U) /* "ready" for whatever the guest still waits for */

/**
 * struct async_pf - a page on its way
 * @link: in vcpu->arch.apf.items, changed by the vCPU alone
 * @done_node: in vcpu->arch.apf.done, once @done
 * @work: fetches the page
 * @lock: protects @vcpu and @done
 * @vcpu: whose it is; NULL: nobody's
 * @done: @work has finished
 * @mm: the VMM's, in use until @work has finished
 * @hva: of the page
 * @gfn: of the page
 * @write: the guest wants to write
 * @token: what it is called in the guest
 */
struct async_pf {
	struct list_head link;
	struct llist_node done_node;
	struct work_struct work;
	spinlock_t lock;
	struct kvm_vcpu *vcpu;
	bool done;
	struct mm_struct *mm;
	hva_t hva;
	gfn_t gfn;
	bool write;
	u32 token;
};

static struct workqueue_struct *fetch_wq;

static gpa_t area(const struct kvm_vcpu *vcpu, unsigned int offset)
{
	return (vcpu->arch.apf.en & ~0x3fULL) + offset;
}

/* Nothing can be told without a local APIC: a guest may enable it all the same, and every fault waits. */
static bool is_enabled(struct kvm_vcpu *vcpu)
{
	const u64 both = KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT;

	return (vcpu->arch.apf.en & both) == both && kvm_lapic_in_kernel(vcpu);
}

/* ---------------------------------------------------------------- fetching */

static void finish(struct async_pf *apf)
{
	struct kvm_vcpu *vcpu;

	spin_lock(&apf->lock);
	apf->done = true;
	vcpu = apf->vcpu;
	if (vcpu) {
		llist_add(&apf->done_node, &vcpu->arch.apf.done);
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
		kvm_vcpu_kick(vcpu);
	}
	spin_unlock(&apf->lock);
	if (!vcpu)
		kfree(apf);
}

static void fetch(struct work_struct *work)
{
	struct async_pf *apf = container_of(work, struct async_pf, work);
	struct mm_struct *mm = apf->mm;
	int locked = 1;

	mmap_read_lock(mm);
	/* Whatever comes of it, the guest's next access says. */
	get_user_pages_remote(mm, apf->hva, 1, apf->write ? FOLL_WRITE : 0, NULL, &locked);
	if (locked)
		mmap_read_unlock(mm);
	trace_kvm_async_pf_completed(apf->hva, gfn_to_gpa(apf->gfn));
	finish(apf);
	mmput(mm);
}

/* False: its work is not done, and will free it. */
static bool take_back(struct async_pf *apf)
{
	bool done;

	spin_lock(&apf->lock);
	done = apf->done;
	apf->vcpu = NULL;
	spin_unlock(&apf->lock);
	return done;
}

/* Nobody waits for these any more. */
static void let_go(struct kvm_vcpu *vcpu)
{
	struct async_pf *apf, *next;
	LIST_HEAD(done);

	list_for_each_entry_safe(apf, next, &vcpu->arch.apf.items, link) {
		list_del(&apf->link);
		if (take_back(apf))
			list_add(&apf->link, &done);
	}
	/* From here on nobody adds to it. */
	llist_del_all(&vcpu->arch.apf.done);
	list_for_each_entry_safe(apf, next, &done, link)
		kfree(apf);
	vcpu->arch.apf.outstanding = 0;
	vcpu->arch.apf.ready_told = false;
	vcpu->arch.apf.wake_all = false;
}

/* ---------------------------------------------------------------- not present */

/* Would a #PF that says "not present" reach a guest that can do something else now? */
bool kvm_async_pf_possible(struct kvm_vcpu *vcpu)
{
	const struct kvm_event_queue *q = &vcpu->arch.events;

	if (likely(!is_enabled(vcpu)))
		return false;
	if (kvm_events_reinject(q) || q->exception.pending)
		return false;
	if (!(vcpu->arch.apf.en & KVM_ASYNC_PF_SEND_ALWAYS) && !kvm_x86_call(get_cpl)(vcpu))
		return false;
	return kvm_x86_call(irq_allowed)(vcpu) && vcpu->arch.apf.outstanding < MAX_OUTSTANDING;
}

static bool is_outstanding(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	struct async_pf *apf;

	list_for_each_entry(apf, &vcpu->arch.apf.items, link) {
		if (apf->gfn == gfn)
			return true;
	}
	return false;
}

static u32 new_token(struct kvm *kvm)
{
	u32 token;

	do
		token = atomic_inc_return(&kvm->arch.apf_token);
	while (!token || token == ALL_TOKENS);
	return token;
}

static struct async_pf *make_item(struct kvm_vcpu *vcpu, gfn_t gfn, hva_t hva, bool write)
{
	struct async_pf *apf = kzalloc(sizeof(*apf), GFP_NOWAIT | __GFP_NOWARN);

	if (!apf)
		return NULL;
	INIT_WORK(&apf->work, fetch);
	spin_lock_init(&apf->lock);
	apf->vcpu = vcpu;
	apf->mm = vcpu->kvm->mm;
	apf->hva = hva;
	apf->gfn = gfn;
	apf->write = write;
	apf->token = new_token(vcpu->kvm);
	return apf;
}

/**
 * kvm_async_pf_begin() - the page of a fault would have to be waited for
 * @vcpu: current; kvm_async_pf_possible()
 * @gfn: the page
 * @hva: where the VMM has it
 * @write: the guest writes
 *
 * Context: may sleep
 * Return: true: the guest is told, enter it; false: wait
 */
bool kvm_async_pf_begin(struct kvm_vcpu *vcpu, gfn_t gfn, hva_t hva, bool write)
{
	const u32 not_present = KVM_PV_REASON_PAGE_NOT_PRESENT;
	struct async_pf *apf;
	u32 flags;

	/* The guest has not looked at the last one yet, or waits for this page already. */
	trace_kvm_try_async_get_page(gfn_to_gpa(gfn), gfn);
	if (kvm_vcpu_read_guest(vcpu, area(vcpu, 0), &flags, sizeof(flags)) || flags)
		return false;
	if (is_outstanding(vcpu, gfn)) {
		trace_kvm_async_pf_repeated_fault(gfn_to_gpa(gfn), gfn);
		return false;
	}
	apf = make_item(vcpu, gfn, hva, write);
	if (!apf)
		return false;
	if (kvm_vcpu_write_guest(vcpu, area(vcpu, 0), &not_present, sizeof(not_present))) {
		kfree(apf);
		return false;
	}
	mmget(apf->mm);
	list_add_tail(&apf->link, &vcpu->arch.apf.items);
	vcpu->arch.apf.outstanding++;
	queue_work(fetch_wq, &apf->work);
	trace_kvm_async_pf_not_present(apf->token, gfn_to_gpa(gfn));
	kvm_inject_page_fault(vcpu, apf->token, 0);
	return true;
}

/* ---------------------------------------------------------------- ready */

/* The guest has taken the last token. */
static bool slot_is_free(struct kvm_vcpu *vcpu)
{
	const unsigned int at = offsetof(struct kvm_vcpu_pv_apf_data, token);
	u32 token;

	return !vcpu->arch.apf.ready_told &&
	       !kvm_vcpu_read_guest(vcpu, area(vcpu, at), &token, sizeof(token)) && !token;
}

static bool tell_ready(struct kvm_vcpu *vcpu, u32 token)
{
	const unsigned int at = offsetof(struct kvm_vcpu_pv_apf_data, token);

	if (kvm_vcpu_write_guest(vcpu, area(vcpu, at), &token, sizeof(token)))
		return false;
	vcpu->arch.apf.ready_told = true;
	kvm_lapic_raise(vcpu, vcpu->arch.apf.vector);
	return true;
}

static struct async_pf *first_done(struct kvm_vcpu *vcpu)
{
	/* Any order will do; only this vCPU takes off the list. */
	struct llist_node *node = llist_del_first(&vcpu->arch.apf.done);

	return node ? llist_entry(node, struct async_pf, done_node) : NULL;
}

/**
 * kvm_async_pf_ready() - KVM_REQ_APF_READY
 * @vcpu: current
 *
 * Tells the guest of one page that is there, if it can take it; its acknowledgement brings the next.
 *
 * Context: SRCU held, may sleep
 */
void kvm_async_pf_ready(struct kvm_vcpu *vcpu)
{
	struct async_pf *apf;

	if (!is_enabled(vcpu) || !slot_is_free(vcpu))
		return;
	if (vcpu->arch.apf.wake_all) {
		if (tell_ready(vcpu, ALL_TOKENS))
			vcpu->arch.apf.wake_all = false;
		return;
	}
	apf = first_done(vcpu);
	if (!apf)
		return;
	list_del(&apf->link);
	vcpu->arch.apf.outstanding--;
	trace_kvm_async_pf_ready(apf->token, gfn_to_gpa(apf->gfn));
	tell_ready(vcpu, apf->token);
	/* Its work may still be in finish(), for a moment. */
	spin_lock(&apf->lock);
	spin_unlock(&apf->lock);
	kfree(apf);
}

/* ---------------------------------------------------------------- MSRs */

#define APF_RESERVED 0x30

static int set_enable(struct kvm_vcpu *vcpu, u64 data, bool host)
{
	u64 old = vcpu->arch.apf.en;

	if (data & APF_RESERVED)
		return KVM_MSR_GP;
	if (!host && (data & KVM_ASYNC_PF_DELIVERY_AS_INT) &&
	    !guest_pv_has(vcpu, KVM_FEATURE_ASYNC_PF_INT))
		return KVM_MSR_GP;
	if (!host && (data & KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT) &&
	    !guest_pv_has(vcpu, KVM_FEATURE_ASYNC_PF_VMEXIT))
		return KVM_MSR_GP;
	vcpu->arch.apf.en = data;
	if (!is_enabled(vcpu)) {
		let_go(vcpu);
	} else if (host && old != data) {
		/* A guest that comes from elsewhere may wait for pages that nobody fetches here. */
		vcpu->arch.apf.wake_all = true;
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
	}
	return 0;
}

static int set_vector(struct kvm_vcpu *vcpu, u64 data)
{
	if (data & ~(u64)KVM_ASYNC_PF_VEC_MASK)
		return KVM_MSR_GP;
	vcpu->arch.apf.vector = data;
	return 0;
}

static int acknowledge(struct kvm_vcpu *vcpu, u64 data)
{
	if (data & 1) {
		vcpu->arch.apf.ready_told = false;
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
	}
	return 0;
}

static bool may_use(struct kvm_vcpu *vcpu, u32 index, bool host)
{
	return host || guest_pv_has(vcpu, index == MSR_KVM_ASYNC_PF_EN ? KVM_FEATURE_ASYNC_PF :
									 KVM_FEATURE_ASYNC_PF_INT);
}

int kvm_async_pf_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	if (!may_use(vcpu, index, host))
		return KVM_MSR_GP;
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		*data = vcpu->arch.apf.en;
		return 0;
	case MSR_KVM_ASYNC_PF_INT:
		*data = vcpu->arch.apf.vector;
		return 0;
	default: /* MSR_KVM_ASYNC_PF_ACK */
		*data = 0;
		return 0;
	}
}

int kvm_async_pf_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!may_use(vcpu, index, host))
		return KVM_MSR_GP;
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return set_enable(vcpu, data, host);
	case MSR_KVM_ASYNC_PF_INT:
		return set_vector(vcpu, data);
	default:
		return acknowledge(vcpu, data);
	}
}

/* ---------------------------------------------------------------- life */

void kvm_async_pf_vcpu_init(struct kvm_vcpu *vcpu)
{
	INIT_LIST_HEAD(&vcpu->arch.apf.items);
	init_llist_head(&vcpu->arch.apf.done);
}

/* Reset, INIT; the end */
void kvm_async_pf_vcpu_reset(struct kvm_vcpu *vcpu)
{
	let_go(vcpu);
	vcpu->arch.apf.en = 0;
	vcpu->arch.apf.vector = 0;
}

int kvm_async_pf_init(void)
{
	fetch_wq = alloc_workqueue("kvm-async-pf", WQ_UNBOUND, 0);
	return fetch_wq ? 0 : -ENOMEM;
}

/* Waits for what was let go. */
void kvm_async_pf_exit(void)
{
	destroy_workqueue(fetch_wq);
}
