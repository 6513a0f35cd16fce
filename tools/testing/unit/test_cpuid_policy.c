// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_SUPPORTED_CPUID: what is offered on hosts made up for the purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cpuid_policy.h"

#define EXT 0x80000000u
#define SSE_XCR0 0x3ull
#define AVX_XCR0 0x7ull
#define AVX512_XCR0 0xe7ull
#define PKRU_XCR0 0x200ull

/* ---------------------------------------------------------------- a host */

struct fake {
	bool intel;
	u32 max_basic, max_ext;
	u32 fill; /* every feature register */
	u32 random; /* not 0: seed instead of @fill */
	u32 cleared; /* function whose registers are 0 */
};

/* Offsets and sizes of XSAVE components as processors have them, standard format */
static const struct {
	int component;
	u32 size, offset, flags;
} components[] = {
	{ 2, 256, 576, 0 }, { 5, 64, 1088, 4 },	 { 6, 512, 1152, 0 },	{ 7, 1024, 1664, 0 },
	{ 9, 8, 2688, 0 },  { 17, 64, 2752, 2 }, { 18, 8192, 2816, 6 },
};

static u32 mix(u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

static void fake_cpuid(void *ctx, u32 function, u32 index, struct kvm_cpuid_regs *regs)
{
	const struct fake *f = ctx;
	size_t i;

	memset(regs, 0, sizeof(*regs));
	if (function == 0) {
		*regs = f->intel ? (struct kvm_cpuid_regs){ { f->max_basic, 0x756e6547, 0x6c65746e,
							      0x49656e69 } } :
				   (struct kvm_cpuid_regs){ { f->max_basic, 0x68747541, 0x444d4163,
							      0x69746e65 } };
		return;
	}
	if (function == EXT) {
		regs->r[CPUID_REG_EAX] = f->max_ext;
		return;
	}
	if (function == f->cleared ||
	    (function & EXT ? function > f->max_ext : function > f->max_basic))
		return;
	if (function == 0xd && index >= 2) {
		for (i = 0; i < ARRAY_SIZE(components); i++)
			if (components[i].component == (int)index)
				*regs = (struct kvm_cpuid_regs){ { components[i].size,
								   components[i].offset,
								   components[i].flags, 0 } };
		return;
	}
	for (i = 0; i < 4; i++)
		regs->r[i] = f->random ? mix(f->random ^ mix(function * 64 + index * 4 + i)) :
					 f->fill;
	if (function == 7 && index == 0)
		regs->r[CPUID_REG_EAX] = 2;
	if (function == 4 || function == EXT + 0x1d) {
		/* three caches, then none */
		regs->r[CPUID_REG_EAX] &= ~0x1fu;
		if (index < 3)
			regs->r[CPUID_REG_EAX] |= 1;
	}
	if (function == EXT + 8)
		regs->r[CPUID_REG_EAX] = 0x3030 | 0x300000;
}

static struct fake amd_host(void)
{
	return (struct fake){
		.max_basic = 0x1f, .max_ext = EXT + 0x28, .fill = ~0u, .cleared = ~0u
	};
}

static struct kvm_cpuid_host host_of(struct fake *f, u64 xcr0)
{
	return (struct kvm_cpuid_host){
		.cpuid = fake_cpuid, .ctx = f, .xcr0 = xcr0, .guest_phys_bits = 48
	};
}

static struct kvm_cpuid_leaf leaves[256];
static unsigned int nr_leaves;

static void offer(struct kvm_cpuid_policy *p, const struct kvm_cpuid_host *host)
{
	kvm_cpuid_policy_init(p, host);
	nr_leaves = kvm_cpuid_policy_leaves(p, host, leaves, ARRAY_SIZE(leaves));
	assert_in_range(nr_leaves, 1, ARRAY_SIZE(leaves));
}

static const struct kvm_cpuid_leaf *leaf(u32 function, u32 index)
{
	unsigned int i;

	for (i = 0; i < nr_leaves; i++)
		if (leaves[i].function == function && leaves[i].index == index)
			return &leaves[i];
	fail_msg("no leaf %x.%x", function, index);
	return NULL;
}

/* ---------------------------------------------------------------- tests */

static void test_no_bit_has_two_rows(void **state)
{
	u32 seen[KVM_CPUID_NR_WORDS] = {};
	int i;

	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
		const struct kvm_cpuid_row *row = &kvm_cpuid_rows[i];

		assert_in_range(row->word, 0, KVM_CPUID_NR_WORDS - 1);
		assert_in_range(row->bit, 0, 31);
		assert_false(seen[row->word] & 1u << row->bit);
		seen[row->word] |= 1u << row->bit;
	}
}

