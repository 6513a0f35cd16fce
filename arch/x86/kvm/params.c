// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters with one possible value: programs read them to learn what the modules can do, and options in
 * modprobe.d that ask for what is so anyway load.  What asks for anything else is refused.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>

static int set_fixed(const char *val, const struct kernel_param *kp)
{
	bool is = *(const bool *)kp->arg, wanted = true;

	if (val && kstrtobool(val, &wanted))
		return -EINVAL;
	if (wanted == is)
		return 0;
	pr_err("%s can only be %c\n", kp->name, is ? 'Y' : 'N');
	return -EINVAL;
}

static const struct kernel_param_ops fixed_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_fixed,
	.get = param_get_bool,
};

#define FIXED_PARAM(param, value, desc)                           \
	static const bool param = value;                          \
	module_param_cb(param, &fixed_ops, (void *)&param, 0444); \
	MODULE_PARM_DESC(param, desc)

FIXED_PARAM(tdp_mmu, true,
	    "two-dimensional tables are walked and changed without a lock of the VM: always");
FIXED_PARAM(eager_page_split, false,
	    "large pages are split when dirty logging begins: not so, the first write splits");
FIXED_PARAM(enable_pmu, false, "guests have performance counters: not yet");
FIXED_PARAM(enable_vmware_backdoor, false, "I/O ports of VMware's: not there");
