// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the thread of a vCPU has to do before it may enter the guest: signals, scheduling, task work.
 *
 * The kernel's function for this takes a struct kvm_vcpu, of which it writes two members when there is a signal: and it
 * means its own, not ours, which is laid out otherwise.  So it is given one of its own, made from the kernel's header,
 * which nobody reads.
 */
#include <linux/kvm_host.h>
#include <linux/entry-kvm.h>

#include "thread_work.h"

static struct kvm_run run_stand_in;
static struct kvm_vcpu vcpu_stand_in = {
	.run = &run_stand_in,
};

int kvm_handle_thread_work(void)
{
	return xfer_to_guest_mode_handle_work(&vcpu_stand_in);
}
