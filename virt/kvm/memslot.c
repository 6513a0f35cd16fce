// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which guest frames are which part of the VMM's memory.
 *
 * By guest frame they stand in a maple tree that is read under RCU, by VMM address in an interval tree, and by number in
 * an xarray.  A slot never changes: a new one takes its place.  When KVM_SET_USER_MEMORY_REGION returns from anything but
 * an addition, nobody uses the old slot any more: not the guest (entries taken out, TLBs flushed), not the inner loops
 * (each has been left once), not the rest of the kernel (a grace period of kvm->srcu).  An addition waits for nobody.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "ioctl.h"
#include "memory.h"

#define SLOT_FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)
#define SLOT_MAX_PAGES ((1UL << 31) - 1)

/* ---------------------------------------------------------------- looking up */

/**
 * kvm_gfn_to_slot() - the slot that holds a guest frame
 * @kvm: the VM
 * @as_id: address space, below KVM_NR_ADDRESS_SPACES
 * @gfn: guest frame, any number
 *
 * Context: kvm->srcu held, or in an inner loop (interrupts off).  Does not sleep.
 * Return: the slot, valid as long as that lasts, or NULL
 */
struct kvm_memslot *kvm_gfn_to_slot(struct kvm *kvm, u16 as_id, gfn_t gfn)
{
	return mtree_load(&kvm->as[array_index_nospec(as_id, KVM_NR_ADDRESS_SPACES)].by_gfn, gfn);
}

/**
 * kvm_vcpu_gfn_to_slot() - the same in the vCPU's present address space, remembering the last answer
 * @vcpu: current
 * @gfn: guest frame, any number
 */
struct kvm_memslot *kvm_vcpu_gfn_to_slot(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	/* The generation before the tree: an answer of an older tree is remembered as one of an older generation. */
	u64 gen = atomic64_read_acquire(&vcpu->kvm->slots_generation);
	struct kvm_memslot *slot = vcpu->slot_hit;

	if (likely(vcpu->slot_gen == gen && kvm_slot_contains(slot, gfn)))
		return slot;
	slot = kvm_gfn_to_slot(vcpu->kvm, 0, gfn);
	if (slot) {
		vcpu->slot_hit = slot;
		vcpu->slot_gen = gen;
	}
	return slot;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_gfn_to_slot);

bool kvm_is_visible_gfn(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	return kvm_vcpu_gfn_to_slot(vcpu, gfn);
}

struct kvm_memslot *kvm_slot_by_number(struct kvm *kvm, u32 slot)
{
	u32 as_id = slot >> 16;
	u32 id = slot & 0xffff;

	lockdep_assert_held(&kvm->slots_lock);
	if (as_id >= KVM_NR_ADDRESS_SPACES || id >= KVM_USER_MEM_SLOTS)
		return NULL;
	as_id = array_index_nospec(as_id, KVM_NR_ADDRESS_SPACES);
	return xa_load(&kvm->as[as_id].by_id, id);
}

/* ---------------------------------------------------------------- the three indexes */

static gfn_t slot_last(const struct kvm_memslot *slot)
{
	return slot->base_gfn + slot->npages - 1;
}

static hva_t slot_hva_end(const struct kvm_memslot *slot)
{
	return slot->hva + (slot->npages << PAGE_SHIFT);
}

static struct kvm_address_space *space_of(struct kvm *kvm, const struct kvm_memslot *slot)
{
	return &kvm->as[slot->as_id];
}

/* Does a slot other than @self lie in the frames of @slot? */
static bool overlaps(struct kvm *kvm, const struct kvm_memslot *slot,
		     const struct kvm_memslot *self)
{
	unsigned long index = slot->base_gfn;
	struct kvm_memslot *found;

	mt_for_each(&space_of(kvm, slot)->by_gfn, found, index, slot_last(slot)) {
		if (found != self)
			return true;
	}
	return false;
}

/**
 * kvm_gfn_range_has_slot() - is there a slot in some frames?
 * @kvm: the VM
 * @first: first frame
 * @last: last one
 *
 * Context: kvm->srcu held.  Does not sleep.
 */
