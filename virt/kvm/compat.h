/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernel versions this builds against, and nothing else.  Code elsewhere is written for the
 * first target, Linux 6.12; what an older or newer kernel calls otherwise is given the 6.12 name here.
 */
#ifndef KVM_COMPAT_H
#define KVM_COMPAT_H

#include <linux/version.h>

#endif /* KVM_COMPAT_H */
