/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID the project offers on a host: KVM_GET_SUPPORTED_CPUID's answer from the host's leaves and
 * cpuid_features.def.  Pure.
 */
#ifndef KVM_X86_CPUID_POLICY_H
#define KVM_X86_CPUID_POLICY_H

#include "pure.h"

enum kvm_cpuid_reg { CPUID_REG_EAX, CPUID_REG_EBX, CPUID_REG_ECX, CPUID_REG_EDX };

struct kvm_cpuid_regs {
	u32 r[4];
};

/* Feature words: name, function, index, register */
#define KVM_CPUID_WORDS(W)                        \
	W(W_1_EDX, 0x1, 0, CPUID_REG_EDX)         \
	W(W_1_ECX, 0x1, 0, CPUID_REG_ECX)         \
	W(W_6_EAX, 0x6, 0, CPUID_REG_EAX)         \
	W(W_7_0_EBX, 0x7, 0, CPUID_REG_EBX)       \
	W(W_7_0_ECX, 0x7, 0, CPUID_REG_ECX)       \
	W(W_7_0_EDX, 0x7, 0, CPUID_REG_EDX)       \
	W(W_7_1_EAX, 0x7, 1, CPUID_REG_EAX)       \
	W(W_7_1_EDX, 0x7, 1, CPUID_REG_EDX)       \
	W(W_7_2_EDX, 0x7, 2, CPUID_REG_EDX)       \
	W(W_D_1_EAX, 0xd, 1, CPUID_REG_EAX)       \
	W(W_81_EDX, 0x80000001, 0, CPUID_REG_EDX) \
	W(W_81_ECX, 0x80000001, 0, CPUID_REG_ECX) \
	W(W_87_EDX, 0x80000007, 0, CPUID_REG_EDX) \
	W(W_88_EBX, 0x80000008, 0, CPUID_REG_EBX) \
	W(W_821_EAX, 0x80000021, 0, CPUID_REG_EAX)

enum kvm_cpuid_word {
#define W(name, function, index, reg) name,
	KVM_CPUID_WORDS(W)
#undef W
		KVM_CPUID_NR_WORDS,
};

/**
 * enum kvm_cpuid_rule - on what a feature's offer depends
 * @RULE_HOST: the host's CPU has it and the host's kernel has not switched it off
 * @RULE_RAW: the host's CPU has it; what the kernel thinks of it does not matter to a guest
 * @RULE_EMULATED: always
 * @RULE_AMD: the host's CPU has it, or the vendor is AMD
 * @RULE_BACKEND: the backend says so
 * @RULE_VMM: never offered, but works when the VMM gives it to a guest
 */
enum kvm_cpuid_rule {
	RULE_HOST,
	RULE_RAW,
	RULE_EMULATED,
	RULE_AMD,
	RULE_BACKEND,
	RULE_VMM,
};

/* The rows, in the order of cpuid_features.def */
enum kvm_cpuid_feature {
#define F(name, word, bit, rule) KVM_CPUID_##name,
#define N F
#include "cpuid_features.def"
#undef N
#undef F
	KVM_CPUID_NR_FEATURES,
};

struct kvm_cpuid_row {
	u8 word;
	u8 bit;
	u8 rule;
};

extern const struct kvm_cpuid_row kvm_cpuid_rows[KVM_CPUID_NR_FEATURES];

struct kvm_cpuid_word_def {
	u32 function;
	u32 index;
	u32 reg;
};

extern const struct kvm_cpuid_word_def kvm_cpuid_words[KVM_CPUID_NR_WORDS];

/* Laid out as the ABI's struct kvm_cpuid_entry2. */
struct kvm_cpuid_leaf {
	u32 function;
	u32 index;
	u32 flags;
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
	u32 padding[3];
};

#define KVM_CPUID_LEAF_INDEXED 1 /* KVM_CPUID_FLAG_SIGNIFCANT_INDEX */

/**
 * struct kvm_cpuid_host - the host that a policy is made for
 * @cpuid: executes CPUID
 * @ctx: its first argument
 * @off: features that the host's kernel has switched off, a bit a row
 * @xcr0: XCR0 bits that the host's kernel manages and a guest may have
 * @xss: likewise of IA32_XSS
 * @guest_phys_bits: width of the guest-physical addresses that the tables can map
 */
struct kvm_cpuid_host {
	void (*cpuid)(void *ctx, u32 function, u32 index, struct kvm_cpuid_regs *regs);
	void *ctx;
	u32 off[(KVM_CPUID_NR_FEATURES + 31) / 32];
	u64 xcr0;
	u64 xss;
	u8 guest_phys_bits;
};

/**
 * struct kvm_cpuid_policy - what is offered
 * @caps: feature words
 * @vmm: features that are not offered but may be given
 * @xcr0: XCR0 bits offered
 * @xss: IA32_XSS bits offered
 * @amd: the vendor is AMD or Hygon
 * @pv_features: KVM_FEATURE_* bits, function 0x40000001
 */
struct kvm_cpuid_policy {
	u32 caps[KVM_CPUID_NR_WORDS];
	u32 vmm[KVM_CPUID_NR_WORDS];
	u64 xcr0;
	u64 xss;
	bool amd;
	u32 pv_features;
};

static inline bool kvm_cpuid_policy_has(const struct kvm_cpuid_policy *p, enum kvm_cpuid_feature f)
{
	return p->caps[kvm_cpuid_rows[f].word] & (1u << kvm_cpuid_rows[f].bit);
}

void kvm_cpuid_policy_set(struct kvm_cpuid_policy *p, enum kvm_cpuid_feature f, bool on);
/* The offer before a backend's adjustments. */
void kvm_cpuid_policy_init(struct kvm_cpuid_policy *p, const struct kvm_cpuid_host *host);
/* After adjustments: features go whose ground has gone (AVX without XSAVE ...). */
void kvm_cpuid_policy_settle(struct kvm_cpuid_policy *p);

/**
 * kvm_cpuid_policy_leaves() - the whole table
 * @out: room for @max entries, filled in ascending order of function and index
 * Return: how many there are; more than @max: @out is filled with the first @max
 */
unsigned int kvm_cpuid_policy_leaves(const struct kvm_cpuid_policy *p,
				     const struct kvm_cpuid_host *host, struct kvm_cpuid_leaf *out,
				     unsigned int max);

/**
 * kvm_xsave_size() - size of an XSAVE area, SDM vol. 1, 13.4
 * @sizes: CPUID 0xD's regs for each component: EAX size, EBX offset, ECX[1] align to 64 bytes when compacted
 * @features: components in it
 * @compacted: XSAVEC/XSAVES format
 */
u32 kvm_xsave_size(const struct kvm_cpuid_regs sizes[64], u64 features, bool compacted);

/**
 * kvm_cpuid_vendor_is_amd() - do the vendor's registers of function 0 say AMD or Hygon?
 */
bool kvm_cpuid_vendor_is_amd(u32 ebx, u32 ecx, u32 edx);

#endif /* KVM_X86_CPUID_POLICY_H */
