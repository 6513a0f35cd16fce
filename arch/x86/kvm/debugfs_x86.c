// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86's files in a vCPU's debugfs folder.
 */
#include <linux/seq_file.h>

#include "arch.h"
#include "backend.h"
#include "flight.h"
#include "irqchip/lapic.h"

static int guest_mode_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	seq_printf(m, "%llu\n", READ_ONCE(vcpu->stat.guest_mode));
	return 0;
}

static int tsc_offset_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	seq_printf(m, "%lld\n", (s64)READ_ONCE(vcpu->arch.clock.tsc_offset));
	return 0;
}

static bool has_lapic(struct kvm_vcpu *vcpu)
{
	return kvm_lapic_in_kernel(vcpu);
}

/* How much before its deadline the timer fires. */
static int timer_advance_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	seq_printf(m, "%u\n", READ_ONCE(vcpu->arch.apic->advance_ns));
	return 0;
}

static bool has_scaling(struct kvm_vcpu *vcpu)
{
	return kvm_backend.caps.has_tsc_scaling;
}

static int ratio_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	seq_printf(m, "%llu\n",
		   READ_ONCE(vcpu->arch.clock.tsc_ratio) ?:
			   1ULL << kvm_backend.caps.tsc_ratio_frac_bits);
	return 0;
}

static int frac_bits_show(struct seq_file *m, struct kvm_vcpu *vcpu)
{
	seq_printf(m, "%u\n", kvm_backend.caps.tsc_ratio_frac_bits);
	return 0;
}

const struct kvm_vcpu_file kvm_arch_vcpu_files[] = {
	{ "guest_mode", 0444, NULL, guest_mode_show },
	{ "tsc-offset", 0444, NULL, tsc_offset_show },
	{ "lapic_timer_advance_ns", 0444, has_lapic, timer_advance_show },
	{ "tsc-scaling-ratio", 0444, has_scaling, ratio_show },
	{ "tsc-scaling-ratio-frac-bits", 0444, has_scaling, frac_bits_show },
	/* What the guest does: for root only, whatever debugfs was mounted with. */
	{ "exit_costs", 0400, NULL, kvm_exit_costs_show },
	{ "flight", 0400, NULL, kvm_flight_show },
	{}
};