static void test_what_needs_support_is_hidden(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX512_XCR0 | PKRU_XCR0);
	struct kvm_cpuid_policy p;
	const u32 zero[] = { 0x3,  0x5,	      0x9,	  0xa,	      0xb,	  0xc,
			     0xe,  0xf,	      0x10,	  0x12,	      0x14,	  0x15,
			     0x1c, EXT + 0xa, EXT + 0x1b, EXT + 0x1e, EXT + 0x1f, EXT + 0x20 };
	size_t i;

	offer(&p, &host);
	/* MONITOR, VMX, SMX, PDCM, TSC-deadline, OSXSAVE: 3, 5, 6, 15, 24, 27 */
	assert_int_equal(leaf(1, 0)->ecx & 0x09008068, 0);
	/* SGX, PQM, MPX, PQE, PT: 2, 12, 14, 15, 25 */
	assert_int_equal(leaf(7, 0)->ebx & 0x0200d004, 0);
	/* OSPKE, WAITPKG, SHSTK, TME, bus lock, ENQCMD, SGX_LC: 4, 5, 7, 13, 24, 29, 30 */
	assert_int_equal(leaf(7, 0)->ecx & 0x610020b0, 0);
	/* ARCH_LBR, IBT, AMX: 19, 20, 22, 24, 25 */
	assert_int_equal(leaf(7, 0)->edx & 0x03580000, 0);
	/* XFD: 4 */
	assert_int_equal(leaf(0xd, 1)->eax & 0x10, 0);
	/* SVM, EXTAPIC, OSVW, IBS, SKINIT, WDT, LWP, PERFCTR_CORE, _NB, _LLC: 2, 3, 9, 10, 12, 13, 15, 23, 24, 28 */
	assert_int_equal(leaf(EXT + 1, 0)->ecx & 0x1180b60c, 0);
	/* what only a backend can promise */
	assert_int_equal(leaf(EXT + 8, 0)->ebx & 1u << 25, 0);
	for (i = 0; i < ARRAY_SIZE(zero); i++) {
		const struct kvm_cpuid_leaf *e = leaf(zero[i], 0);

		assert_int_equal(e->eax | e->ebx | e->ecx | e->edx, 0);
	}
}

static void test_what_is_emulated_is_always_there(void **state)
{
	struct fake f = { .max_basic = 0xd, .max_ext = EXT + 8, .fill = 0, .cleared = ~0u };
	struct kvm_cpuid_host host = host_of(&f, 0);
	struct kvm_cpuid_policy p;

	offer(&p, &host);
	/* x2APIC, hypervisor; MCE, APIC, MTRR, MCA; ARAT; TSC_ADJUST */
	assert_int_equal(leaf(1, 0)->ecx, 1u << 21 | 1u << 31);
	assert_int_equal(leaf(1, 0)->edx, 1u << 7 | 1u << 9 | 1u << 12 | 1u << 14);
	assert_int_equal(leaf(6, 0)->eax, 1u << 2);
	assert_int_equal(leaf(7, 0)->ebx, 1u << 1);
	/* IA32_ARCH_CAPABILITIES whoever the vendor is */
	assert_int_equal(leaf(7, 0)->edx, 1u << 29);
	f.intel = true;
	offer(&p, &host);
	assert_int_equal(leaf(7, 0)->edx, 1u << 29);
}

static void test_kernel_switches_features_off(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX_XCR0);
	struct kvm_cpuid_policy p;

	host.off[KVM_CPUID_AES / 32] |= 1u << (KVM_CPUID_AES % 32);
	host.off[KVM_CPUID_SMEP / 32] |= 1u << (KVM_CPUID_SMEP % 32);
	host.off[KVM_CPUID_X2APIC / 32] |= 1u << (KVM_CPUID_X2APIC % 32);
	offer(&p, &host);
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_AES));
	assert_true(kvm_cpuid_policy_has(&p, KVM_CPUID_PCLMULQDQ));
	/* paging features work whether or not the host uses them; emulated ones anyhow */
	assert_true(kvm_cpuid_policy_has(&p, KVM_CPUID_SMEP));
	assert_true(kvm_cpuid_policy_has(&p, KVM_CPUID_X2APIC));
}

