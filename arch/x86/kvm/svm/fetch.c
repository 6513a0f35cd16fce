// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of the instruction that exited, and where the next one begins.
 *
 * With NRIP save the processor tells (APM vol. 2, 15.7.1).  Without it the instruction must be read: exits by
 * instruction intercept are few opcodes, so that only prefixes have to be counted.  Reading needs the guest's
 * translation of RIP; see struct svm_fetch for how it is had without walking the tables every time.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "mmu/mmu.h"
#include "soft_event.h"
#include "svm/svm.h"

#define PTE_PRESENT BIT_ULL(0)
#define PTE_A_D (BIT_ULL(5) | BIT_ULL(6))
#define PTE_PS BIT_ULL(7)
#define PTE_ADDR GENMASK_ULL(51, 12)
#define INSN_MAX 15

static bool gpa_to_hva(struct kvm_vcpu *vcpu, gpa_t gpa, hva_t *hva)
{
	struct kvm_memslot *slot = kvm_vcpu_gfn_to_slot(vcpu, gpa_to_gfn(gpa));

	if (!slot)
		return false;
	*hva = kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa);
	return true;
}

/* Where the way to the page of @linear is remembered.  A guest that sends, takes and waits does so from several pages. */
static struct svm_fetch *way_of(struct vcpu_svm *svm, unsigned long linear)
{
	return &svm->fetch[(linear >> PAGE_SHIFT) % SVM_FETCH_WAYS];
}

/* Walk the guest's 4- or 5-level tables for @linear and remember the way.  No rights to check: it has been executed. */
static bool walk(struct vcpu_svm *svm, unsigned long linear)
{
	struct svm_fetch *f = way_of(svm, linear);
	struct kvm_vcpu *vcpu = &svm->vcpu;
	int level = is_la57_mode(vcpu) ? 5 : 4;
	u64 entry, base;

	f->page = ~0UL;
	f->depth = 0;
	f->levels = level;
	f->cr3 = svm->vmcb->save.cr3;
	f->slots_generation = atomic64_read(&vcpu->kvm->slots_generation);
	smp_rmb();

	for (base = f->cr3;; base = entry, level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		gpa_t gpa = (base & PTE_ADDR) + ((linear >> shift) & 0x1ff) * 8;
		u64 __user *ptep;

		if (!gpa_to_hva(vcpu, gpa, &f->pte_hva[f->depth]))
			return false;
		ptep = (u64 __user *)f->pte_hva[f->depth];
		if (__get_user(entry, ptep) || !(entry & PTE_PRESENT))
			return false;
		f->pte[f->depth++] = entry & ~PTE_A_D;
		if (level == 1 || (level <= 3 && (entry & PTE_PS))) {
			u64 in_page = BIT_ULL(shift) - 1;

			if (!gpa_to_hva(vcpu,
					((entry & PTE_ADDR & ~in_page) | (linear & in_page)) &
						PAGE_MASK,
					&f->hva))
				return false;
			f->page = linear >> PAGE_SHIFT;
			return true;
		}
	}
}

/* Does the remembered way still lead there? */
static bool way_is_valid(const struct vcpu_svm *svm, const struct svm_fetch *f,
			 unsigned long linear)
{
	return f->page == linear >> PAGE_SHIFT && f->cr3 == svm->vmcb->save.cr3 &&
	       f->slots_generation == atomic64_read(&svm->vcpu.kvm->slots_generation) &&
	       f->levels == (svm->vcpu.arch.cr4 & X86_CR4_LA57 ? 5 : 4);
}

/* Compare the entries and read the bytes in one go: @n bytes from @off on, or 0 when an entry has changed or is not resident. */
static __always_inline unsigned int read_way(const struct svm_fetch *f, unsigned int off, u8 *buf,
					     unsigned int n)
{
	const u8 __user *from = (const u8 __user *)(f->hva + off);
	const hva_t *hva = f->pte_hva, *end = hva + f->depth;
	const u64 *pte = f->pte;
	unsigned int i;
	u64 v;

	if (!user_access_begin(from, n))
		return 0;
	/* By pointers: a checked index would call out of the section in which user memory is accessible. */
	for (; hva != end; hva++, pte++) {
		unsafe_get_user(v, (u64 __user *)*hva, failed);
		if ((v & ~PTE_A_D) != *pte)
			goto failed;
	}
	if (n == 16) {
		unsafe_get_user(((u64 *)buf)[0], (u64 __user *)from, failed);
		unsafe_get_user(((u64 *)buf)[1], (u64 __user *)from + 1, failed);
	} else {
		for (i = 0; i < n; i++)
			unsafe_get_user(buf[i], from + i, failed);
	}
	user_access_end();
	return n;
failed:
	user_access_end();
	return 0;
}

/* Other modes than long mode: no memory of the way, a walk each time. */
static unsigned int read_other(struct vcpu_svm *svm, unsigned long linear, u8 *buf, unsigned int n)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	gpa_t gpa = kvm_gva_to_gpa_nofault(
		vcpu, linear, KVM_PF_FETCH | (svm->vmcb->save.cpl == 3 ? KVM_PF_USER : 0));

	if (gpa == INVALID_GPA || kvm_vcpu_read_guest_nofault(vcpu, gpa, buf, n))
		return 0;
	return n;
}

/*
 * Up to 16 bytes at RIP, as far as they lie on RIP's page, into @buf (8-byte aligned): how many, 0 when they cannot be
 * had without sleeping.
 */
