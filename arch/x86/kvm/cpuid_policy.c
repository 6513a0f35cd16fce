// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_SUPPORTED_CPUID's answer.  SDM vol. 2A, CPUID; APM vol. 3, appendix E.  Pure.
 */
#include "cpuid_policy.h"

#define SIG_BASE 0x40000000u
#define EXT_BASE 0x80000000u

/* Highest functions that are known here; what a later one means nobody has looked at. */
#define MAX_BASIC 0x1f
#define MAX_EXT 0x80000021u

/* 1.EDX bits that AMD's 0x80000001.EDX repeats */
#define AMD_COPIED_1_EDX 0x0183f3ffu

const struct kvm_cpuid_word_def kvm_cpuid_words[KVM_CPUID_NR_WORDS] = {
#define W(name, function, index, reg) [name] = { function, index, reg },
	KVM_CPUID_WORDS(W)
#undef W
};

const struct kvm_cpuid_row kvm_cpuid_rows[KVM_CPUID_NR_FEATURES] = {
#define F(name, word, bit, rule) [KVM_CPUID_##name] = { word, bit, RULE_##rule },
#define N F
#include "cpuid_features.def"
#undef N
#undef F
};

bool kvm_cpuid_vendor_is_amd(u32 ebx, u32 ecx, u32 edx)
{
	/* "AuthenticAMD", "HygonGenuine", EBX EDX ECX */
	return (ebx == 0x68747541 && edx == 0x69746e65 && ecx == 0x444d4163) ||
	       (ebx == 0x6f677948 && edx == 0x6e65476e && ecx == 0x656e6975);
}

static void host_cpuid(const struct kvm_cpuid_host *host, u32 function, u32 index,
		       struct kvm_cpuid_regs *regs)
{
	host->cpuid(host->ctx, function, index, regs);
}

/* Is @function within the range that @host says it has? */
static bool host_has_function(const struct kvm_cpuid_host *host, u32 function)
{
	struct kvm_cpuid_regs regs;
	u32 base = function & EXT_BASE;

	host_cpuid(host, base, 0, &regs);
	if (base && !(regs.r[CPUID_REG_EAX] & EXT_BASE))
		return false;
	return function <= regs.r[CPUID_REG_EAX];
}

static u32 host_word(const struct kvm_cpuid_host *host, const struct kvm_cpuid_word_def *def)
{
	struct kvm_cpuid_regs regs;

	if (!host_has_function(host, def->function))
		return 0;
	/* Function 7 tells in index 0 how many indices there are. */
	if (def->function == 7 && def->index) {
		host_cpuid(host, 7, 0, &regs);
		if (def->index > regs.r[CPUID_REG_EAX])
			return 0;
	}
	host_cpuid(host, def->function, def->index, &regs);
	return regs.r[def->reg];
}

void kvm_cpuid_policy_set(struct kvm_cpuid_policy *p, enum kvm_cpuid_feature f, bool on)
{
	u32 bit = 1u << kvm_cpuid_rows[f].bit;

	if (on)
		p->caps[kvm_cpuid_rows[f].word] |= bit;
	else
		p->caps[kvm_cpuid_rows[f].word] &= ~bit;
}

static bool rule_offers(enum kvm_cpuid_rule rule, bool raw, bool off, bool amd)
{
	switch (rule) {
	case RULE_HOST:
		return raw && !off;
	case RULE_RAW:
		return raw;
	case RULE_EMULATED:
		return true;
	case RULE_AMD:
		return raw || amd;
	default:
		return false;
	}
}

void kvm_cpuid_policy_init(struct kvm_cpuid_policy *p, const struct kvm_cpuid_host *host)
{
	struct kvm_cpuid_regs regs;
	u32 raw[KVM_CPUID_NR_WORDS];
	unsigned int i;

	memset(p, 0, sizeof(*p));
	host_cpuid(host, 0, 0, &regs);
	p->amd = kvm_cpuid_vendor_is_amd(regs.r[CPUID_REG_EBX], regs.r[CPUID_REG_ECX],
					 regs.r[CPUID_REG_EDX]);
	p->xcr0 = host->xcr0;
	p->xss = host->xss;

	for (i = 0; i < KVM_CPUID_NR_WORDS; i++)
		raw[i] = host_word(host, &kvm_cpuid_words[i]);

	for (i = 0; i < KVM_CPUID_NR_FEATURES; i++) {
		const struct kvm_cpuid_row *row = &kvm_cpuid_rows[i];
		bool off = host->off[i / 32] & (1u << (i % 32));
		u32 bit = 1u << row->bit;

		if (row->rule == RULE_VMM)
			p->vmm[row->word] |= bit;
		else if (rule_offers(row->rule, raw[row->word] & bit, off, p->amd))
			p->caps[row->word] |= bit;
	}
	kvm_cpuid_policy_settle(p);
}

