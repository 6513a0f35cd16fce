// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended processor state: the guest's FPU image, which the kernel's own FPU code switches, and XCR0, IA32_XSS and PKRU,
 * which it does not.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/special_insns.h>

#include "cpuid.h"
#include "ioctl.h"
#include "regs.h"
#include "trace.h"
#include "xsave.h"

/* Components that a guest may use.  Not AMX, which needs XFD; not MPX, which no kernel switches any more. */
#define XCR0_POSSIBLE                                                                      \
	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | XFEATURE_MASK_OPMASK | \
	 XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM | XFEATURE_MASK_PKRU)

u64 kvm_host_xcr0;
u64 kvm_supported_xcr0;
u64 kvm_supported_xss;
static u64 host_xss;

int kvm_xsave_init(void)
{
	kvm_host_xcr0 = 0;
	kvm_supported_xcr0 = 0;
	/* No supervisor component can be given to a guest yet. */
	kvm_supported_xss = 0;
	host_xss = 0;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	kvm_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	kvm_supported_xcr0 = kvm_host_xcr0 & XCR0_POSSIBLE;
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl_safe(MSR_IA32_XSS, &host_xss);
	return 0;
}

/* ---------------------------------------------------------------- the guest's image */

int kvm_fpu_create(struct kvm_vcpu *vcpu)
{
	return fpu_alloc_guest_fpstate(&vcpu->arch.guest_fpu) ? 0 : -ENOMEM;
}

void kvm_fpu_destroy(struct kvm_vcpu *vcpu)
{
	fpu_free_guest_fpstate(&vcpu->arch.guest_fpu);
}

static struct fxregs_state *fxregs(struct kvm_vcpu *vcpu)
{
	return &vcpu->arch.guest_fpu.fpstate->regs.fxsave;
}

static struct xregs_state *xregs(struct kvm_vcpu *vcpu)
{
	return &vcpu->arch.guest_fpu.fpstate->regs.xsave;
}

/**
 * kvm_fpu_reset() - x87, SSE and the rest in their initial configuration
 * @vcpu: loaded
 * @init: INIT, which leaves them alone
 * Context: the guest's registers are not in hardware
 */
void kvm_fpu_reset(struct kvm_vcpu *vcpu, bool init)
{
	if (init)
		return;
	memset(fxregs(vcpu), 0, sizeof(struct fxregs_state));
	fxregs(vcpu)->cwd = 0x37f;
	fxregs(vcpu)->mxcsr = MXCSR_DEFAULT;
	/* Components that the header does not name are in their initial state. */
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		xregs(vcpu)->header.xfeatures = 0;
}

void kvm_fpu_load_guest(struct kvm_vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		vcpu->arch.host_pkru = read_pkru();
	fpu_swap_kvm_fpstate(&vcpu->arch.guest_fpu, true);
	trace_kvm_fpu(1);
}

void kvm_fpu_put_guest(struct kvm_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->arch.guest_fpu, false);
	trace_kvm_fpu(0);
}

/* ---------------------------------------------------------------- around the inner loop */

/*
 * None of these conditions looks at the guest's CR4: it can change while the guest's registers are in hardware.
 */
static bool switches_xcr0(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.xcr0 != kvm_host_xcr0 && guest_cpuid_has(vcpu, X86_FEATURE_XSAVE);
}

static bool switches_xss(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.msrs.xss != host_xss && guest_cpuid_has(vcpu, X86_FEATURE_XSAVES);
}

static bool switches_pkru(struct kvm_vcpu *vcpu)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE) && guest_cpuid_has(vcpu, X86_FEATURE_PKU);
}

void kvm_xsave_enter_guest(struct kvm_vcpu *vcpu)
{
	if (switches_xcr0(vcpu))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->arch.xcr0);
	if (switches_xss(vcpu))
		wrmsrl(MSR_IA32_XSS, vcpu->arch.msrs.xss);
	if (switches_pkru(vcpu) && vcpu->arch.pkru != vcpu->arch.host_pkru)
		wrpkru(vcpu->arch.pkru);
}

void kvm_xsave_leave_guest(struct kvm_vcpu *vcpu)
{
	if (switches_pkru(vcpu)) {
		vcpu->arch.pkru = rdpkru();
		if (vcpu->arch.pkru != vcpu->arch.host_pkru)
			wrpkru(vcpu->arch.host_pkru);
	}
	if (switches_xcr0(vcpu))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, kvm_host_xcr0);
	if (switches_xss(vcpu))
		wrmsrl(MSR_IA32_XSS, host_xss);
}

/* ---------------------------------------------------------------- XSETBV (SDM vol. 1, 13.3) */

