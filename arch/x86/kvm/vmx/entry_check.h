/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why the processor refused to enter a VMCS.  Pure.
 *
 * An entry that fails says hardly more than "invalid controls", "invalid host state" or "invalid guest state".  This says
 * which field breaks which rule of SDM vol. 3C, 27.2 (controls and host) and 27.3 (guest); chapter 26 in older editions.
 */
#ifndef KVM_VMX_ENTRY_CHECK_H
#define KVM_VMX_ENTRY_CHECK_H

#include "../pure.h"

/*
 * FIELD(member, encoding): what is looked at, one row a VMCS field.  The encodings are <asm/vmx.h>'s and only matter to
 * who fills the structure in; a field that the processor does not have is 0.
 */
/* clang-format off */
#define VMX_ENTRY_CONTROL_FIELDS(FIELD)						\
	FIELD(pin, PIN_BASED_VM_EXEC_CONTROL)					\
	FIELD(cpu, CPU_BASED_VM_EXEC_CONTROL)					\
	FIELD(cpu2, SECONDARY_VM_EXEC_CONTROL)					\
	FIELD(cpu3, TERTIARY_VM_EXEC_CONTROL)					\
	FIELD(exit, VM_EXIT_CONTROLS)						\
	FIELD(entry, VM_ENTRY_CONTROLS)						\
	FIELD(cr3_target_count, CR3_TARGET_COUNT)				\
	FIELD(io_bitmap_a, IO_BITMAP_A)						\
	FIELD(io_bitmap_b, IO_BITMAP_B)						\
	FIELD(msr_bitmap, MSR_BITMAP)						\
	FIELD(tpr_threshold, TPR_THRESHOLD)					\
	FIELD(vapic_page, VIRTUAL_APIC_PAGE_ADDR)				\
	FIELD(apic_access, APIC_ACCESS_ADDR)					\
	FIELD(pi_vector, POSTED_INTR_NV)					\
	FIELD(pi_desc, POSTED_INTR_DESC_ADDR)					\
	FIELD(vpid, VIRTUAL_PROCESSOR_ID)					\
	FIELD(eptp, EPT_POINTER)						\
	FIELD(pml, PML_ADDRESS)							\
	FIELD(vmfunc, VM_FUNCTION_CONTROL)					\
	FIELD(eptp_list, EPTP_LIST_ADDRESS)					\
	FIELD(vmread_bitmap, VMREAD_BITMAP)					\
	FIELD(vmwrite_bitmap, VMWRITE_BITMAP)					\
	FIELD(ve_info, VE_INFORMATION_ADDRESS)					\
	FIELD(tsc_multiplier, TSC_MULTIPLIER)					\
	FIELD(exit_store_count, VM_EXIT_MSR_STORE_COUNT)			\
	FIELD(exit_store, VM_EXIT_MSR_STORE_ADDR)				\
	FIELD(exit_load_count, VM_EXIT_MSR_LOAD_COUNT)				\
	FIELD(exit_load, VM_EXIT_MSR_LOAD_ADDR)					\
	FIELD(entry_load_count, VM_ENTRY_MSR_LOAD_COUNT)			\
	FIELD(entry_load, VM_ENTRY_MSR_LOAD_ADDR)				\
	FIELD(intr_info, VM_ENTRY_INTR_INFO_FIELD)				\
	FIELD(intr_error, VM_ENTRY_EXCEPTION_ERROR_CODE)			\
	FIELD(insn_len, VM_ENTRY_INSTRUCTION_LEN)

