// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-intel.ko: what the hardware has, the parameters, registration.
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <linux/module.h>

#include "vmx/vmx.h"

MODULE_DESCRIPTION("KVM: Intel VT-x");
MODULE_LICENSE("GPL");

struct vmx_hw vmx_hw;
