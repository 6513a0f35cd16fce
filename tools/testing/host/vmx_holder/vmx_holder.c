// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another hypervisor: has one CPU in VMX operation as long as it is loaded, and does nothing with it.
 */
#include <linux/cpufeature.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>

MODULE_DESCRIPTION("Holds VMX on one CPU");
MODULE_LICENSE("GPL");

static int cpu;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "The CPU");

static void *region;

static void hold(void *failed)
{
	u64 basic, pa = __pa(region);
	bool bad;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	*(u32 *)region = basic & GENMASK(30, 0);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	asm volatile("vmxon %[pa]" : "=@ccbe"(bad) : [pa] "m"(pa) : "memory");
	*(bool *)failed = bad;
	if (bad)
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

static void let_go(void *unused)
{
	asm volatile("vmxoff" : : : "cc", "memory");
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

static int __init holder_init(void)
{
	bool failed = false;
	int r;

	region = (void *)get_zeroed_page(GFP_KERNEL);
	if (!region)
		return -ENOMEM;
	r = smp_call_function_single(cpu, hold, &failed, 1);
	if (!r && failed)
		r = -EIO;
	if (r)
		free_page((unsigned long)region);
	return r;
}

static void __exit holder_exit(void)
{
	smp_call_function_single(cpu, let_go, NULL, 1);
	free_page((unsigned long)region);
}

module_init(holder_init);
module_exit(holder_exit);