static const struct {
	u16 feature;
	u16 ground;
} dependencies[] = {
	{ KVM_CPUID_XSAVEOPT, KVM_CPUID_XSAVE },
	{ KVM_CPUID_XSAVEC, KVM_CPUID_XSAVE },
	{ KVM_CPUID_XGETBV1, KVM_CPUID_XSAVE },
	{ KVM_CPUID_XSAVES, KVM_CPUID_XSAVEC },
	{ KVM_CPUID_AVX, KVM_CPUID_XSAVE },
	{ KVM_CPUID_PKU, KVM_CPUID_XSAVE },
	{ KVM_CPUID_FMA, KVM_CPUID_AVX },
	{ KVM_CPUID_F16C, KVM_CPUID_AVX },
	{ KVM_CPUID_FMA4, KVM_CPUID_AVX },
	{ KVM_CPUID_XOP, KVM_CPUID_AVX },
	{ KVM_CPUID_AVX2, KVM_CPUID_AVX },
	{ KVM_CPUID_VAES, KVM_CPUID_AVX },
	{ KVM_CPUID_VPCLMULQDQ, KVM_CPUID_AVX },
	{ KVM_CPUID_AVX_VNNI, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX_IFMA, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX_VNNI_INT8, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX_VNNI_INT16, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX_NE_CONVERT, KVM_CPUID_AVX2 },
	{ KVM_CPUID_SHA512, KVM_CPUID_AVX2 },
	{ KVM_CPUID_SM3, KVM_CPUID_AVX },
	{ KVM_CPUID_SM4, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX512F, KVM_CPUID_AVX2 },
	{ KVM_CPUID_AVX512DQ, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512IFMA, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512PF, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512ER, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512CD, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512BW, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512VL, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512VBMI, KVM_CPUID_AVX512BW },
	{ KVM_CPUID_AVX512_VBMI2, KVM_CPUID_AVX512VL },
	{ KVM_CPUID_AVX512_VNNI, KVM_CPUID_AVX512VL },
	{ KVM_CPUID_AVX512_BITALG, KVM_CPUID_AVX512VL },
	{ KVM_CPUID_AVX512_VPOPCNTDQ, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512_4VNNIW, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512_4FMAPS, KVM_CPUID_AVX512F },
	{ KVM_CPUID_AVX512_VP2INTERSECT, KVM_CPUID_AVX512VL },
	{ KVM_CPUID_AVX512_BF16, KVM_CPUID_AVX512VL },
	{ KVM_CPUID_AVX512_FP16, KVM_CPUID_AVX512BW },
	{ KVM_CPUID_INVPCID, KVM_CPUID_PCID },
};

#define XCR0_X87_SSE 0x3u
#define XCR0_AVX 0x4u
#define XCR0_AVX512 0xe0u
#define XCR0_PKRU 0x200u

static const struct {
	u16 feature;
	u32 xcr0;
} state_needed[] = {
	{ KVM_CPUID_XSAVE, XCR0_X87_SSE },
	{ KVM_CPUID_AVX, XCR0_AVX },
	{ KVM_CPUID_AVX512F, XCR0_AVX512 },
	{ KVM_CPUID_PKU, XCR0_PKRU },
};

