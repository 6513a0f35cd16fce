// SPDX-License-Identifier: GPL-2.0-only
/* Floating point and vector state: KVM_GET/SET_FPU, KVM_GET/SET_XSAVE(2), and what the guest keeps across exits. */
#include <stdlib.h>

#include "vm.h"

static u32 want_mxcsr = 0x3f80;

static void use(u64 unused)
{
	u32 xmm[4] __attribute__((aligned(16)));
	u16 cw, sw;
	u64 st;
	u32 mxcsr = 0x3f80;

	/* State that was never used may be left out of what is set. */
	asm volatile("fninit; fldpi; fstp %%st(0); ldmxcsr %0; pcmpeqd %%xmm0, %%xmm0"
		     :
		     : "m"(mxcsr)
		     : "memory");
	guest_sync(0);
	/* What the program set */
	asm volatile("movaps %%xmm3, %0" : "=m"(xmm));
	G_ASSERT_EQ(xmm[0], 0x33333333);
	G_ASSERT_EQ(xmm[3], 0x36363636);
	asm volatile("movaps %%xmm15, %0" : "=m"(xmm));
	G_ASSERT_EQ(xmm[1], 0xf1f1f1f1);
	asm volatile("fnstcw %0; fnstsw %1" : "=m"(cw), "=m"(sw));
	G_ASSERT_EQ(cw, 0x27f);
	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	G_ASSERT_EQ(mxcsr, want_mxcsr);
	/* What the program is to see */
	asm volatile("fninit; fldpi; fld1; pcmpeqd %%xmm5, %%xmm5" : : : "memory");
	guest_sync(1);
	/* And still there after the exit */
	asm volatile("movaps %%xmm5, %0; fistpll %1" : "=m"(xmm), "=m"(st));
	G_ASSERT_EQ(xmm[2], 0xffffffff);
	G_ASSERT_EQ(st, 1);
	asm volatile("fistpll %0" : "=m"(st));
	G_ASSERT_EQ(st, 3);
	guest_sync(2);
}

CASE(fpu, "KVM_SET_FPU reaches the guest, KVM_GET_FPU shows what it did")
{
	struct vcpu *cpu = vm_with(0, use, 0);
	struct kvm_fpu f;

	vcpu_expect_sync(cpu, 0);
	OK(ioctl(cpu->fd, KVM_GET_FPU, &f));
	CHECK_EQ(f.fcw, 0x37f);
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 16; j++)
			f.xmm[i][j] = i << 4 | (i + j / 4);
	for (int j = 0; j < 16; j++) {
		f.xmm[3][j] = 0x33 + j / 4;
		f.xmm[15][j] = 0xf0 + j / 4;
	}
	f.fcw = 0x27f;
	/* Not taken: there are programs that leave it 0. */
	f.mxcsr = 0;
	OK(ioctl(cpu->fd, KVM_SET_FPU, &f));
	vcpu_expect_sync(cpu, 1);
	memset(&f, 0, sizeof(f));
	OK(ioctl(cpu->fd, KVM_GET_FPU, &f));
	for (int j = 0; j < 16; j++) {
		CHECK_EQ(f.xmm[5][j], 0xff);
		CHECK_EQ(f.xmm[3][j], 0x33 + j / 4);
	}
	/* Two values on the stack: top at 6, tags of registers 6 and 7 */
	CHECK_EQ(f.fsw >> 11 & 7, 6);
	CHECK_EQ(f.ftwx, 0xc0);
	CHECK(!memcmp(f.fpr[0], "\0\0\0\0\0\0\0\x80\xff\x3f", 10));
	vcpu_expect_sync(cpu, 2);
}

