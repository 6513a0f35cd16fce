// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages that are not executable: the answer to "machine check on page size change" (itlb_multihit,
 * CVE-2018-12207), by which a guest that changes the size of a page that it executes stops the host.
 *
 * Code is mapped in 4 KiB pages.  The table that this takes stands in the place of a large page, and is marked
 * (TDP_NX_SPLIT): a data access nearby must not bring the large page back, or the two would take turns.  So code that was
 * executed once would cost large pages for ever; some of the tables are therefore taken out again from time to time.  Where
 * there is no such table there is no such work.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/cpu.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "arch.h"
#include "lifetime.h"
#include "tdp.h"

bool kvm_nx_huge_pages;

static enum { NX_AUTO, NX_OFF, NX_FORCE, NX_NEVER } nx_mode;

static unsigned int recovery_ratio = 60;
static unsigned int recovery_period_ms;

#define HOUR_MS (60 * 60 * MSEC_PER_SEC)

/* ---------------------------------------------------------------- taking tables back */

/* One in recovery_ratio each period; without a period, all of them once an hour. 0: never */
static unsigned long period(void)
{
	unsigned int ratio = READ_ONCE(recovery_ratio);
	unsigned int ms = READ_ONCE(recovery_period_ms);

	if (!ratio)
		return 0;
	return max(msecs_to_jiffies(ms ?: HOUR_MS / ratio), 1UL);
}

static void count(struct kvm *kvm, int nr)
{
	xadd(&kvm->stat.nx_lpage_splits, (u64)nr);
}

static void schedule_recovery(struct kvm_nx_splits *nx)
{
	unsigned long delay = period();

	if (delay && READ_ONCE(nx->kvm->stat.nx_lpage_splits))
		queue_delayed_work(system_unbound_wq, &nx->work, delay);
}

/* The next one after the cursor, round and round. */
static bool recover_one(struct kvm_nx_splits *nx)
{
	unsigned long index = nx->cursor;

	if (!xa_find(&nx->known, &index, ULONG_MAX, XA_PRESENT)) {
		index = 0;
		if (!xa_find(&nx->known, &index, ULONG_MAX, XA_PRESENT))
			return false;
	}
	nx->cursor = index + 1;
	/* First out of the list: code that runs there meanwhile comes in again. */
	if (xa_erase(&nx->known, index))
		count(nx->kvm, -1);
	kvm_tdp_drop_nx_split(nx->kvm, (gfn_t)index * tdp_level_pages(TDP_LEVEL_2M));
	return true;
}

static void recover(struct work_struct *work)
{
	struct kvm_nx_splits *nx = container_of(to_delayed_work(work), struct kvm_nx_splits, work);
	unsigned int ratio = READ_ONCE(recovery_ratio);
	u64 n = READ_ONCE(nx->kvm->stat.nx_lpage_splits);

	for (n = ratio ? DIV_ROUND_UP(n, ratio) : 0; n && recover_one(nx); n--)
		cond_resched();
	schedule_recovery(nx);
}

/* Without memory for the note, the table stays until its slot goes. */
void kvm_nx_note(struct kvm *kvm, gfn_t gfn)
{
	struct kvm_nx_splits *nx = &kvm->arch.tdp->nx;
	unsigned long index = gfn / tdp_level_pages(TDP_LEVEL_2M);

	if (xa_load(&nx->known, index))
		return;
	if (!xa_insert(&nx->known, index, xa_mk_value(1), GFP_KERNEL_ACCOUNT))
		count(kvm, 1);
	schedule_recovery(nx);
}

void kvm_nx_create(struct kvm *kvm, struct kvm_nx_splits *nx)
{
	nx->kvm = kvm;
	xa_init(&nx->known);
	INIT_DELAYED_WORK(&nx->work, recover);
}

/* No vCPU left: nobody queues the work but itself. */
void kvm_nx_destroy(struct kvm_nx_splits *nx)
{
	cancel_delayed_work_sync(&nx->work);
	xa_destroy(&nx->known);
}

/* ---------------------------------------------------------------- module parameters */

static bool nx_wanted(void)
{
	switch (nx_mode) {
	case NX_FORCE:
		return true;
	case NX_AUTO:
		return boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
	default:
		return false;
	}
}

static void zap_all(struct kvm *kvm, void *arg)
{
	if (kvm->arch.tdp)
		kvm_mmu_zap_all(kvm);
}

/* What is mapped already was mapped by the old rule. */
static void apply(void)
{
	bool want = nx_wanted();

	if (want == kvm_nx_huge_pages)
		return;
	WRITE_ONCE(kvm_nx_huge_pages, want);
	kvm_for_each_vm(zap_all, NULL);
}

static bool module_is_up;

static int set_mode(const char *val, const struct kernel_param *kp)
{
	bool on;

	if (nx_mode == NX_NEVER && module_is_up)
		return -EPERM;
	if (sysfs_streq(val, "auto"))
		nx_mode = NX_AUTO;
	else if (sysfs_streq(val, "off"))
		nx_mode = NX_OFF;
	else if (sysfs_streq(val, "force"))
		nx_mode = NX_FORCE;
	else if (sysfs_streq(val, "never"))
		nx_mode = NX_NEVER;
	else if (!kstrtobool(val, &on))
		nx_mode = on ? NX_FORCE : NX_OFF;
	else
		return -EINVAL;
	if (module_is_up)
		apply();
	return 0;
}

static int get_mode(char *buf, const struct kernel_param *kp)
{
	if (nx_mode == NX_NEVER)
		return sysfs_emit(buf, "never\n");
	return sysfs_emit(buf, "%c\n", kvm_nx_huge_pages ? 'Y' : 'N');
}

static const struct kernel_param_ops mode_ops = { .set = set_mode, .get = get_mode };
module_param_cb(nx_huge_pages, &mode_ops, NULL, 0644);
__MODULE_PARM_TYPE(nx_huge_pages, "bool");
MODULE_PARM_DESC(
	nx_huge_pages,
	"Large pages are not executable: auto (where the CPU has itlb_multihit), off, force, never");

static void reschedule(struct kvm *kvm, void *arg)
{
	if (kvm->arch.tdp && READ_ONCE(kvm->stat.nx_lpage_splits) && period())
		mod_delayed_work(system_unbound_wq, &kvm->arch.tdp->nx.work, period());
}

static int set_recovery(const char *val, const struct kernel_param *kp)
{
	int r = param_set_uint(val, kp);

	if (!r && module_is_up)
		kvm_for_each_vm(reschedule, NULL);
	return r;
}

static const struct kernel_param_ops recovery_ops = { .set = set_recovery, .get = param_get_uint };
module_param_cb(nx_huge_pages_recovery_ratio, &recovery_ops, &recovery_ratio, 0644);
__MODULE_PARM_TYPE(nx_huge_pages_recovery_ratio, "uint");
MODULE_PARM_DESC(nx_huge_pages_recovery_ratio,
		 "One in so many split large pages is made whole again each period, 0: none");
module_param_cb(nx_huge_pages_recovery_period_ms, &recovery_ops, &recovery_period_ms, 0644);
__MODULE_PARM_TYPE(nx_huge_pages_recovery_period_ms, "uint");
MODULE_PARM_DESC(nx_huge_pages_recovery_period_ms,
		 "The period, ms; 0: such that every split large page has its turn in an hour");

void kvm_nx_init(void)
{
	kvm_nx_huge_pages = nx_wanted();
	module_is_up = true;
}