void kvm_cpuid_policy_settle(struct kvm_cpuid_policy *p)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(state_needed); i++)
		if ((p->xcr0 & state_needed[i].xcr0) != state_needed[i].xcr0)
			kvm_cpuid_policy_set(p, (enum kvm_cpuid_feature)state_needed[i].feature,
					     false);

	for (i = 0; i < ARRAY_SIZE(dependencies); i++)
		if (!kvm_cpuid_policy_has(p, (enum kvm_cpuid_feature)dependencies[i].ground))
			kvm_cpuid_policy_set(p, (enum kvm_cpuid_feature)dependencies[i].feature,
					     false);

	/* and the other way round: no state without the instructions that use it */
	if (!kvm_cpuid_policy_has(p, KVM_CPUID_XSAVE))
		p->xcr0 = 0;
	if (!kvm_cpuid_policy_has(p, KVM_CPUID_AVX))
		p->xcr0 &= ~(u64)(XCR0_AVX | XCR0_AVX512);
	if (!kvm_cpuid_policy_has(p, KVM_CPUID_AVX512F))
		p->xcr0 &= ~(u64)XCR0_AVX512;
	if (!kvm_cpuid_policy_has(p, KVM_CPUID_PKU))
		p->xcr0 &= ~(u64)XCR0_PKRU;
	if (!kvm_cpuid_policy_has(p, KVM_CPUID_XSAVES))
		p->xss = 0;
}

u32 kvm_xsave_size(const struct kvm_cpuid_regs sizes[64], u64 features, bool compacted)
{
	u32 end = 512 + 64; /* legacy area and header */
	unsigned int i;

	for (i = 2; i < 63; i++) {
		const struct kvm_cpuid_regs *c = &sizes[i];
		u32 start;

		if (!(features & BIT_ULL(i)))
			continue;
		if (!compacted) {
			end = max(end, c->r[CPUID_REG_EBX] + c->r[CPUID_REG_EAX]);
			continue;
		}
		start = c->r[CPUID_REG_ECX] & 2 ? (end + 63) & ~63u : end;
		end = start + c->r[CPUID_REG_EAX];
	}
	return end;
}

/* ---------------------------------------------------------------- leaves */

struct builder {
	const struct kvm_cpuid_policy *p;
	const struct kvm_cpuid_host *host;
	struct kvm_cpuid_leaf *out;
	unsigned int max;
	unsigned int nr;
	u32 max_ext;
};

static void add(struct builder *b, u32 function, u32 index, bool indexed,
		const struct kvm_cpuid_regs *regs)
{
	if (b->nr < b->max) {
		struct kvm_cpuid_leaf *e = &b->out[b->nr];

		memset(e, 0, sizeof(*e));
		e->function = function;
		e->index = index;
		e->flags = indexed ? KVM_CPUID_LEAF_INDEXED : 0;
		e->eax = regs->r[CPUID_REG_EAX];
		e->ebx = regs->r[CPUID_REG_EBX];
		e->ecx = regs->r[CPUID_REG_ECX];
		e->edx = regs->r[CPUID_REG_EDX];
	}
	b->nr++;
}

static void leaf_zero(struct builder *b, u32 function)
{
	const struct kvm_cpuid_regs zero = {};

	add(b, function, 0, false, &zero);
}

/* Kinds of leaves that are the host's as they stand. */
static void leaf_host(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;

	host_cpuid(b->host, function, 0, &regs);
	add(b, function, 0, false, &regs);
}

static void leaf_0(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;

	host_cpuid(b->host, 0, 0, &regs);
	regs.r[CPUID_REG_EAX] = min(regs.r[CPUID_REG_EAX], (u32)MAX_BASIC);
	add(b, function, 0, false, &regs);
}

static void leaf_1(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;

	host_cpuid(b->host, 1, 0, &regs);
	/* brand and CLFLUSH size; the APIC id and the number of processors are the VMM's to say */
	regs.r[CPUID_REG_EBX] &= 0xffff;
	regs.r[CPUID_REG_ECX] = b->p->caps[W_1_ECX];
	regs.r[CPUID_REG_EDX] = b->p->caps[W_1_EDX];
	add(b, function, 0, false, &regs);
}

/* Caches (4 of Intel's, 0x8000001D of AMD's): indices until type 0, which is given too. */
static void leaf_caches(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;
	u32 i;

	for (i = 0; i < 32; i++) {
		host_cpuid(b->host, function, i, &regs);
		add(b, function, i, true, &regs);
		if (!(regs.r[CPUID_REG_EAX] & 0x1f))
			break;
	}
}

