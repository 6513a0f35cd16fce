// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers and descriptor tables (SDM vol. 3C, 25.4.1), read from the VMCS when somebody asks.
 */
#include "vmx/vmx.h"

#define SEG_AVL BIT(12)

/* Encodings of a register's four fields. */
static const struct {
	u16 selector;
	u16 base;
	u16 limit;
	u16 ar;
} fields[] = {
#define SEG(name)                                                             \
	{ GUEST_##name##_SELECTOR, GUEST_##name##_BASE, GUEST_##name##_LIMIT, \
	  GUEST_##name##_AR_BYTES }
	[VCPU_SREG_ES] = SEG(ES),     [VCPU_SREG_CS] = SEG(CS), [VCPU_SREG_SS] = SEG(SS),
	[VCPU_SREG_DS] = SEG(DS),     [VCPU_SREG_FS] = SEG(FS), [VCPU_SREG_GS] = SEG(GS),
	[VCPU_SREG_LDTR] = SEG(LDTR), [VCPU_SREG_TR] = SEG(TR),
#undef SEG
};

/* Most who ask want one field of one register.  Real mode as virtual-8086 mode: see vm86.c for what is where. */
static u32 ar(struct vcpu_vmx *vmx, int seg)
{
	return (vmx->seg_avail & BIT(seg)) || (vmx->detour & VMX_VM86) ?
		       vmx->seg[seg].ar :
		       __vmcs_read(fields[seg].ar);
}

/**
 * vmx_seg() - a segment register as the VMCS has it
 * @vmx: loaded
 * @seg: VCPU_SREG_*
 */
const struct vmx_seg *vmx_seg(struct vcpu_vmx *vmx, int seg)
{
	struct vmx_seg *s = &vmx->seg[seg];
	bool vm86 = vmx->detour & VMX_VM86;

	if (vmx->seg_avail & BIT(seg))
		return s;
	vmx->seg_avail |= BIT(seg);
	if (unlikely(vm86 && seg == VCPU_SREG_TR))
		return s;
	s->selector = __vmcs_read(fields[seg].selector);
	s->base = __vmcs_read(fields[seg].base);
	if (unlikely(vm86 && seg != VCPU_SREG_LDTR))
		return s;
	s->limit = __vmcs_read(fields[seg].limit);
	s->ar = __vmcs_read(fields[seg].ar);
	return s;
}

/* vmx->seg[] into the VMCS. */
void vmx_write_seg_fields(struct vcpu_vmx *vmx, int seg)
{
	struct vmx_seg s = vmx->seg[seg];

	if (unlikely(vmx->detour & VMX_VM86))
		vmx_vm86_segment(vmx, seg, &s);
	__vmcs_write(fields[seg].selector, s.selector);
	__vmcs_write(fields[seg].base, s.base);
	__vmcs_write(fields[seg].limit, s.limit);
	__vmcs_write(fields[seg].ar, s.ar);
}

void vmx_write_seg(struct vcpu_vmx *vmx, int seg, const struct vmx_seg *s)
{
	struct vmx_seg hw = *s;

	if (unlikely(vmx->detour & VMX_VM86) && !vmx_vm86_segment(vmx, seg, &hw))
		vmx_vm86_leave(vmx);
	vmx->seg[seg] = *s;
	vmx->seg_avail |= BIT(seg);
	vmx->state_dirty = true;
	vmx_write_seg_fields(vmx, seg);
}

void vmx_get_segment(struct kvm_vcpu *vcpu, struct kvm_segment *var, int seg)
{
	const struct vmx_seg *s = vmx_seg(to_vmx(vcpu), seg);
	bool unusable = s->ar & VMX_AR_UNUSABLE_MASK;

	*var = (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->ar & VMX_AR_TYPE_MASK,
		.s = !!(s->ar & VMX_AR_S_MASK),
		.dpl = VMX_AR_DPL(s->ar),
		/* A segment that is not usable is not present to VMMs that do not know the other word. */
		.present = !unusable && (s->ar & VMX_AR_P_MASK),
		.avl = !!(s->ar & SEG_AVL),
		.l = !!(s->ar & VMX_AR_L_MASK),
		.db = !!(s->ar & VMX_AR_DB_MASK),
		.g = !!(s->ar & VMX_AR_G_MASK),
		.unusable = unusable,
	};
}

/* G as the limit demands, where the VMM has left it out (SDM vol. 3C, 27.3.1.2). */
static bool granular(const struct kvm_segment *var)
{
	if (var->limit & 0xfff00000)
		return true;
	return var->g && (var->limit & 0xfff) == 0xfff;
}

/*
 * What an entry demands of a segment register and a VMM that comes from another processor may not know: a usable segment
 * has been accessed, TR is busy.
 */
void vmx_set_segment(struct kvm_vcpu *vcpu, const struct kvm_segment *var, int seg)
{
	bool unusable = var->unusable || !var->present;
	struct vmx_seg s = {
		.base = var->base,
		.limit = var->limit,
		.selector = var->selector,
	};
	u32 type = var->type & VMX_AR_TYPE_MASK;

	if (seg == VCPU_SREG_TR)
		type |= 2;
	else if (seg != VCPU_SREG_LDTR && var->s)
		type |= VMX_AR_TYPE_ACCESSES_MASK;
	/* TR cannot be unusable. */
	if (seg == VCPU_SREG_TR)
		unusable = false;
	s.ar = type | (var->s ? VMX_AR_S_MASK : 0) | (var->dpl & 3) << VMX_AR_DPL_SHIFT |
	       (var->present || seg == VCPU_SREG_TR ? VMX_AR_P_MASK : 0) |
	       (var->avl ? SEG_AVL : 0) | (var->l ? VMX_AR_L_MASK : 0) |
	       (var->db ? VMX_AR_DB_MASK : 0) | (granular(var) ? VMX_AR_G_MASK : 0) |
	       (unusable ? VMX_AR_UNUSABLE_MASK : 0);
	vmx_write_seg(to_vmx(vcpu), seg, &s);
}

u64 vmx_get_segment_base(struct kvm_vcpu *vcpu, int seg)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	return vmx->seg_avail & BIT(seg) ? vmx->seg[seg].base : __vmcs_read(fields[seg].base);
}