CASE(xsave,
     "KVM_GET_XSAVE shows the same, in the format of XSAVE; what it gives KVM_SET_XSAVE takes")
{
	struct vcpu *cpu = vm_with(0, use, 0);
	static struct kvm_xsave x;
	struct kvm_fpu f;

	vcpu_expect_sync(cpu, 0);
	OK(ioctl(cpu->fd, KVM_GET_FPU, &f));
	memset(f.xmm[3], 0x33, 4);
	memset(f.xmm[3] + 12, 0x36, 4);
	memset(f.xmm[15] + 4, 0xf1, 4);
	f.fcw = 0x27f;
	OK(ioctl(cpu->fd, KVM_SET_FPU, &f));
	OK(ioctl(cpu->fd, KVM_GET_XSAVE, &x));
	CHECK_EQ(x.region[0] & 0xffff, 0x27f);
	CHECK_EQ(x.region[6], 0x3f80);
	CHECK_EQ(x.region[40 + 3 * 4], 0x33333333);
	CHECK_EQ(x.region[128] & 3, 3); /* XSTATE_BV */
	x.region[6] = want_mxcsr = 0x9f80;
	OK(ioctl(cpu->fd, KVM_SET_XSAVE, &x));
	vcpu_expect_sync(cpu, 1);
	OK(ioctl(cpu->fd, KVM_GET_XSAVE, &x));
	CHECK_EQ(x.region[40 + 5 * 4], 0xffffffff);
	x.region[40 + 5 * 4 + 2] = 0xffffffff;
	OK(ioctl(cpu->fd, KVM_SET_XSAVE, &x));
	vcpu_expect_sync(cpu, 2);
}

CASE(xsave_bad, "reserved bits of MXCSR or of the state mask are refused with EINVAL")
{
	struct vcpu *cpu = vm_with(0, use, 0);
	static struct kvm_xsave x, bad;

	vcpu_expect_sync(cpu, 0);
	OK(ioctl(cpu->fd, KVM_GET_XSAVE, &x));
	CHECK_EQ(x.region[128] & 3, 3);
	bad = x;
	bad.region[129] |= 1U << 30; /* XSTATE_BV bit 62 */
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XSAVE, &bad), EINVAL);
	bad = x;
	bad.region[6] |= 1U << 31;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XSAVE, &bad), EINVAL);
	OK(ioctl(cpu->fd, KVM_SET_XSAVE, &x));
}

CASE(xsave2, "KVM_GET_XSAVE2 gives as many bytes as the capability says")
{
	struct vcpu *cpu = vm_with(0, use, 0);
	int size = NEED(cpu->vm->fd, KVM_CAP_XSAVE2);
	struct kvm_xsave *x = calloc(1, size + 64);

	CHECK(size >= 4096);
	memset((u8 *)x + size, 0xa5, 64);
	OK(ioctl(cpu->fd, KVM_GET_XSAVE2, x));
	for (int i = 0; i < 64; i++)
		CHECK_EQ(((u8 *)x)[size + i], 0xa5);
	CHECK_EQ(x->region[0] & 0xffff, 0x37f);
	OK(ioctl(cpu->fd, KVM_SET_XSAVE, x));
}

CASE(xcrs, "XCR0 is 1 at first, can be set to what is supported, and refuses the rest")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_xcrs x = { 0 };

	if (!cpu_has_xsave())
		SKIP("no XSAVE");
	NEED(vm->kvm, KVM_CAP_XCRS);
	OK(ioctl(cpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.xcrs[0].xcr, 0);
	CHECK_EQ(x.xcrs[0].value, 1);
	x.xcrs[0].value = 3;
	OK(ioctl(cpu->fd, KVM_SET_XCRS, &x));
	OK(ioctl(cpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.xcrs[0].value, 3);
	x.xcrs[0].value = 2; /* SSE without x87 */
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XCRS, &x), EINVAL);
	x.xcrs[0].value = BIT(62) | 3;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XCRS, &x), EINVAL);
	x.xcrs[0].value = 5; /* AVX without SSE */
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XCRS, &x), EINVAL);
	x.xcrs[0].value = 3;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XCRS, &x), EINVAL);
	x.nr_xcrs = 1;
	x.flags = 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_XCRS, &x), EINVAL);
	OK(ioctl(cpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.xcrs[0].value, 3);
}

static u8 ymm[32] __attribute__((aligned(32)));