#define VMX_ENTRY_HOST_FIELDS(FIELD)						\
	FIELD(h_cr0, HOST_CR0)							\
	FIELD(h_cr3, HOST_CR3)							\
	FIELD(h_cr4, HOST_CR4)							\
	FIELD(h_sysenter_esp, HOST_IA32_SYSENTER_ESP)				\
	FIELD(h_sysenter_eip, HOST_IA32_SYSENTER_EIP)				\
	FIELD(h_perf_global, HOST_IA32_PERF_GLOBAL_CTRL)			\
	FIELD(h_pat, HOST_IA32_PAT)						\
	FIELD(h_efer, HOST_IA32_EFER)						\
	FIELD(h_pkrs, VMX_HOST_PKRS)						\
	FIELD(h_s_cet, VMX_HOST_S_CET)						\
	FIELD(h_ssp, VMX_HOST_SSP)						\
	FIELD(h_ssp_table, VMX_HOST_SSP_TABLE)					\
	FIELD(h_rip, HOST_RIP)							\
	FIELD(h_es, HOST_ES_SELECTOR)						\
	FIELD(h_cs, HOST_CS_SELECTOR)						\
	FIELD(h_ss, HOST_SS_SELECTOR)						\
	FIELD(h_ds, HOST_DS_SELECTOR)						\
	FIELD(h_fs, HOST_FS_SELECTOR)						\
	FIELD(h_gs, HOST_GS_SELECTOR)						\
	FIELD(h_tr, HOST_TR_SELECTOR)						\
	FIELD(h_fs_base, HOST_FS_BASE)						\
	FIELD(h_gs_base, HOST_GS_BASE)						\
	FIELD(h_tr_base, HOST_TR_BASE)						\
	FIELD(h_gdtr_base, HOST_GDTR_BASE)					\
	FIELD(h_idtr_base, HOST_IDTR_BASE)

#define VMX_ENTRY_SEGMENT_FIELDS(FIELD, x, X)					\
	FIELD(x##_sel, GUEST_##X##_SELECTOR)					\
	FIELD(x##_base, GUEST_##X##_BASE)					\
	FIELD(x##_limit, GUEST_##X##_LIMIT)					\
	FIELD(x##_ar, GUEST_##X##_AR_BYTES)

#define VMX_ENTRY_GUEST_FIELDS(FIELD)						\
	FIELD(cr0, GUEST_CR0)							\
	FIELD(cr3, GUEST_CR3)							\
	FIELD(cr4, GUEST_CR4)							\
	FIELD(dr7, GUEST_DR7)							\
	FIELD(debugctl, GUEST_IA32_DEBUGCTL)					\
	FIELD(sysenter_esp, GUEST_SYSENTER_ESP)					\
	FIELD(sysenter_eip, GUEST_SYSENTER_EIP)					\
	FIELD(perf_global, GUEST_IA32_PERF_GLOBAL_CTRL)				\
	FIELD(pat, GUEST_IA32_PAT)						\
	FIELD(efer, GUEST_IA32_EFER)						\
	FIELD(bndcfgs, GUEST_BNDCFGS)						\
	FIELD(rtit_ctl, GUEST_IA32_RTIT_CTL)					\
	FIELD(pkrs, VMX_GUEST_PKRS)						\
	FIELD(s_cet, VMX_GUEST_S_CET)						\
	FIELD(ssp, VMX_GUEST_SSP)						\
	FIELD(ssp_table, VMX_GUEST_SSP_TABLE)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, es, ES)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, cs, CS)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, ss, SS)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, ds, DS)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, fs, FS)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, gs, GS)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, tr, TR)					\
	VMX_ENTRY_SEGMENT_FIELDS(FIELD, ldtr, LDTR)				\
	FIELD(gdtr_base, GUEST_GDTR_BASE)					\
	FIELD(gdtr_limit, GUEST_GDTR_LIMIT)					\
	FIELD(idtr_base, GUEST_IDTR_BASE)					\
	FIELD(idtr_limit, GUEST_IDTR_LIMIT)					\
	FIELD(rip, GUEST_RIP)							\
	FIELD(rflags, GUEST_RFLAGS)						\
	FIELD(activity, GUEST_ACTIVITY_STATE)					\
	FIELD(intr_state, GUEST_INTERRUPTIBILITY_INFO)				\
	FIELD(pending_dbg, GUEST_PENDING_DBG_EXCEPTIONS)			\
	FIELD(link, VMCS_LINK_POINTER)						\
	FIELD(pdpte0, GUEST_PDPTR0)						\
	FIELD(pdpte1, GUEST_PDPTR1)						\
	FIELD(pdpte2, GUEST_PDPTR2)						\
	FIELD(pdpte3, GUEST_PDPTR3)
