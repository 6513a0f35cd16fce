// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages the guest has written since the VMM last asked.
 *
 * A slot with KVM_MEM_LOG_DIRTY_PAGES has one bit a page.  A page whose bit is clear is write-protected, so that the first
 * write faults and sets the bit.  Writers first make the page writable, then set the bit; readers first take the bit, then
 * write-protect, then flush: a write that a reader does not report is reported to the next.  Other vCPUs may write between
 * the two steps of a writer, which is why a VMM's last look comes when no vCPU runs.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "ioctl.h"
#include "memory.h"

/* Copied to the VMM in pieces of so many words. */
#define CHUNK_LONGS (PAGE_SIZE / sizeof(unsigned long))

int kvm_dirty_bitmap_alloc(struct kvm *kvm, struct kvm_memslot *slot)
{
	unsigned long longs = kvm_dirty_bitmap_longs(slot);

	slot->dirty_bitmap = kvcalloc(longs, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty_bitmap)
		return -ENOMEM;
	if (kvm->dirty_manual & KVM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(slot->dirty_bitmap, 0, slot->npages);
	return 0;
}

int kvm_enable_manual_dirty_log(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	u64 flags = cap->args[0];
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~allowed)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	kvm->dirty_manual = flags;
	mutex_unlock(&kvm->slots_lock);
	return 0;
}

/**
 * kvm_mark_page_dirty() - the page's contents have changed
 * @kvm: the VM
 * @slot: holds @gfn
 * @gfn: guest frame
 *
 * Context: any; the slot is kept by kvm->srcu or an inner loop
 */
void kvm_mark_page_dirty(struct kvm *kvm, struct kvm_memslot *slot, gfn_t gfn)
{
	unsigned long rel = gfn - slot->base_gfn;

	if (!slot->dirty_bitmap)
		return;
	/* What was written before the look at the bit: a bit found set is one that its reader has not taken yet. */
	smp_mb();
	if (!test_bit(rel, slot->dirty_bitmap))
		set_bit(rel, slot->dirty_bitmap);
}

static struct kvm_memslot *logged_slot(struct kvm *kvm, u32 number)
{
	u32 as_id = number >> 16, id = number & 0xffff;
	struct kvm_memslot *slot;

	if (as_id >= KVM_NR_ADDRESS_SPACES || id >= KVM_USER_MEM_SLOTS)
		return ERR_PTR(-EINVAL);
	slot = kvm_slot_by_number(kvm, number);
	return slot && slot->dirty_bitmap ? slot : ERR_PTR(-ENOENT);
}

/* Give back bits that did not reach the VMM. */
static void put_back(struct kvm_memslot *slot, unsigned long first, const unsigned long *words,
		     unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (words[i])
			atomic_long_or(words[i], (atomic_long_t *)&slot->dirty_bitmap[first + i]);
	}
}

/* Take (or, in manual mode, only read) words [@first, @first + @n). */
static bool collect_words(struct kvm *kvm, struct kvm_memslot *slot, unsigned long first,
			  unsigned long *words, unsigned long n)
{
	bool manual = kvm->dirty_manual;
	bool any = false;
	unsigned long i;

	for (i = 0; i < n; i++) {
		unsigned long *p = &slot->dirty_bitmap[first + i];

		words[i] = READ_ONCE(*p);
		if (!words[i] || manual)
			continue;
		words[i] = xchg(p, 0);
		kvm_arch_dirty_log_protect(kvm, slot, slot->base_gfn + (first + i) * BITS_PER_LONG,
					   words[i]);
		any = true;
	}
	return any;
}

static long get_dirty_log(struct kvm *kvm, struct kvm_memslot *slot, unsigned long __user *user,
			  unsigned long *words)
{
	unsigned long longs = kvm_dirty_bitmap_longs(slot);
	unsigned long first, n;
	bool flush = false;
	long r = 0;

	kvm_arch_sync_dirty_log(kvm);
	for (first = 0; first < longs && !r; first += n) {
		n = min(longs - first, CHUNK_LONGS);
		flush |= collect_words(kvm, slot, first, words, n);
		if (copy_to_user(user + first, words, n * sizeof(long))) {
			if (!kvm->dirty_manual)
				put_back(slot, first, words, n);
			r = -EFAULT;
		}
		cond_resched();
	}
	/* Before the VMM reads a page that it was told of, nobody must be able to write to it unseen. */
	if (flush)
		kvm_flush_remote_tlbs(kvm, true);
	return r;
}

