// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine check: the registers of its banks, and errors that the VMM puts there.  SDM vol. 3B, 16.3; APM vol. 2, 9.3.
 */
#include <linux/nospec.h>
#include <asm/mce.h>

#include "events.h"
#include "ioctl.h"
#include "msr.h"
#include "regs.h"

#define MCE_CAP_SUPPORTED (MCG_CTL_P | MCG_SER_P)
/* Fields of MCG_CAP that say something about other bits: number of banks, of extended registers. */
#define MCE_CAP_COUNTS 0xff00ffULL
#define HWCR_MC_STATUS_WR_EN BIT_ULL(18)

/* Registers of a bank, in order */
enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGS };

static unsigned int nr_banks(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.msrs.mcg_cap & 0xff;
}

static u64 *bank_register(struct kvm_vcpu *vcpu, u32 index)
{
	u32 i = index - MSR_IA32_MC0_CTL;

	if (i >= nr_banks(vcpu) * BANK_REGS)
		return NULL;
	return &vcpu->arch.msrs.mce_banks[array_index_nospec(i, KVM_MAX_MCE_BANKS * BANK_REGS)];
}

int kvm_mce_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const struct kvm_vcpu_msrs *m = &vcpu->arch.msrs;
	const u64 *reg;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = m->mcg_cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = m->mcg_status;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(m->mcg_cap & MCG_CTL_P) && !host)
			return KVM_MSR_GP;
		*data = m->mcg_ctl;
		return 0;
	}
	reg = bank_register(vcpu, index);
	if (!reg)
		return KVM_MSR_GP;
	*data = *reg;
	return 0;
}

/*
 * A bank's control register takes all ones or 0.  Known kernels leave out one bit: Linux bit 10 of bank 4 on AMD (an
 * erratum of the K8), some UnixWare bit 0 of bank 1.
 */
static bool bank_ctl_ok(u64 data)
{
	return data == 0 || (data | BIT_ULL(10) | BIT_ULL(0)) == ~0ULL;
}

/* The guest clears a status; to write anything else an AMD processor wants HWCR[18]. */
static bool may_write_status(struct kvm_vcpu *vcpu, u64 data)
{
	return !data || (vcpu->arch.msrs.amd_hwcr & HWCR_MC_STATUS_WR_EN &&
			 vcpu->arch.cpuid.is_amd_compatible);
}

int kvm_mce_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 data, bool host)
{
	struct kvm_vcpu_msrs *m = &vcpu->arch.msrs;
	u64 *reg;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		return KVM_MSR_GP;
	case MSR_IA32_MCG_STATUS:
		m->mcg_status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(m->mcg_cap & MCG_CTL_P) && (data || !host))
			return KVM_MSR_GP;
		if (data != 0 && data != ~0ULL)
			return KVM_MSR_GP;
		m->mcg_ctl = data;
		return 0;
	}
	reg = bank_register(vcpu, index);
	if (!reg)
		return KVM_MSR_GP;
	switch ((index - MSR_IA32_MC0_CTL) % BANK_REGS) {
	case BANK_CTL:
		if (!bank_ctl_ok(data))
			return KVM_MSR_GP;
		break;
	case BANK_STATUS:
		if (!host && !may_write_status(vcpu, data))
			return KVM_MSR_GP;
		break;
	}
	*reg = data;
	return 0;
}

/* ---------------------------------------------------------------- ioctls */

long kvm_sys_get_mce_cap(struct file *filp, union kvm_ioctl_arg arg)
{
	*(u64 *)arg.buf = MCE_CAP_SUPPORTED;
	return 0;
}

long kvm_vcpu_setup_mce(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	struct kvm_vcpu_msrs *m = &vcpu->arch.msrs;
	u64 cap = *(u64 *)arg.buf;
	unsigned int banks = cap & 0xff, i;

	if (!banks || banks > KVM_MAX_MCE_BANKS || cap & ~(MCE_CAP_SUPPORTED | MCE_CAP_COUNTS))
		return -EINVAL;
	m->mcg_cap = cap;
	if (cap & MCG_CTL_P)
		m->mcg_ctl = ~0ULL;
	for (i = 0; i < banks; i++)
		m->mce_banks[i * BANK_REGS + BANK_CTL] = ~0ULL;
	return 0;
}

static void log_error(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 overflow = bank[BANK_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	bank[BANK_STATUS] = mce->status | overflow;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

long kvm_vcpu_set_mce(struct kvm_vcpu *vcpu, union kvm_ioctl_arg arg)
{
	const struct kvm_x86_mce *mce = arg.buf;
	struct kvm_vcpu_msrs *m = &vcpu->arch.msrs;
	u64 *bank;

	if (mce->bank >= nr_banks(vcpu) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &m->mce_banks[array_index_nospec(mce->bank, KVM_MAX_MCE_BANKS) * BANK_REGS];

	if (!(mce->status & MCI_STATUS_UC)) {
		/* A corrected error does not overwrite an uncorrected one. */
		if ((bank[BANK_STATUS] & MCI_STATUS_VAL) && (bank[BANK_STATUS] & MCI_STATUS_UC))
			bank[BANK_STATUS] |= MCI_STATUS_OVER;
		else
			log_error(bank, mce);
		return 0;
	}
	/* Reporting of uncorrected errors can be off, for all banks or for one. */
	if (((m->mcg_cap & MCG_CTL_P) && m->mcg_ctl != ~0ULL) || bank[BANK_CTL] != ~0ULL)
		return 0;
	/* An error while one is being handled, or that nobody can handle, shuts the processor down. */
	if ((m->mcg_status & MCG_STATUS_MCIP) || !(kvm_cr4_read(vcpu) & X86_CR4_MCE)) {
		kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		return 0;
	}
	log_error(bank, mce);
	m->mcg_status = mce->mcg_status;
	kvm_queue_exception(vcpu, X86_TRAP_MC);
	return 0;
}