/* SS.DPL is the CPL, whatever the mode (SDM vol. 3C, 25.4.1). */
int vmx_get_cpl(struct kvm_vcpu *vcpu)
{
	return VMX_AR_DPL(ar(to_vmx(vcpu), VCPU_SREG_SS));
}

void vmx_get_cs_db_l(struct kvm_vcpu *vcpu, int *db, int *l)
{
	u32 cs = ar(to_vmx(vcpu), VCPU_SREG_CS);

	*db = !!(cs & VMX_AR_DB_MASK);
	*l = !!(cs & VMX_AR_L_MASK);
}

void vmx_get_dtable(struct kvm_vcpu *vcpu, bool idt, struct kvm_dtable *dt)
{
	*dt = (struct kvm_dtable){
		.base = __vmcs_read(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE),
		.limit = __vmcs_read(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT),
	};
}

void vmx_set_dtable(struct kvm_vcpu *vcpu, bool idt, const struct kvm_dtable *dt)
{
	to_vmx(vcpu)->state_dirty = true;
	__vmcs_write(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE, dt->base);
	__vmcs_write(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT, dt->limit);
}

#define SEG_CODE (0xb | VMX_AR_S_MASK | VMX_AR_P_MASK) /* readable, accessed */
#define SEG_DATA (0x3 | VMX_AR_S_MASK | VMX_AR_P_MASK) /* writable, accessed */
#define SEG_LDT (VMX_AR_TYPE_LDT | VMX_AR_P_MASK)
#define SEG_TSS (VMX_AR_TYPE_BUSY_32_TSS | VMX_AR_P_MASK)

/* State after RESET and INIT, SDM vol. 3A, table 10-1. */
void vmx_reset_segments(struct vcpu_vmx *vmx)
{
	static const struct vmx_seg code = {
		.selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .ar = SEG_CODE
	};
	static const struct vmx_seg data = { .limit = 0xffff, .ar = SEG_DATA };
	static const struct vmx_seg ldt = { .limit = 0xffff, .ar = SEG_LDT };
	static const struct vmx_seg tss = { .limit = 0xffff, .ar = SEG_TSS };
	static const struct kvm_dtable table = { .limit = 0xffff };

	vmx_write_seg(vmx, VCPU_SREG_CS, &code);
	vmx_write_seg(vmx, VCPU_SREG_DS, &data);
	vmx_write_seg(vmx, VCPU_SREG_ES, &data);
	vmx_write_seg(vmx, VCPU_SREG_FS, &data);
	vmx_write_seg(vmx, VCPU_SREG_GS, &data);
	vmx_write_seg(vmx, VCPU_SREG_SS, &data);
	vmx_write_seg(vmx, VCPU_SREG_LDTR, &ldt);
	vmx_write_seg(vmx, VCPU_SREG_TR, &tss);
	vmx_set_dtable(&vmx->vcpu, false, &table);
	vmx_set_dtable(&vmx->vcpu, true, &table);
}