/**
 * kvm_vm_ioctl_get_dirty_log() - KVM_GET_DIRTY_LOG
 * @kvm: the VM
 * @arg: kernel copy of the VMM's structure
 *
 * Return: 0; -EINVAL: no such slot number; -ENOENT: the slot does not exist or is not logged; -EFAULT; -ENOMEM
 */
long kvm_vm_ioctl_get_dirty_log(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	struct kvm_dirty_log *log = arg.buf;
	struct kvm_memslot *slot;
	unsigned long *words;
	long r;

	words = (unsigned long *)__get_free_page(GFP_KERNEL);
	if (!words)
		return -ENOMEM;
	mutex_lock(&kvm->slots_lock);
	slot = logged_slot(kvm, log->slot);
	r = PTR_ERR_OR_ZERO(slot);
	if (!r)
		r = get_dirty_log(kvm, slot, u64_to_user_ptr(log->padding2), words);
	mutex_unlock(&kvm->slots_lock);
	free_page((unsigned long)words);
	return r;
}

/* Clear what the VMM names in @words, which stand for word @first of the slot's bitmap and what follows. */
static bool clear_words(struct kvm *kvm, struct kvm_memslot *slot, unsigned long first,
			const unsigned long *words, unsigned long n)
{
	bool any = false;
	unsigned long i, mask;

	for (i = 0; i < n; i++) {
		atomic_long_t *p = (atomic_long_t *)&slot->dirty_bitmap[first + i];

		if (!words[i])
			continue;
		mask = words[i] & atomic_long_fetch_andnot(words[i], p);
		if (!mask)
			continue;
		kvm_arch_dirty_log_protect(kvm, slot, slot->base_gfn + (first + i) * BITS_PER_LONG,
					   mask);
		any = true;
	}
	return any;
}

static long clear_dirty_log(struct kvm *kvm, struct kvm_memslot *slot,
			    const struct kvm_clear_dirty_log *log, unsigned long *words)
{
	unsigned long __user *user = u64_to_user_ptr(log->padding2);
	unsigned long first = log->first_page / BITS_PER_LONG;
	unsigned long longs = DIV_ROUND_UP(log->num_pages, BITS_PER_LONG);
	unsigned long done, n, pages;
	bool flush = false;
	long r = 0;

	for (done = 0; done < longs; done += n) {
		n = min(longs - done, CHUNK_LONGS);
		if (copy_from_user(words, user + done, n * sizeof(long))) {
			r = -EFAULT;
			break;
		}
		/* Bits beyond the pages that were named mean nothing. */
		pages = log->num_pages - done * BITS_PER_LONG;
		if (pages < n * BITS_PER_LONG)
			words[n - 1] &= BITMAP_LAST_WORD_MASK(pages);
		flush |= clear_words(kvm, slot, first + done, words, n);
		cond_resched();
	}
	if (flush)
		kvm_flush_remote_tlbs(kvm, true);
	return r;
}

/* The range begins at a multiple of 64 pages, and ends at one or at the slot's end. */
static int check_clear_range(const struct kvm_memslot *slot, const struct kvm_clear_dirty_log *log)
{
	if (log->first_page & 63)
		return -EINVAL;
	if (log->first_page > slot->npages || log->num_pages > slot->npages - log->first_page)
		return -EINVAL;
	if (log->num_pages & 63 && log->num_pages != slot->npages - log->first_page)
		return -EINVAL;
	return 0;
}

/**
 * kvm_vm_ioctl_clear_dirty_log() - KVM_CLEAR_DIRTY_LOG
 * @kvm: the VM
 * @arg: kernel copy of the VMM's structure
 *
 * Return: 0; -EINVAL: no such slot number, a range that is not aligned or beyond the slot; -ENOENT: the slot does not
 * exist or is not logged; -EFAULT; -ENOMEM
 */
long kvm_vm_ioctl_clear_dirty_log(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	const struct kvm_clear_dirty_log *log = arg.buf;
	struct kvm_memslot *slot;
	unsigned long *words;
	long r;

	words = (unsigned long *)__get_free_page(GFP_KERNEL);
	if (!words)
		return -ENOMEM;
	mutex_lock(&kvm->slots_lock);
	slot = logged_slot(kvm, log->slot);
	r = PTR_ERR_OR_ZERO(slot);
	if (!r)
		r = check_clear_range(slot, log);
	if (!r)
		r = clear_dirty_log(kvm, slot, log, words);
	mutex_unlock(&kvm->slots_lock);
	free_page((unsigned long)words);
	return r;
}