bool kvm_gfn_range_has_slot(struct kvm *kvm, gfn_t first, gfn_t last)
{
	unsigned long index = first;

	return mt_find(&kvm->as[0].by_gfn, &index, last);
}

/* Let [@first, @last] mean @entry from now on. */
static int store_gfns(struct kvm_address_space *as, gfn_t first, gfn_t last,
		      struct kvm_memslot *entry, gfp_t gfp)
{
	return mtree_store_range(&as->by_gfn, first, last, entry, GFP_KERNEL_ACCOUNT | gfp);
}

static void hva_replace(struct kvm_address_space *as, struct kvm_memslot *old,
			struct kvm_memslot *new)
{
	write_lock(&as->hva_lock);
	if (old)
		interval_tree_remove(&old->hva_node, &as->hva_tree);
	if (new)
		interval_tree_insert(&new->hva_node, &as->hva_tree);
	write_unlock(&as->hva_lock);
}

/* ---------------------------------------------------------------- life of a slot */

static void free_slot(struct kvm_memslot *slot, bool with_bitmap)
{
	kvm_arch_free_memslot(slot);
	if (with_bitmap)
		kvfree(slot->dirty_bitmap);
	kfree(slot);
}

static void free_slot_rcu(struct rcu_head *rcu)
{
	free_slot(container_of(rcu, struct kvm_memslot, rcu), true);
}

/* Nobody uses @old any more but, perhaps, somebody who just looked it up under RCU. */
static void retire_slot(struct kvm_memslot *old, const struct kvm_memslot *new)
{
	/* The bitmap lives on in the slot that took the place. */
	if (new && new->dirty_bitmap == old->dirty_bitmap)
		old->dirty_bitmap = NULL;
	call_rcu(&old->rcu, free_slot_rcu);
}

static void publish_generation(struct kvm *kvm)
{
	lockdep_assert_held(&kvm->slots_lock);
	/* The trees first, then the generation. */
	atomic64_fetch_inc_release(&kvm->slots_generation);
}

/*
 * @old has been replaced by @new (or by nothing) for whoever looks from now on.  When this returns, neither the guest nor
 * an inner loop uses @old any more; synchronize_srcu_expedited() then does the same for the rest of the kernel.
 */
static void settle(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	publish_generation(kvm);
	kvm_mmu_sync_bump(&kvm->mmu_sync, old->hva, slot_hva_end(old));
	kvm_arch_commit_memslot(kvm, old, new);
}

static int slot_create(struct kvm *kvm, struct kvm_memslot *new)
{
	struct kvm_address_space *as = space_of(kvm, new);
	int r;

	r = xa_err(xa_store(&as->by_id, new->id, new, GFP_KERNEL_ACCOUNT));
	if (r)
		return r;
	/* Before the guest can reach it, the host must find it. */
	hva_replace(as, NULL, new);
	r = mtree_insert_range(&as->by_gfn, new->base_gfn, slot_last(new), new, GFP_KERNEL_ACCOUNT);
	if (r) {
		hva_replace(as, new, NULL);
		xa_erase(&as->by_id, new->id);
		/* A notifier may be looking at it. */
		synchronize_srcu_expedited(&kvm->srcu);
		return r;
	}
	kvm->nr_memslot_pages += new->npages;
	publish_generation(kvm);
	kvm_arch_commit_memslot(kvm, NULL, new);
	return 0;
}

static int slot_delete(struct kvm *kvm, struct kvm_memslot *old)
{
	struct kvm_address_space *as = space_of(kvm, old);
	int r;

	r = store_gfns(as, old->base_gfn, slot_last(old), NULL, 0);
	if (r)
		return r;
	xa_erase(&as->by_id, old->id);
	kvm->nr_memslot_pages -= old->npages;
	settle(kvm, old, NULL);
	/* Not before the entries are gone: until then the host must find it. */
	hva_replace(as, old, NULL);
	synchronize_srcu_expedited(&kvm->srcu);
	retire_slot(old, NULL);
	return 0;
}