static void avx(u64 unused)
{
	u64 vector;

	write_cr4(read_cr4() | CR4_OSXSAVE);
	vector = CATCH("xsetbv", : : "c"(0), "a"(7), "d"(0));
	G_ASSERT_EQ(vector, NO_VECTOR);
	asm volatile("xgetbv" : "=a"(vector) : "c"(0) : "edx");
	G_ASSERT_EQ(vector, 7);
	asm volatile("vmovdqa %0, %%ymm7" : : "m"(ymm));
	guest_sync(1);
	memset(ymm, 0, 32);
	asm volatile("vmovdqa %%ymm7, %0" : "=m"(ymm));
	G_ASSERT_EQ(ymm[31], 32);
	G_ASSERT_EQ(CATCH("xsetbv", : : "c"(0), "a"(0), "d"(0)), 13);
	G_ASSERT_EQ(CATCH("xsetbv", : : "c"(0), "a"(2), "d"(0)), 13);
	G_ASSERT_EQ(CATCH("xsetbv", : : "c"(1), "a"(1), "d"(0)), 13);
	G_ASSERT_EQ(CATCH("xsetbv", : : "c"(0), "a"(3), "d"(0x40000000)), 13);
	guest_sync(2);
}

CASE(guest_avx, "the upper halves of the YMM registers are kept across exits and shown")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, avx, 0);
	static struct kvm_xsave x;
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *d = cpuid_find(s, 0xd, 2);

	if (!(cpuid_find(s, 1, 0)->ecx & BIT(28)) || !d)
		SKIP("no AVX");
	for (int i = 0; i < 32; i++)
		ymm[i] = i + 1;
	vcpu_expect_sync(cpu, 1);
	/* The program's own vector registers change meanwhile. */
	asm volatile("pcmpeqd %%xmm7, %%xmm7" : : : "xmm7");
	OK(ioctl(cpu->fd, KVM_GET_XSAVE, &x));
	CHECK(x.region[128] & 4);
	CHECK_EQ(((u8 *)&x)[d->ebx + 7 * 16 + 15], 32);
	vcpu_expect_sync(cpu, 2);
}

static void no_fpu(u64 unused)
{
	write_cr0(read_cr0() | CR0_TS);
	G_ASSERT_EQ(CATCH("fld1", : :), 7);
	G_ASSERT_EQ(CATCH("pcmpeqd %%xmm0, %%xmm0", : :), 7);
	asm volatile("clts");
	G_ASSERT_EQ(CATCH("fld1; fstp %%st(0)", : :), NO_VECTOR);
	write_cr0(read_cr0() | CR0_EM);
	G_ASSERT_EQ(CATCH("fld1", : :), 7);
	G_ASSERT_EQ(CATCH("pcmpeqd %%xmm0, %%xmm0", : :), 6);
	write_cr0(read_cr0() & ~CR0_EM);
	write_cr4(read_cr4() & ~CR4_OSFXSR);
	G_ASSERT_EQ(CATCH("movaps %%xmm0, %%xmm1", : :), 6);
	write_cr4(read_cr4() | CR4_OSFXSR);
}

CASE(device_not_available, "CR0.TS and CR0.EM raise #NM and #UD, CLTS ends it")
{
	vcpu_expect_done(vm_with(0, no_fpu, 0));
}

static void dirty(u64 value)
{
	u64 seen;

	asm volatile("movq %0, %%xmm9" : : "r"(value));
	for (int i = 0; i < 50; i++) {
		guest_sync(value);
		asm volatile("movq %%xmm9, %0" : "=r"(seen));
		G_ASSERT_EQ(seen, value);
	}
}

CASE(two, "two vCPUs in turn keep their own registers")
{
	struct vm *vm = vm_new(0);
	struct vcpu *a = vcpu_new(vm, dirty, 0x1111), *b = vcpu_new(vm, dirty, 0x2222);

	for (int i = 0; i < 50; i++) {
		vcpu_expect_sync(a, 0x1111);
		vcpu_expect_sync(b, 0x2222);
	}
	vcpu_expect_done(a);
	vcpu_expect_done(b);
}
