/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of a guest's own page tables, in all modes of paging: SDM vol. 3A, chapter 4; APM vol. 2, chapter 5.
 *
 * Pure: includes pure.h only, reaches guest memory through an ops structure.
 */
#ifndef KVM_X86_WALK_H
#define KVM_X86_WALK_H

#include "../pure.h"

/*
 * What kind of access it is.  The low bits are those of the error code of #PF (SDM vol. 3A, 4.7).
 */
#define KVM_WALK_WRITE BIT(1)
#define KVM_WALK_USER BIT(2) /* CPL 3, and not an implicit supervisor access */
#define KVM_WALK_FETCH BIT(4) /* instruction fetch */
#define KVM_WALK_IMPLICIT \
	BIT(16) /* supervisor whatever the CPL: descriptor tables, TSS; EFLAGS.AC does not help */

/* Bits of the error code */
#define KVM_WALK_E_P BIT(0)
#define KVM_WALK_E_W BIT(1)
#define KVM_WALK_E_U BIT(2)
#define KVM_WALK_E_RSVD BIT(3)
#define KVM_WALK_E_I BIT(4)
#define KVM_WALK_E_PK BIT(5)

/**
 * struct kvm_walk_mode - paging as the guest has set it up
 * @root: CR3
 * @levels: 2: 32-bit; 3: PAE; 4; 5
 * @maxphyaddr: width of a guest physical address, 32 to 52
 * @pkru: rights of the protection keys
 * @pse: CR4.PSE: 4 MiB pages in 32-bit mode
 * @pse36: 4 MiB pages may lie above 4 GiB
 * @gbpages: 1 GiB pages exist
 * @wp: CR0.WP
 * @nx: EFER.NXE
 * @smep: CR4.SMEP
 * @smap: CR4.SMAP
 * @ac: EFLAGS.AC
 * @pke: CR4.PKE; counts in 4- and 5-level paging only
 * @amd: bit 8 of the two topmost kinds of entry is reserved
 */
struct kvm_walk_mode {
	u64 root;
	u8 levels;
	u8 maxphyaddr;
	u32 pkru;
	bool pse;
	bool pse36;
	bool gbpages;
	bool wp;
	bool nx;
	bool smep;
	bool smap;
	bool ac;
	bool pke;
	bool amd;
};

/**
 * struct kvm_walk_ops - guest memory
 * @read: an entry of @bytes (4 or 8, aligned), read in one go; 0, or anything else: there is no memory at @gpa
 * @compare_xchg: if the entry is still @old make it @new, atomically; 0 done, 1 it is not @old any more, negative: cannot be
 *	     written to (read-only memory), leave the flags as they are.  NULL: a walk without side effects.
 */
struct kvm_walk_ops {
	int (*read)(void *ctx, u64 gpa, unsigned int bytes, int level, u64 *val);
	int (*compare_xchg)(void *ctx, u64 gpa, unsigned int bytes, u64 old, u64 new);
};

enum kvm_walk_status {
	KVM_WALK_OK,
	KVM_WALK_FAULT, /* #PF with result.error_code */
	KVM_WALK_NONCANON, /* #GP (or #SS): the address is not canonical */
	KVM_WALK_UNBACKED, /* a table lies where there is no memory, at result.gpa */
};

/**
 * struct kvm_walk_result - where it ended
 * @gpa: KVM_WALK_OK: the guest physical address; KVM_WALK_UNBACKED: of the entry that could not be read
 * @error_code: KVM_WALK_FAULT: of the #PF; KVM_WALK_UNBACKED: of one for an entry that is not present
 * @page_shift: log2 of the page's size: 12, 21, 22 or 30
 * @writable: all entries say so
 * @user: all entries say so
 */
struct kvm_walk_result {
	u64 gpa;
	u32 error_code;
	u8 page_shift;
	bool writable;
	bool user;
};

/**
 * kvm_walk() - translate a guest linear address
 * @mode: how paging is set up; paging is on
 * @ops: guest memory
 * @ctx: for @ops
 * @gva: the address; 32 bits of it count in 32-bit and PAE modes
 * @access: KVM_WALK_* bits
 * @res: filled in
 *
 * Sets accessed flags on the way and the dirty flag for a write, once it is known that the access is allowed; should an
 * entry change meanwhile, the walk is taken anew.
 */
enum kvm_walk_status kvm_walk(const struct kvm_walk_mode *mode, const struct kvm_walk_ops *ops,
			      void *ctx, u64 gva, u32 access, struct kvm_walk_result *res);

/* Bits of a PAE page directory pointer entry that must be 0 if it is present. */
u64 kvm_walk_pdpte_reserved(const struct kvm_walk_mode *mode);

#endif /* KVM_X86_WALK_H */
