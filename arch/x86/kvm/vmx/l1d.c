// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flush of the L1 data cache before entries (L1 terminal fault: Documentation/admin-guide/hw-vuln/l1tf.rst).
 *
 * "cond": when something has run since the last entry that may have left secrets in the cache: anything but the inner loop,
 * page faults that page tables answer, and HLT and PAUSE without a switch to another task (vcpu->arch.l1d_flush).
 * "always": before every entry.  The kernel shows what is in force in /sys/devices/system/cpu/vulnerabilities/l1tf.
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "vmx/vmx.h"

#define FLUSH_ORDER 4 /* 64 KiB: more than any L1 data cache that is affected */
#define FLUSH_SIZE (PAGE_SIZE << FLUSH_ORDER)
#define LINE 64

DEFINE_STATIC_KEY_FALSE(vmx_l1d_flush_on);
DEFINE_STATIC_KEY_FALSE(vmx_l1d_flush_cond);
static void *flush_pages;

static const struct {
	const char *name;
	enum vmx_l1d_flush_state state;
} choices[] = {
	{ "auto", VMENTER_L1D_FLUSH_AUTO },
	{ "never", VMENTER_L1D_FLUSH_NEVER },
	{ "cond", VMENTER_L1D_FLUSH_COND },
	{ "always", VMENTER_L1D_FLUSH_ALWAYS },
};

static enum vmx_l1d_flush_state from_param(const char *param)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(choices); i++)
		if (!strcmp(param, choices[i].name))
			return choices[i].state;
	pr_warn("vmentry_l1d_flush=%s: not one of auto, never, cond, always: taken as auto\n",
		param);
	return VMENTER_L1D_FLUSH_AUTO;
}

/* What the host has decided about the vulnerability as a whole (l1tf=). */
static enum vmx_l1d_flush_state from_host(enum vmx_l1d_flush_state wanted)
{
	if (l1tf_mitigation == L1TF_MITIGATION_FULL_FORCE)
		return VMENTER_L1D_FLUSH_ALWAYS;
	if (wanted != VMENTER_L1D_FLUSH_AUTO)
		return wanted;
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

static bool is_affected(void)
{
	u64 caps = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF))
		return false;
	/* A hypervisor below does it. */
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	return !(caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/* Without the command the cache is filled with these: different contents, as equal pages could be merged. */
static int alloc_flush_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, FLUSH_ORDER);
	unsigned int i;

	if (!page)
		return -ENOMEM;
	flush_pages = page_address(page);
	for (i = 0; i < BIT(FLUSH_ORDER); i++)
		memset(flush_pages + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

/**
 * vmx_l1d_setup() - decide at load
 * @param: vmentry_l1d_flush
 * Return: 0, -ENOMEM
 */
int vmx_l1d_setup(const char *param)
{
	enum vmx_l1d_flush_state state = VMENTER_L1D_FLUSH_NOT_REQUIRED;
	bool on;
	int r;

	if (is_affected())
		state = from_host(from_param(param));
	on = state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS;
	if (on && !boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		r = alloc_flush_pages();
		if (r)
			return r;
	}
	l1tf_vmx_mitigation = state;
	if (on)
		static_branch_enable(&vmx_l1d_flush_on);
	if (state == VMENTER_L1D_FLUSH_COND)
		static_branch_enable(&vmx_l1d_flush_cond);
	return 0;
}

void vmx_l1d_free(void)
{
	l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_AUTO;
	if (flush_pages)
		free_pages((unsigned long)flush_pages, FLUSH_ORDER);
	flush_pages = NULL;
}

#define READ_LINES(p)                     \
	do {                              \
		READ_ONCE((p)[0 * LINE]); \
		READ_ONCE((p)[1 * LINE]); \
		READ_ONCE((p)[2 * LINE]); \
		READ_ONCE((p)[3 * LINE]); \
	} while (0)

/*
 * First a byte of each page, so that the translations are there, then all lines, with no speculation between.  Most of what an
 * entry costs that follows more than the inner loop is this.
 */
static void fill_cache(void)
{
	const u8 *end = flush_pages + FLUSH_SIZE, *p;

	for (p = flush_pages; p < end; p += PAGE_SIZE)
		READ_ONCE(*p);
	/* Serializes. */
	cpuid_eax(0);
	for (p = flush_pages; p < end; p += 8 * LINE) {
		READ_LINES(p);
		READ_LINES(p + 4 * LINE);
	}
	asm volatile("lfence" : : : "memory");
}

void vmx_l1d_flush_now(struct vcpu_vmx *vmx)
{
	vmx->vcpu.arch.l1d_flush = false;
	kvm_clear_cpu_l1tf_flush_l1d();
	vmx->vcpu.stat.l1d_flush++;
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		fill_cache();
}