/* The same frames, other flags. */
static int slot_reflag(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	struct kvm_address_space *as = space_of(kvm, old);
	int r;

	r = store_gfns(as, new->base_gfn, slot_last(new), new, 0);
	if (r)
		return r;
	xa_store(&as->by_id, new->id, new, GFP_KERNEL_ACCOUNT);
	hva_replace(as, old, new);
	settle(kvm, old, new);
	synchronize_srcu_expedited(&kvm->srcu);
	retire_slot(old, new);
	return 0;
}

static int slot_move(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	struct kvm_address_space *as = space_of(kvm, old);
	int r;

	if (overlaps(kvm, new, old))
		return -EEXIST;
	r = store_gfns(as, old->base_gfn, slot_last(old), NULL, 0);
	if (r)
		return r;
	settle(kvm, old, NULL);

	hva_replace(as, old, new);
	r = store_gfns(as, new->base_gfn, slot_last(new), new, 0);
	if (r) {
		hva_replace(as, new, old);
		store_gfns(as, old->base_gfn, slot_last(old), old, __GFP_NOFAIL);
		publish_generation(kvm);
		synchronize_srcu_expedited(&kvm->srcu);
		return r;
	}
	xa_store(&as->by_id, new->id, new, GFP_KERNEL_ACCOUNT);
	publish_generation(kvm);
	kvm_arch_commit_memslot(kvm, NULL, new);
	synchronize_srcu_expedited(&kvm->srcu);
	retire_slot(old, new);
	return 0;
}

/* ---------------------------------------------------------------- KVM_SET_USER_MEMORY_REGION */