static void leaf_6(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs = {};

	regs.r[CPUID_REG_EAX] = b->p->caps[W_6_EAX];
	add(b, function, 0, false, &regs);
}

static void leaf_7(struct builder *b, u32 function)
{
	const u32 *caps = b->p->caps;
	struct kvm_cpuid_regs sub[3] = {};
	u32 i, last = 0;

	sub[0].r[CPUID_REG_EBX] = caps[W_7_0_EBX];
	sub[0].r[CPUID_REG_ECX] = caps[W_7_0_ECX];
	sub[0].r[CPUID_REG_EDX] = caps[W_7_0_EDX];
	sub[1].r[CPUID_REG_EAX] = caps[W_7_1_EAX];
	sub[1].r[CPUID_REG_EDX] = caps[W_7_1_EDX];
	sub[2].r[CPUID_REG_EDX] = caps[W_7_2_EDX];
	if (caps[W_7_1_EAX] || caps[W_7_1_EDX])
		last = 1;
	if (caps[W_7_2_EDX])
		last = 2;
	sub[0].r[CPUID_REG_EAX] = last;
	for (i = 0; i <= last; i++)
		add(b, function, i, true, &sub[i]);
}

/* Topology is the VMM's. */
static void leaf_topology(struct builder *b, u32 function)
{
	const struct kvm_cpuid_regs zero = {};

	add(b, function, 0, true, &zero);
}

static void leaf_d(struct builder *b, u32 function)
{
	u64 all = b->p->xcr0 | b->p->xss;
	struct kvm_cpuid_regs c[64] = {};
	struct kvm_cpuid_regs regs = {};
	unsigned int i;

	if (!b->p->xcr0) {
		add(b, function, 0, true, &regs);
		return;
	}
	for (i = 2; i < 63; i++)
		if (all & BIT_ULL(i))
			host_cpuid(b->host, function, i, &c[i]);

	regs.r[CPUID_REG_EAX] = (u32)b->p->xcr0;
	regs.r[CPUID_REG_EDX] = (u32)(b->p->xcr0 >> 32);
	regs.r[CPUID_REG_EBX] = kvm_xsave_size(c, b->p->xcr0, false);
	regs.r[CPUID_REG_ECX] = regs.r[CPUID_REG_EBX];
	add(b, function, 0, true, &regs);

	memset(&regs, 0, sizeof(regs));
	regs.r[CPUID_REG_EAX] = b->p->caps[W_D_1_EAX];
	if (kvm_cpuid_policy_has(b->p, KVM_CPUID_XSAVEC)) {
		regs.r[CPUID_REG_EBX] = kvm_xsave_size(c, all, true);
		regs.r[CPUID_REG_ECX] = (u32)b->p->xss;
		regs.r[CPUID_REG_EDX] = (u32)(b->p->xss >> 32);
	}
	add(b, function, 1, true, &regs);

	for (i = 2; i < 63; i++) {
		if (!(all & BIT_ULL(i)))
			continue;
		/* no XFD: no component can be switched off */
		c[i].r[CPUID_REG_ECX] &= 3;
		c[i].r[CPUID_REG_EDX] = 0;
		add(b, function, i, true, &c[i]);
	}
}

static void leaf_ext_0(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;

	host_cpuid(b->host, function, 0, &regs);
	regs.r[CPUID_REG_EAX] = b->max_ext;
	add(b, function, 0, false, &regs);
}

static void leaf_ext_1(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs;

	host_cpuid(b->host, function, 0, &regs);
	regs.r[CPUID_REG_ECX] = b->p->caps[W_81_ECX];
	regs.r[CPUID_REG_EDX] = b->p->caps[W_81_EDX];
	if (b->p->amd)
		regs.r[CPUID_REG_EDX] |= b->p->caps[W_1_EDX] & AMD_COPIED_1_EDX;
	else
		regs.r[CPUID_REG_EBX] = 0;
	add(b, function, 0, false, &regs);
}

static void leaf_ext_7(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs = {};

	regs.r[CPUID_REG_EDX] = b->p->caps[W_87_EDX];
	add(b, function, 0, false, &regs);
}

