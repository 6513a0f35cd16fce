/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_THREAD_WORK_H
#define KVM_THREAD_WORK_H

/**
 * kvm_handle_thread_work() - do what xfer_to_guest_mode_work_pending() announces
 *
 * Context: vCPU thread, no SRCU or RCU section; may sleep
 * Return: 0; an errno (-EINTR: a signal) when KVM_RUN has to end
 */
int kvm_handle_thread_work(void);

#endif /* KVM_THREAD_WORK_H */