static int check_region(const struct kvm_userspace_memory_region *mem)
{
	u32 as_id = mem->slot >> 16;
	u32 id = mem->slot & 0xffff;

	if (mem->flags & ~SLOT_FLAGS)
		return -EINVAL;
	if ((mem->memory_size | mem->guest_phys_addr | mem->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (as_id >= KVM_NR_ADDRESS_SPACES || id >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	if (mem->guest_phys_addr + mem->memory_size < mem->guest_phys_addr)
		return -EINVAL;
	if (mem->memory_size >> PAGE_SHIFT > SLOT_MAX_PAGES)
		return -EINVAL;
	/* Plain addresses of the lower half only: no tag bits. */
	if (mem->userspace_addr > TASK_SIZE_MAX ||
	    mem->memory_size > TASK_SIZE_MAX - mem->userspace_addr ||
	    !access_ok((void __user *)(unsigned long)mem->userspace_addr, mem->memory_size))
		return -EINVAL;
	return 0;
}

static struct kvm_memslot *alloc_slot(const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = gpa_to_gfn(mem->guest_phys_addr);
	slot->npages = mem->memory_size >> PAGE_SHIFT;
	slot->hva = mem->userspace_addr;
	slot->flags = mem->flags;
	slot->id = mem->slot & 0xffff;
	slot->as_id = array_index_nospec(mem->slot >> 16, KVM_NR_ADDRESS_SPACES);
	slot->hva_node.start = slot->hva;
	slot->hva_node.last = slot_hva_end(slot) - 1;
	return slot;
}

static int prepare_slot(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	int r;

	if (new->flags & KVM_MEM_LOG_DIRTY_PAGES) {
		if (old && old->dirty_bitmap) {
			new->dirty_bitmap = old->dirty_bitmap;
		} else {
			r = kvm_dirty_bitmap_alloc(kvm, new);
			if (r)
				return r;
		}
	}
	return kvm_arch_prepare_memslot(kvm, old, new);
}

static bool size_fits(struct kvm *kvm, unsigned long npages)
{
	return kvm->nr_memslot_pages + npages >= npages;
}

static long set_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *old = kvm_slot_by_number(kvm, mem->slot);
	gfn_t base = gpa_to_gfn(mem->guest_phys_addr);
	unsigned long npages = mem->memory_size >> PAGE_SHIFT;
	struct kvm_memslot *new;
	int r;

	if (!npages)
		return old ? slot_delete(kvm, old) : -EINVAL;
	if (base + npages > kvm_arch_max_gfn())
		return -EINVAL;
	if (old) {
		if (npages != old->npages || mem->userspace_addr != old->hva ||
		    ((mem->flags ^ old->flags) & KVM_MEM_READONLY))
			return -EINVAL;
		if (base == old->base_gfn && mem->flags == old->flags)
			return 0;
	} else if (!size_fits(kvm, npages)) {
		return -EINVAL;
	}

	new = alloc_slot(mem);
	if (!new)
		return -ENOMEM;
	r = prepare_slot(kvm, old, new);
	if (r)
		goto out;
	if (!old)
		r = slot_create(kvm, new);
	else if (base != old->base_gfn)
		r = slot_move(kvm, old, new);
	else
		r = slot_reflag(kvm, old, new);
out:
	if (r)
		free_slot(new, !old || new->dirty_bitmap != old->dirty_bitmap);
	return r;
}

/**
 * kvm_vm_set_user_memory_region() - create, move, change or delete a slot
 * @kvm: the VM
 * @mem: what the VMM asks for; a size of 0 deletes
 *
 * Context: may sleep; takes kvm->slots_lock.  Neither kvm->srcu nor an mmap_lock may be held.
 * Return: 0; -EINVAL: unaligned, unknown flags, number out of range, not the VMM's memory, beyond the last guest frame,
 * another size, address or read-only flag for a slot that exists, deletion of one that does not; -EEXIST: overlaps another
 * slot; -ENOMEM.  After an error nothing has changed.
 */
long kvm_vm_set_user_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem)
{
	long r = check_region(mem);

	if (r)
		return r;
	mutex_lock(&kvm->slots_lock);
	r = set_region(kvm, mem);
	mutex_unlock(&kvm->slots_lock);
	return r;
}

/*
 * KVM_SET_USER_MEMORY_REGION2, too: what it has behind the older structure is for flags that are not taken
 * (KVM_MEM_GUEST_MEMFD).
 */
static_assert(offsetofend(struct kvm_userspace_memory_region2, userspace_addr) ==
	      sizeof(struct kvm_userspace_memory_region));

long kvm_vm_ioctl_set_memory_region(struct kvm *kvm, union kvm_ioctl_arg arg)
{
	return kvm_vm_set_user_memory_region(kvm, arg.buf);
}

/* ---------------------------------------------------------------- life of a VM */

/**
 * kvm_memory_init_vm() - no slots yet, and the notifier on the VMM's address space
 * @kvm: kvm->mm and kvm->srcu are set up
 *
 * Context: current->mm is kvm->mm; takes its mmap_lock
 * Return: 0, -ENOMEM, -EINTR
 */
int kvm_memory_init_vm(struct kvm *kvm)
{
	unsigned int i;

	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		struct kvm_address_space *as = &kvm->as[i];

		mt_init_flags(&as->by_gfn, MT_FLAGS_USE_RCU);
		xa_init(&as->by_id);
		as->hva_tree = RB_ROOT_CACHED;
		rwlock_init(&as->hva_lock);
	}
	atomic64_set(&kvm->slots_generation, 1);
	kvm_mmu_sync_init(&kvm->mmu_sync);
	return kvm_mmu_notifier_register(kvm);
}

/**
 * kvm_memory_destroy_vm() - take the notifier off and free the slots
 * @kvm: no vCPU is left
 *
 * Context: may sleep, waits for grace periods: for a workqueue.  The tables of the two-dimensional paging still exist.
 */
void kvm_memory_destroy_vm(struct kvm *kvm)
{
	struct kvm_memslot *slot;
	unsigned long id;
	unsigned int i;

	kvm_mmu_notifier_unregister(kvm);
	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		struct kvm_address_space *as = &kvm->as[i];

		/* Nobody reads it any more.  (The deferred way of freeing a deep tree trips over itself in 6.12.) */
		mt_clear_in_rcu(&as->by_gfn);
		mtree_destroy(&as->by_gfn);
		xa_for_each(&as->by_id, id, slot)
			free_slot(slot, true);
		xa_destroy(&as->by_id);
	}
}