static bool xcr0_ok(u64 xcr0, u64 supported)
{
	const u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM;

	if (!(xcr0 & XFEATURE_MASK_FP) || xcr0 & ~(supported | XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !(xcr0 & avx512) || ((xcr0 & avx512) == avx512 && xcr0 & XFEATURE_MASK_YMM);
}

int kvm_set_xcr(struct kvm_vcpu *vcpu, u32 index, u64 xcr)
{
	if (index != XCR_XFEATURE_ENABLED_MASK || !xcr0_ok(xcr, vcpu->arch.cpuid.xcr0_supported))
		return 1;
	if (xcr == vcpu->arch.xcr0)
		return 0;
	vcpu->arch.xcr0 = xcr;
	/* In the inner loop the guest's is in hardware and will not be loaded before the next entry. */
	if (irqs_disabled())
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr);
	kvm_cpuid_runtime_update(vcpu);
	return 0;
}

/* ---------------------------------------------------------------- ioctls */

/* struct kvm_fpu is the FXSAVE image under other names. */
#define FOR_EACH_FPU_FIELD(X) \
	X(fcw, cwd) X(fsw, swd) X(ftwx, twd) X(last_opcode, fop) X(last_ip, rip) X(last_dp, rdp)

long kvm_vcpu_get_fpu(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct fxregs_state *fx = fxregs(vcpu);
	struct kvm_fpu *fpu = arg.buf;

	BUILD_BUG_ON(sizeof(fpu->fpr) != sizeof(fx->st_space));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
#define X(abi, hw) fpu->abi = fx->hw;
	FOR_EACH_FPU_FIELD(X)
#undef X
	fpu->mxcsr = fx->mxcsr;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	return 0;
}

long kvm_vcpu_set_fpu(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_fpu *fpu = arg.buf;
	struct fxregs_state *fx = fxregs(vcpu);

	/* MXCSR stays: there are VMMs that leave it 0, which would unmask all exceptions. */
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
#define X(abi, hw) fx->hw = fpu->abi;
	FOR_EACH_FPU_FIELD(X)
#undef X
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		xregs(vcpu)->header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/* Components that the VMM gets to see. */
static u64 visible_features(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.cpuid.xcr0_supported | XFEATURE_MASK_FPSSE;
}

static long copy_xsave(struct kvm_vcpu *vcpu, void __user *user, unsigned int size)
{
	void *buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	long r = 0;

	if (!buf)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&vcpu->arch.guest_fpu, buf, size, visible_features(vcpu),
				       vcpu->arch.pkru);
	if (copy_to_user(user, buf, size))
		r = -EFAULT;
	kvfree(buf);
	return r;
}

long kvm_vcpu_get_xsave(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	/* What does not fit into 4 KiB needs KVM_GET_XSAVE2. */
	if (vcpu->arch.guest_fpu.uabi_size > sizeof(struct kvm_xsave))
		return -EINVAL;
	return copy_xsave(vcpu, arg.user, sizeof(struct kvm_xsave));
}

long kvm_vcpu_get_xsave2(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	return copy_xsave(vcpu, arg.user, vcpu->arch.guest_fpu.uabi_size);
}

long kvm_vcpu_set_xsave(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	void *buf = vmemdup_user(arg.user, vcpu->arch.guest_fpu.uabi_size);
	long r;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	r = fpu_copy_uabi_to_guest_fpstate(&vcpu->arch.guest_fpu, buf, kvm_supported_xcr0,
					   &vcpu->arch.pkru);
	kvfree(buf);
	return r;
}

/* Bytes that an image with these components takes in the standard format: CPUID leaf 0xd, one subleaf a component. */
static unsigned int standard_size(u64 components)
{
	unsigned int size = XSAVE_HDR_OFFSET + XSAVE_HDR_SIZE;
	u32 eax, ebx, ecx, edx;
	int i;

	for (i = XFEATURE_YMM; i < 63; i++) {
		if (!(components & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		size = max(size, ebx + eax);
	}
	return size;
}

int kvm_xsave2_size(struct kvm *kvm)
{
	/* The buffer of a guest is never smaller than struct kvm_xsave's. */
	return max_t(unsigned int,
		     standard_size(xstate_get_guest_group_perm() & kvm_supported_xcr0),
		     sizeof(struct kvm_xsave));
}

long kvm_vcpu_get_xcrs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_xcrs *xcrs = arg.buf;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->arch.xcr0;
	return 0;
}

long kvm_vcpu_set_xcrs(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_xcrs *xcrs = arg.buf;
	u32 i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE) || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++) {
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return kvm_set_xcr(vcpu, XCR_XFEATURE_ENABLED_MASK, xcrs->xcrs[i].value) ?
				       -EINVAL :
				       0;
	}
	return 0;
}