/* On hosts at random: nothing that the host lacks but for what is emulated, nothing without a row. */
static void test_never_more_than_the_host(void **state)
{
	static const u64 xcr0s[] = { 0, SSE_XCR0, AVX_XCR0, AVX512_XCR0, AVX_XCR0 | PKRU_XCR0 };
	u32 seed;

	for (seed = 1; seed < 2000; seed++) {
		struct fake f = { .intel = seed & 1,
				  .max_basic = 1 + seed % 0x20,
				  .max_ext = EXT + seed % 0x25,
				  .random = seed,
				  .cleared = ~0u };
		struct kvm_cpuid_host host = host_of(&f, xcr0s[seed % 5]);
		u32 known[KVM_CPUID_NR_WORDS] = {};
		struct kvm_cpuid_policy p;
		int i;

		kvm_cpuid_policy_init(&p, &host);
		for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
			const struct kvm_cpuid_row *row = &kvm_cpuid_rows[i];
			const struct kvm_cpuid_word_def *w = &kvm_cpuid_words[row->word];
			struct kvm_cpuid_regs regs;
			bool raw;

			known[row->word] |= 1u << row->bit;
			fake_cpuid(&f, w->function, w->index, &regs);
			raw = regs.r[w->reg] & 1u << row->bit;
			if (!kvm_cpuid_policy_has(&p, i))
				continue;
			assert_true(row->rule != RULE_VMM && row->rule != RULE_BACKEND);
			if (row->rule == RULE_HOST || row->rule == RULE_RAW)
				assert_true(raw);
		}
		for (i = 0; i < KVM_CPUID_NR_WORDS; i++)
			assert_int_equal(p.caps[i] & ~known[i], 0);
		assert_int_equal(p.xcr0 & ~host.xcr0, 0);
	}
}

static void test_features_fall_with_their_ground(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX512_XCR0 | PKRU_XCR0);
	struct kvm_cpuid_policy p;

	offer(&p, &host);
	assert_true(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX512_FP16));
	assert_int_equal(p.xcr0, AVX512_XCR0 | PKRU_XCR0);

	/* no XSAVE: no AVX, no AVX2, nothing in XCR0, one empty leaf */
	kvm_cpuid_policy_set(&p, KVM_CPUID_XSAVE, false);
	kvm_cpuid_policy_settle(&p);
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_VAES));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX512_FP16));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_PKU));
	assert_int_equal(p.xcr0, 0);
	assert_int_equal(p.caps[W_D_1_EAX], 0);

	/* a kernel that switches AVX but not AVX-512 state */
	host.xcr0 = AVX_XCR0;
	offer(&p, &host);
	assert_true(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX2));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX512F));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_AVX512VL));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_PKU));
	assert_int_equal(leaf(0xd, 0)->eax, AVX_XCR0);
}

static void fill_components(struct kvm_cpuid_regs c[64])
{
	struct fake f = amd_host();
	u32 i;

	for (i = 2; i < 64; i++)
		fake_cpuid(&f, 0xd, i, &c[i]);
}

static void test_xsave_sizes(void **state)
{
	struct kvm_cpuid_regs c[64] = {};

	fill_components(c);
	assert_int_equal(kvm_xsave_size(c, 1, false), 576);
	assert_int_equal(kvm_xsave_size(c, SSE_XCR0, true), 576);
	assert_int_equal(kvm_xsave_size(c, AVX_XCR0, false), 832);
	assert_int_equal(kvm_xsave_size(c, AVX512_XCR0, false), 2688);
	assert_int_equal(kvm_xsave_size(c, AVX_XCR0 | PKRU_XCR0, false), 2696);
	/* compacted: one after the other, aligned where the component asks for it */
	assert_int_equal(kvm_xsave_size(c, AVX_XCR0 | PKRU_XCR0, true), 840);
	assert_int_equal(kvm_xsave_size(c, 3 | PKRU_XCR0 | 1 << 17, true), 640 + 64);
	assert_int_equal(kvm_xsave_size(c, 3 | PKRU_XCR0 | 1 << 18, true), 640 + 8192);
}

static void test_leaf_d_describes_what_is_offered(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX512_XCR0 | PKRU_XCR0);
	struct kvm_cpuid_policy p;
	unsigned int i, subs = 0;

	offer(&p, &host);
	assert_int_equal(leaf(0xd, 0)->eax, AVX512_XCR0 | PKRU_XCR0);
	assert_int_equal(leaf(0xd, 0)->ebx, 2696);
	assert_int_equal(leaf(0xd, 0)->ecx, 2696);
	assert_int_equal(leaf(0xd, 9)->eax, 8);
	/* the host could switch this one off with XFD, the guest cannot */
	assert_int_equal(leaf(0xd, 5)->ecx, 0);
	for (i = 0; i < nr_leaves; i++)
		subs += leaves[i].function == 0xd;
	/* 0, 1 and one a component: not AMX's, which the host has and the guest may not use */
	assert_int_equal(subs, 2 + 5);
}

