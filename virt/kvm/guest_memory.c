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

static int write_guest(struct kvm *kvm, struct kvm_vcpu *vcpu, gpa_t gpa, const void *data,
		       unsigned long len)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct piece p;
	int r = 0;

	for (; len && !r; gpa += p.len, data += p.len, len -= p.len) {
		p = first_piece(gpa, len);
		p.slot = vcpu ? kvm_vcpu_gfn_to_slot(vcpu, p.gfn) : kvm_gfn_to_slot(kvm, 0, p.gfn);
		r = write_piece(kvm, &p, data);
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

/* The counterpart of kvm_read_guest(); pages are marked dirty. */
int kvm_write_guest(struct kvm *kvm, gpa_t gpa, const void *data, unsigned long len)
{
	return write_guest(kvm, NULL, gpa, data, len);
}

int kvm_vcpu_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *data, unsigned long len)
{
	return read_guest(vcpu->kvm, vcpu, gpa, data, len);
}

int kvm_vcpu_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *data, unsigned long len)
{
	return write_guest(vcpu->kvm, vcpu, gpa, data, len);
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

/* ---------------------------------------------------------------- areas that are used again and again */

static void resolve_cache(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c)
{
	gfn_t first = gpa_to_gfn(c->gpa), last = gpa_to_gfn(c->gpa + c->len - 1);
	struct kvm_memslot *slot;

	/* The generation first, as in kvm_vcpu_gfn_to_slot(). */
	c->generation = smp_load_acquire(&vcpu->kvm->slots_generation);
	slot = kvm_vcpu_gfn_to_slot(vcpu, first);
	c->hva = 0;
	if (slot && kvm_slot_contains(slot, last) && !(slot->flags & KVM_MEM_READONLY))
		c->hva = kvm_slot_hva(slot, first) + offset_in_page(c->gpa);
}

/* kvm->srcu held: the area's hva, or 0: take the slow path. */
static hva_t cache_hva(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c)
{
	if (unlikely(c->generation != READ_ONCE(vcpu->kvm->slots_generation)))
		resolve_cache(vcpu, c);
	return c->hva;
}

/**
 * kvm_hva_cache_init() - begin to use an area of guest memory
 * @vcpu: current
 * @c: filled in
 * @gpa: guest physical address
 * @len: bytes, at least 1
 *
 * Context: takes kvm->srcu
 * Return: 0; -EINVAL for an empty or wrapping area; -EFAULT when part of it has no slot
 */
int kvm_hva_cache_init(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c, gpa_t gpa, unsigned long len)
{
	gfn_t gfn;
	int idx, r = 0;

	if (!len || gpa + len - 1 < gpa)
		return -EINVAL;
	c->gpa = gpa;
	c->len = len;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	resolve_cache(vcpu, c);
	for (gfn = gpa_to_gfn(gpa); !c->hva && !r && gfn <= gpa_to_gfn(gpa + len - 1); gfn++) {
		if (!kvm_is_visible_gfn(vcpu, gfn))
			r = -EFAULT;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}

static bool cache_covers(const struct kvm_hva_cache *c, unsigned int offset, unsigned long len)
{
	return offset <= c->len && len <= c->len - offset;
}

int kvm_hva_cache_read(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c, void *data,
		       unsigned int offset, unsigned long len)
{
	int idx, r = -EFAULT;
	hva_t hva;

	if (WARN_ON_ONCE(!cache_covers(c, offset, len)))
		return -EINVAL;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	hva = cache_hva(vcpu, c);
	if (!hva)
		r = kvm_vcpu_read_guest(vcpu, c->gpa + offset, data, len);
	else if (!copy_from_user(data, (void __user *)(hva + offset), len))
		r = 0;
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}

/* The generation told that the slots are as they were; one of them holds the area. */
static void mark_cache_dirty(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c, unsigned int offset,
			     unsigned long len)
{
	gfn_t gfn = gpa_to_gfn(c->gpa + offset), last = gpa_to_gfn(c->gpa + offset + len - 1);
	struct kvm_memslot *slot;

	for (; len && gfn <= last; gfn++) {
		slot = kvm_vcpu_gfn_to_slot(vcpu, gfn);
		if (slot)
			kvm_mark_page_dirty(vcpu->kvm, slot, gfn);
	}
}

int kvm_hva_cache_write(struct kvm_vcpu *vcpu, struct kvm_hva_cache *c, const void *data,
			unsigned int offset, unsigned long len)
{
	int idx, r = -EFAULT;
	hva_t hva;

	if (WARN_ON_ONCE(!cache_covers(c, offset, len)))
		return -EINVAL;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	hva = cache_hva(vcpu, c);
	if (!hva) {
		r = kvm_vcpu_write_guest(vcpu, c->gpa + offset, data, len);
	} else if (!copy_to_user((void __user *)(hva + offset), data, len)) {
		mark_cache_dirty(vcpu, c, offset, len);
		r = 0;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return r;
}
