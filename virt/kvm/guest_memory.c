// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own accesses to guest memory, through the VMM's addresses.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "memory.h"

/* One access lies on one page. */
struct piece {
	struct kvm_memslot *slot;
	gfn_t gfn;
	unsigned int offset;
	unsigned int len;
};

static void __user *piece_ptr(const struct piece *p)
{
	return (void __user *)(kvm_slot_hva(p->slot, p->gfn) + p->offset);
}

/* Cut the next piece off [gpa, gpa + len); the slot is the caller's to fill in. */
static struct piece first_piece(gpa_t gpa, unsigned long len)
{
	unsigned int offset = offset_in_page(gpa);

	return (struct piece){
		.gfn = gpa_to_gfn(gpa),
		.offset = offset,
		.len = min_t(unsigned long, len, PAGE_SIZE - offset),
	};
}

static int read_piece(const struct piece *p, void *data)
{
	if (!p->slot || copy_from_user(data, piece_ptr(p), p->len))
		return -EFAULT;
	return 0;
}

static int write_piece(struct kvm *kvm, const struct piece *p, const void *data)
{
	if (!p->slot || p->slot->flags & KVM_MEM_READONLY ||
	    copy_to_user(piece_ptr(p), data, p->len))
		return -EFAULT;
	kvm_mark_page_dirty(kvm, p->slot, p->gfn);
	return 0;
}

/* Either @vcpu, whose last slot is remembered, or @kvm alone. */
static int read_guest(struct kvm *kvm, struct kvm_vcpu *vcpu, gpa_t gpa, void *data,
		      unsigned long len)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct piece p;
	int r = 0;

	for (; len && !r; gpa += p.len, data += p.len, len -= p.len) {
		p = first_piece(gpa, len);
		p.slot = vcpu ? kvm_vcpu_gfn_to_slot(vcpu, p.gfn) : kvm_gfn_to_slot(kvm, 0, p.gfn);
		r = read_piece(&p, data);
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return r;
}

/**
 * kvm_read_guest() - copy out of guest memory
 * @kvm: the VM; address space 0
 * @gpa: guest physical address, any alignment
 * @data: where to
 * @len: bytes; may cross pages and slots
 *
 * Context: current->mm is kvm->mm; may sleep; takes kvm->srcu
 * Return: 0, or -EFAULT; then part of @data may have been filled in
 */
int kvm_read_guest(struct kvm *kvm, gpa_t gpa, void *data, unsigned long len)
{
	return read_guest(kvm, NULL, gpa, data, len);
}

int kvm_vcpu_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned long len)
{
	return read_guest(vcpu->kvm, vcpu, gpa, data, len);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_read_guest);

/* The counterpart of kvm_vcpu_read_guest(); pages are marked dirty. */
int kvm_vcpu_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data, unsigned long len)
{
	struct kvm *kvm = vcpu->kvm;
	int idx = srcu_read_lock(&kvm->srcu);
	struct piece p;
	int r = 0;

	for (; len && !r; gpa += p.len, data += p.len, len -= p.len) {
		p = first_piece(gpa, len);
		p.slot = kvm_vcpu_gfn_to_slot(vcpu, p.gfn);
		r = write_piece(kvm, &p, data);
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return r;
}

/**
 * kvm_vcpu_read_guest_nofault() - copy out of guest memory what is resident
 * @vcpu: current
 * @gpa: guest physical address, any alignment
 * @data: where to
 * @len: bytes; may cross pages and slots
 *
 * Context: any in which the slots stay (kvm->srcu, or an inner loop with interrupts off); does not sleep
 * Return: 0, or -EFAULT
 */
int kvm_vcpu_read_guest_nofault(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned long len)
{
	struct piece p;

	for (; len; gpa += p.len, data += p.len, len -= p.len) {
		p = first_piece(gpa, len);
		p.slot = kvm_vcpu_gfn_to_slot(vcpu, p.gfn);
		if (!p.slot || copy_from_user_nofault(data, piece_ptr(&p), p.len))
			return -EFAULT;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_read_guest_nofault);

/* The counterpart of kvm_vcpu_read_guest_nofault(); pages are marked dirty. */
int kvm_vcpu_write_guest_nofault(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data,
				 unsigned long len)
{
	struct piece p;

	for (; len; gpa += p.len, data += p.len, len -= p.len) {
		p = first_piece(gpa, len);
		p.slot = kvm_vcpu_gfn_to_slot(vcpu, p.gfn);
		if (!p.slot || p.slot->flags & KVM_MEM_READONLY)
			return -EFAULT;
		if (copy_to_user_nofault(piece_ptr(&p), data, p.len))
			return -EFAULT;
		kvm_mark_page_dirty(vcpu->kvm, p.slot, p.gfn);
	}
	return 0;
}

/**
 * kvm_vcpu_cmpxchg_guest() - atomic compare-and-exchange of guest memory
 * @vcpu: current
 * @gpa: aligned to @bytes
 * @old: expected value; on a mismatch, what is there
 * @new: value to store
 * @bytes: 1, 2, 4, 8 or 16
 *
 * Context: may sleep; takes kvm->srcu
 * Return: 0 stored, 1 mismatch, -EFAULT, -EINVAL (unaligned, a size that cannot be done)
 */
int kvm_vcpu_cmpxchg_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *old, const void *new,
			   unsigned int bytes)
{
	struct piece p = first_piece(gpa, bytes);
	int idx, r = -EFAULT;

	if (!bytes || gpa & (bytes - 1))
		return -EINVAL;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	p.slot = kvm_vcpu_gfn_to_slot(vcpu, p.gfn);
	if (p.slot && !(p.slot->flags & KVM_MEM_READONLY)) {
		r = kvm_arch_cmpxchg_user(piece_ptr(&p), old, new, bytes);
		if (!r)
			kvm_mark_page_dirty(vcpu->kvm, p.slot, p.gfn);
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}