static void leaf_ext_8(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs host, regs = {};

	host_cpuid(b->host, function, 0, &host);
	/* Physical and linear width; then, for firmware that places devices high up, what the tables reach of the first. */
	regs.r[CPUID_REG_EAX] = (host.r[CPUID_REG_EAX] & 0xffff) |
				min_t(u32, host.r[CPUID_REG_EAX] & 0xff, b->host->guest_phys_bits)
					<< 16;
	regs.r[CPUID_REG_EBX] = b->p->caps[W_88_EBX];
	add(b, function, 0, false, &regs);
}

static void leaf_ext_1d(struct builder *b, u32 function)
{
	if (b->p->amd)
		leaf_caches(b, function);
	else
		leaf_zero(b, function);
}

static void leaf_ext_21(struct builder *b, u32 function)
{
	struct kvm_cpuid_regs regs = {};

	regs.r[CPUID_REG_EAX] = b->p->caps[W_821_EAX];
	add(b, function, 0, false, &regs);
}

/* Functions without a line here have nothing to say: all zero. */
static const struct {
	u32 function;
	void (*fill)(struct builder *b, u32 function);
} makers[] = {
	{ 0x0, leaf_0 },
	{ 0x1, leaf_1 },
	{ 0x2, leaf_host }, /* cache and TLB descriptors */
	{ 0x4, leaf_caches },
	{ 0x6, leaf_6 },
	{ 0x7, leaf_7 },
	{ 0xb, leaf_topology },
	{ 0xd, leaf_d },
	{ 0x1f, leaf_topology },
	{ EXT_BASE + 0x0, leaf_ext_0 },
	{ EXT_BASE + 0x1, leaf_ext_1 },
	{ EXT_BASE + 0x2, leaf_host }, /* the processor's name */
	{ EXT_BASE + 0x3, leaf_host },
	{ EXT_BASE + 0x4, leaf_host },
	{ EXT_BASE + 0x5, leaf_host }, /* L1 caches and TLBs */
	{ EXT_BASE + 0x6, leaf_host }, /* L2, L3 */
	{ EXT_BASE + 0x7, leaf_ext_7 },
	{ EXT_BASE + 0x8, leaf_ext_8 },
	{ EXT_BASE + 0x19, leaf_host }, /* TLBs of 1 GiB pages */
	{ EXT_BASE + 0x1a, leaf_host }, /* performance optimization hints */
	{ EXT_BASE + 0x1d, leaf_ext_1d },
	{ EXT_BASE + 0x21, leaf_ext_21 },
};

static void add_function(struct builder *b, u32 function)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(makers); i++) {
		if (makers[i].function == function) {
			makers[i].fill(b, function);
			return;
		}
	}
	leaf_zero(b, function);
}

static void add_pv(struct builder *b)
{
	/* "KVMKVMKVM", zero-filled */
	const struct kvm_cpuid_regs sig = { { SIG_BASE + 1, 0x4b4d564b, 0x564b4d56, 0x0000004d } };
	struct kvm_cpuid_regs features = {};

	features.r[CPUID_REG_EAX] = b->p->pv_features;
	add(b, SIG_BASE, 0, false, &sig);
	add(b, SIG_BASE + 1, 0, false, &features);
}

unsigned int kvm_cpuid_policy_leaves(const struct kvm_cpuid_policy *p,
				     const struct kvm_cpuid_host *host, struct kvm_cpuid_leaf *out,
				     unsigned int max)
{
	struct builder b = { .p = p, .host = host, .out = out, .max = max };
	struct kvm_cpuid_regs regs;
	u32 f, last;

	host_cpuid(host, 0, 0, &regs);
	last = min(regs.r[CPUID_REG_EAX], (u32)MAX_BASIC);
	for (f = 0; f <= last; f++)
		add_function(&b, f);

	add_pv(&b);

	host_cpuid(host, EXT_BASE, 0, &regs);
	if (regs.r[CPUID_REG_EAX] & EXT_BASE) {
		b.max_ext = min(regs.r[CPUID_REG_EAX], MAX_EXT);
		for (f = EXT_BASE; f <= b.max_ext; f++)
			add_function(&b, f);
	}
	return b.nr;
}