static void test_order_flags_and_room(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX_XCR0);
	struct kvm_cpuid_leaf few[3];
	struct kvm_cpuid_policy p;
	unsigned int i;

	offer(&p, &host);
	for (i = 1; i < nr_leaves; i++) {
		const struct kvm_cpuid_leaf *a = &leaves[i - 1], *b = &leaves[i];

		assert_true(a->function < b->function ||
			    (a->function == b->function && a->index < b->index));
		/* an index counts if and only if the function has more than one, or is one whose index always does */
		if (a->function == b->function)
			assert_int_equal(a->flags & b->flags & KVM_CPUID_LEAF_INDEXED, 1);
	}
	assert_int_equal(leaf(1, 0)->flags, 0);
	assert_int_equal(leaf(7, 0)->flags, KVM_CPUID_LEAF_INDEXED);
	/* no APIC id, no number of processors */
	assert_int_equal(leaf(1, 0)->ebx >> 16, 0);
	assert_int_equal(leaf(0xb, 0)->flags, KVM_CPUID_LEAF_INDEXED);
	/* caches with their end */
	assert_int_equal(leaf(4, 2)->eax & 0x1f, 1);
	assert_int_equal(leaf(4, 3)->eax & 0x1f, 0);

	memset(few, 0x5a, sizeof(few));
	assert_int_equal(kvm_cpuid_policy_leaves(&p, &host, few, 2), nr_leaves);
	assert_int_equal(few[1].function, 1);
	assert_int_equal(few[2].function, 0x5a5a5a5a);
	/* 100 entries are room enough for the smallest VMMs */
	assert_in_range(nr_leaves, 40, 100);
}

static void test_vendors(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX_XCR0);
	struct kvm_cpuid_policy p;

	offer(&p, &host);
	assert_true(p.amd);
	/* AMD repeats features of function 1, with the emulated ones */
	assert_int_equal(leaf(EXT + 1, 0)->edx & 0x0183f3ff, leaf(1, 0)->edx & 0x0183f3ff);
	assert_true(leaf(EXT + 1, 0)->edx & 1u << 9);
	assert_int_equal(leaf(EXT, 0)->eax, EXT + 0x21);
	f.intel = true;
	offer(&p, &host);
	assert_false(p.amd);
	assert_int_equal(leaf(EXT + 1, 0)->edx & 0x0183f3ff & ~(1u << 11), 0);
}

static void test_backend_adjusts(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX_XCR0);
	struct kvm_cpuid_policy p;

	offer(&p, &host);
	kvm_cpuid_policy_set(&p, KVM_CPUID_VIRT_SSBD, true);
	kvm_cpuid_policy_set(&p, KVM_CPUID_PCID, false);
	kvm_cpuid_policy_settle(&p);
	nr_leaves = kvm_cpuid_policy_leaves(&p, &host, leaves, ARRAY_SIZE(leaves));
	assert_true(leaf(EXT + 8, 0)->ebx & 1u << 25);
	assert_false(leaf(1, 0)->ecx & 1u << 17);
	/* INVPCID is of no use without PCID */
	assert_false(leaf(7, 0)->ebx & 1u << 10);
}

static void test_signature(void **state)
{
	struct fake f = amd_host();
	struct kvm_cpuid_host host = host_of(&f, AVX_XCR0);
	struct kvm_cpuid_policy p;
	const struct kvm_cpuid_leaf *e;

	kvm_cpuid_policy_init(&p, &host);
	p.pv_features = 0x01000029;
	nr_leaves = kvm_cpuid_policy_leaves(&p, &host, leaves, ARRAY_SIZE(leaves));
	e = leaf(0x40000000, 0);
	assert_int_equal(e->eax, 0x40000001);
	assert_memory_equal(&e->ebx, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(leaf(0x40000001, 0)->eax, 0x01000029);
}

static void test_old_hosts(void **state)
{
	/* no extended functions at all, and no function 7 */
	struct fake f = { .max_basic = 2, .max_ext = 0, .fill = ~0u, .cleared = ~0u };
	struct kvm_cpuid_host host = host_of(&f, 0);
	struct kvm_cpuid_policy p;
	unsigned int i;

	offer(&p, &host);
	for (i = 0; i < nr_leaves; i++)
		assert_true(leaves[i].function <= 2 ||
			    (leaves[i].function & 0xfffffffe) == 0x40000000);
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_LM));
	assert_false(kvm_cpuid_policy_has(&p, KVM_CPUID_SMEP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bit_has_two_rows),
		cmocka_unit_test(test_what_needs_support_is_hidden),
		cmocka_unit_test(test_what_is_emulated_is_always_there),
		cmocka_unit_test(test_kernel_switches_features_off),
		cmocka_unit_test(test_never_more_than_the_host),
		cmocka_unit_test(test_features_fall_with_their_ground),
		cmocka_unit_test(test_xsave_sizes),
		cmocka_unit_test(test_leaf_d_describes_what_is_offered),
		cmocka_unit_test(test_order_flags_and_room),
		cmocka_unit_test(test_vendors),
		cmocka_unit_test(test_backend_adjusts),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_old_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
