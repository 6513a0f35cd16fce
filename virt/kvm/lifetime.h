/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the neutral half: what starts and ends with the module, a VM and a vCPU.
 */
#ifndef KVM_LIFETIME_H
#define KVM_LIFETIME_H

#include "kvm.h"

struct module;

/**
 * kvm_init() - a backend is there: switch virtualization on and make /dev/kvm
 * @owner: the backend's module, which every descriptor keeps loaded
 * Return: 0, or what switching a CPU on gave (-EBUSY, -EIO), or what making the device gave (-EBUSY: another kvm is there)
 */
int kvm_init(struct module *owner);
void kvm_exit(void);
/* The machine is going down: virtualization may be off already when an entry is tried. */
extern bool kvm_rebooting;

int kvm_vm_init(void);
void kvm_vm_exit(void);
void kvm_vm_flush(void);
void kvm_vcpu_free(struct kvm_vcpu *vcpu);
void kvm_for_each_vm(void (*fn)(struct kvm *kvm, void *arg), void *arg);
bool kvm_file_is_vm(struct file *file);

void kvm_debugfs_init(void);
void kvm_debugfs_exit(void);
void kvm_debugfs_add_vm(struct kvm *kvm, int fd);
void kvm_debugfs_remove_vm(struct kvm *kvm);

#endif /* KVM_LIFETIME_H */
