/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernel versions this builds against, and nothing else.  Code elsewhere is written for the
 * first target, Linux 6.12; what an older or newer kernel calls otherwise is given the 6.12 name here.
 */
#ifndef KVM_COMPAT_H
#define KVM_COMPAT_H

#include <linux/syscore_ops.h>
#include <linux/version.h>

/*
 * Callbacks of struct syscore_ops take a pointer since Linux 6.19, and since some update of 6.12 (Kbuild looks).
 * Older kernels register the operations themselves.
 */
#ifdef KVM_HAVE_SYSCORE
#define KVM_SYSCORE_ARG void *unused
#else
#define KVM_SYSCORE_ARG void
struct syscore {
	struct syscore_ops *ops;
};
#define register_syscore(s) register_syscore_ops((s)->ops)
#define unregister_syscore(s) unregister_syscore_ops((s)->ops)
#endif

#endif /* KVM_COMPAT_H */