/* clang-format on */

/* A word of controls: bits that must be 1, and bits that may be. */
struct vmx_entry_cap {
	u64 must;
	u64 may;
};

/**
 * struct vmx_entry - the fields that an entry checks, and what it checks them against
 * @vtpr: the byte at 0x80 of the virtual-APIC page
 * @cap_*: allowed settings of the words of controls, from the capability MSRs
 * @basic: IA32_VMX_BASIC
 * @misc: IA32_VMX_MISC
 * @ept_vpid_cap: IA32_VMX_EPT_VPID_CAP
 * @vmfunc_cap: IA32_VMX_VMFUNC
 * @cr0_fixed0: bits that must be 1 in VMX operation, @cr0_fixed1: bits that may be; likewise @cr4_fixed0, @cr4_fixed1
 * @efer_reserved: bits of EFER that the processor does not have
 * @perf_global_reserved: likewise IA32_PERF_GLOBAL_CTRL
 * @debugctl_reserved: likewise IA32_DEBUGCTL
 * @phys_bits: width of a physical address
 * @lin_bits: width of a linear address that the processor can do
 * @host_lma: the host is in IA-32e mode
 * @has_rtm: the processor has RTM, @has_bus_lock: bus-lock debug exceptions, @has_sgx: enclaves
 * The others are VMCS fields.
 */
struct vmx_entry {
#define FIELD(member, encoding) u64 member;
	VMX_ENTRY_CONTROL_FIELDS(FIELD)
	VMX_ENTRY_HOST_FIELDS(FIELD)
	VMX_ENTRY_GUEST_FIELDS(FIELD)
#undef FIELD
	u8 vtpr;
	struct vmx_entry_cap cap_pin, cap_cpu, cap_cpu2, cap_cpu3, cap_exit, cap_entry;
	u64 basic, misc, ept_vpid_cap, vmfunc_cap;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 efer_reserved, perf_global_reserved, debugctl_reserved;
	u8 phys_bits, lin_bits;
	bool host_lma, has_rtm, has_bus_lock, has_sgx;
};

/*
 * The three steps of checks, each made only when the one before has found nothing; and of the last the part that a guest
 * in a legal mode can be refused for: segments, tables, RIP, virtual-8086 mode.  It looks at those, @cr0, @entry, @cpu2.
 */
enum vmx_entry_step {
	VMX_CHECK_CONTROLS = BIT(0), /* VM-instruction error 7 */
	VMX_CHECK_HOST = BIT(1), /* VM-instruction error 8 */
	VMX_CHECK_GUEST = BIT(2), /* exit reason 33 */
	VMX_CHECK_SEGMENTS = BIT(3),
};

/**
 * struct vmx_entry_rule - one of the rules of SDM vol. 3C, 27.2 and 27.3
 * @step: enum vmx_entry_step
 * @field: the VMCS field to blame
 * @text: what is wrong with it
 * @broken: does @e break the rule?
 * @value: the field's value, for the report
 */
struct vmx_entry_rule {
	u8 step;
	const char *field;
	const char *text;
	bool (*broken)(const struct vmx_entry *e);
	u64 (*value)(const struct vmx_entry *e);
};

/**
 * vmx_entry_check() - the first rule of some steps that @e breaks, from *@from on
 * @e: what was to be entered
 * @steps: enum vmx_entry_step
 * @from: 0 at first; moved behind the rule found, to go on with
 * Return: NULL when no (further) rule is broken
 */
const struct vmx_entry_rule *vmx_entry_check(const struct vmx_entry *e, unsigned int steps,
					     unsigned int *from);

/* How many rules there are: vmx_entry_check() never moves *@from beyond. */
extern const unsigned int vmx_entry_nr_rules;

#endif /* KVM_VMX_ENTRY_CHECK_H */