static unsigned int read_insn(struct vcpu_svm *svm, u8 *buf)
{
	unsigned long linear = svm_linear_rip(svm);
	const struct svm_fetch *way = way_of(svm, linear);
	unsigned int off = offset_in_page(linear);
	unsigned int n = min_t(unsigned int, 16, PAGE_SIZE - off);
	unsigned int got = 0;

	pagefault_disable();
	if (unlikely(!(svm->vmcb->save.efer & EFER_LMA))) {
		got = read_other(svm, linear, buf, n);
	} else {
		if (likely(way_is_valid(svm, way, linear)))
			got = read_way(way, off, buf, n);
		if (!got && walk(svm, linear))
			got = read_way(way, off, buf, n);
	}
	pagefault_enable();
	return got;
}

/* The opcodes behind exits whose handlers skip the instruction; b[0] 0: none. */
static const struct insn_opcode {
	u8 len;
	u8 b[3];
	u8 other; /* another value for b[1] */
} opcodes[] = {
	[SVM_EXIT_RDPMC] = { 2, { 0x0f, 0x33 } },
	[SVM_EXIT_CPUID] = { 2, { 0x0f, 0xa2 } },
	[SVM_EXIT_INVD] = { 2, { 0x0f, 0x08 } },
	[SVM_EXIT_PAUSE] = { 1, { 0x90 } },
	[SVM_EXIT_HLT] = { 1, { 0xf4 } },
	[SVM_EXIT_MSR] = { 2, { 0x0f, 0x30 }, 0x32 },
	[SVM_EXIT_VMMCALL] = { 3, { 0x0f, 0x01, 0xd9 } },
	[SVM_EXIT_WBINVD] = { 2, { 0x0f, 0x09 } },
	[SVM_EXIT_MONITOR] = { 3, { 0x0f, 0x01, 0xc8 } },
	[SVM_EXIT_MWAIT] = { 3, { 0x0f, 0x01, 0xc9 } },
	[SVM_EXIT_XSETBV] = { 3, { 0x0f, 0x01, 0xd1 } },
};

static bool opcode_matches(const struct insn_opcode *op, const u8 *b, unsigned int n)
{
	return n >= op->len && b[0] == op->b[0] &&
	       (op->len < 2 || b[1] == op->b[1] || (op->other && b[1] == op->other)) &&
	       (op->len < 3 || b[2] == op->b[2]);
}

/**
 * svm_find_next_rip() - after an exit by instruction intercept, svm->next_rip
 * @svm: just left
 * Return: false when it takes a real decoder
 * Context: IRQs may be off; SRCU or RCU held
 */
bool svm_find_next_rip(struct vcpu_svm *svm)
{
	u32 code = svm->vmcb->control.exit_code;
	u8 buf[16] __aligned(8);
	const struct insn_opcode *op;
	unsigned int n, skip = 0;
	unsigned long next;

	if (svm->next_rip)
		return true;
	if (code >= ARRAY_SIZE(opcodes) || !opcodes[code].len)
		return false;
	op = &opcodes[code];
	n = read_insn(svm, buf);
	if (!n)
		return false;
	if (unlikely(!opcode_matches(op, buf, n))) {
		skip = x86_count_prefixes(buf, n, svm_in_64bit(svm));
		if (skip + op->len > INSN_MAX || !opcode_matches(op, buf + skip, n - skip))
			return false;
	}
	next = svm->vcpu.arch.regs[VCPU_RIP] + skip + op->len;
	svm->next_rip = svm_in_64bit(svm) ? next : (u32)next;
	return true;
}

/**
 * svm_prepare_skip() - before an instruction is carried out that will be skipped: find out how long it is
 * @svm: just left
 *
 * When its code is not at hand (swapped out, say), have it brought in.  Otherwise the instruction would be done first,
 * and be done again if its length cannot be told then.
 *
 * Context: SRCU held, may sleep
 */
void svm_prepare_skip(struct vcpu_svm *svm)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	u32 code = svm->vmcb->control.exit_code;
	gpa_t gpa;
	u8 byte;

	if (code >= ARRAY_SIZE(opcodes) || !opcodes[code].len || svm_find_next_rip(svm))
		return;
	gpa = kvm_gva_to_gpa(vcpu, svm_linear_rip(svm),
			     KVM_PF_FETCH | (svm->vmcb->save.cpl == 3 ? KVM_PF_USER : 0), NULL);
	if (gpa != INVALID_GPA && !kvm_vcpu_read_guest(vcpu, gpa, &byte, sizeof(byte)))
		svm_find_next_rip(svm);
}

/**
 * svm_fetch_insn() - the bytes at RIP, for somebody who decodes them
 * @svm: just left
 * @bytes: room for 16, 8-byte aligned
 * Return: how many there are up to the end of the page, at most 15; 0: read them another way
 */
unsigned int svm_fetch_insn(struct vcpu_svm *svm, u8 *bytes)
{
	return min_t(unsigned int, read_insn(svm, bytes), INSN_MAX);
}

/* Length of the INT n, INT3 or INTO at RIP; 0 when there is something else. */
unsigned int svm_soft_event_len(struct vcpu_svm *svm)
{
	u8 buf[16] __aligned(8);
	unsigned int n = read_insn(svm, buf);

	return max(x86_soft_event_len(buf, n, svm_in_64bit(svm)), 0);
}

int svm_skip_instruction(struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	if (!svm_find_next_rip(svm))
		return -EFAULT;
	kvm_rip_write(vcpu, svm->next_rip);
	svm->next_rip = 0;
	svm->vmcb->control.int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	svm->vmcb->save.rflags &= ~X86_EFLAGS_RF;
	return 0;
}
