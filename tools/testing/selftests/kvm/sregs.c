// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_SREGS, KVM_SET_SREGS and the second edition of both. */
#include "vm.h"

static void nothing(u64 unused)
{
	guest_sync(1);
}

static struct vcpu *with_sregs(struct kvm_sregs *s)
{
	struct vcpu *cpu = vm_with(0, nothing, 0);

	vcpu_get_sregs(cpu, s);
	return cpu;
}

CASE(roundtrip, "what was read can be set, and is the same afterwards")
{
	struct kvm_sregs a, b;
	struct vcpu *cpu = with_sregs(&a);

	vcpu_set_sregs(cpu, &a);
	vcpu_get_sregs(cpu, &b);
	CHECK(!memcmp(&a, &b, sizeof(a)));
	vcpu_expect_sync(cpu, 1);
}

CASE(tables, "descriptor tables and selectors are kept to the bit")
{
	struct kvm_sregs a, b;
	struct vcpu *cpu = with_sregs(&a);

	a.gdt.base = 0xffff800000123450;
	a.gdt.limit = 0xfff7;
	a.idt.base = 0x0000700000abcde0;
	a.idt.limit = 0x0123;
	a.fs.base = 0xffff888012345678;
	a.fs.selector = 0x1233;
	a.gs.base = 0x00007fff12345678;
	a.ldt = (struct kvm_segment){
		.base = 0x1000, .limit = 0x77, .selector = 0x58, .type = 2, .present = 1
	};
	a.cr2 = 0x1234567890ab;
	vcpu_set_sregs(cpu, &a);
	vcpu_get_sregs(cpu, &b);
	CHECK_EQ(b.gdt.base, a.gdt.base);
	CHECK_EQ(b.gdt.limit, a.gdt.limit);
	CHECK_EQ(b.idt.base, a.idt.base);
	CHECK_EQ(b.idt.limit, a.idt.limit);
	CHECK_EQ(b.fs.base, a.fs.base);
	CHECK_EQ(b.fs.selector, a.fs.selector);
	CHECK_EQ(b.gs.base, a.gs.base);
	CHECK_EQ(b.ldt.base, a.ldt.base);
	CHECK_EQ(b.ldt.limit, a.ldt.limit);
	CHECK_EQ(b.ldt.selector, a.ldt.selector);
	CHECK_EQ(b.ldt.unusable, 0);
	CHECK_EQ(b.cr2, a.cr2);
}

CASE(segment_bits, "every bit of a segment's attributes is kept")
{
	struct kvm_sregs a, b;
	struct vcpu *cpu = with_sregs(&a);

	a.es = (struct kvm_segment){ .base = 0x12345678,
				     .limit = 0xabcd,
				     .selector = 0x42,
				     .type = 5,
				     .present = 1,
				     .dpl = 2,
				     .db = 1,
				     .s = 1,
				     .avl = 1 };
	vcpu_set_sregs(cpu, &a);
	vcpu_get_sregs(cpu, &b);
	CHECK_EQ(b.es.base, 0x12345678);
	CHECK_EQ(b.es.limit, 0xabcd);
	CHECK_EQ(b.es.selector, 0x42);
	CHECK_EQ(b.es.type, 5);
	CHECK_EQ(b.es.present, 1);
	CHECK_EQ(b.es.dpl, 2);
	CHECK_EQ(b.es.db, 1);
	CHECK_EQ(b.es.s, 1);
	CHECK_EQ(b.es.g, 0);
	CHECK_EQ(b.es.l, 0);
	CHECK_EQ(b.es.avl, 1);
	CHECK_EQ(b.es.unusable, 0);
}

static void check_refused(void (*spoil)(struct kvm_sregs *), const char *what)
{
	struct kvm_sregs good, bad, now;
	struct vcpu *cpu = with_sregs(&good);

	bad = good;
	spoil(&bad);
	errno = 0;
	if (ioctl(cpu->fd, KVM_SET_SREGS, &bad) != -1 || errno != EINVAL)
		FAIL("%s: %s", what, errno ? strerror(errno) : "taken");
	vcpu_get_sregs(cpu, &now);
	if (memcmp(&good, &now, sizeof(now)))
		FAIL("%s: refused, but something changed", what);
	vcpu_expect_sync(cpu, 1);
}

#define REFUSED(id, text, change)                                     \
	static void spoil_##id(struct kvm_sregs *s)                   \
	{                                                             \
		change;                                               \
	}                                                             \
	CASE(id, text " is refused with EINVAL, and nothing changes") \
	{                                                             \
		check_refused(spoil_##id, text);                      \
	}

REFUSED(paging_no_pae, "long mode without PAE", s->cr4 &= ~CR4_PAE)
REFUSED(paging_no_lma, "paging with LME and without LMA", s->efer &= ~EFER_LMA)
REFUSED(lma_no_paging, "LMA without paging", s->cr0 &= ~CR0_PG)
REFUSED(long_and_big, "a code segment both 64-bit and 32-bit", s->cs.db = 1;
	s->efer &= ~(EFER_LMA | EFER_LME))
REFUSED(cr4_reserved, "a reserved bit of CR4", s->cr4 |= BIT(31))
REFUSED(cr4_high, "the upper half of CR4", s->cr4 |= BIT(40))
REFUSED(cr0_high, "the upper half of CR0", s->cr0 |= BIT(33))
REFUSED(cr0_nw, "NW without CD in CR0", s->cr0 |= CR0_NW)
REFUSED(cr0_pg_no_pe, "paging without protection", s->cr0 &= ~CR0_PE)
REFUSED(cr3_high, "a CR3 beyond the physical address width", s->cr3 |= BIT(60))
REFUSED(apic_reserved, "a reserved bit of IA32_APIC_BASE", s->apic_base |= BIT(2))

CASE(interrupt_bitmap, "an interrupt in the bitmap is delivered when the guest runs")
{
	struct kvm_sregs s;
	struct vcpu *cpu = with_sregs(&s);
	struct kvm_vcpu_events ev;

	s.interrupt_bitmap[0x51 / 64] = BIT(0x51 % 64);
	vcpu_set_sregs(cpu, &s);
	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(s.interrupt_bitmap[0x51 / 64], BIT(0x51 % 64));
	OK(ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.interrupt.injected, 1);
	CHECK_EQ(ev.interrupt.nr, 0x51);
}

CASE(sregs2, "the second edition reads and sets the same state")
{
	struct kvm_sregs a;
	struct vcpu *cpu = with_sregs(&a);
	struct kvm_sregs2 b, c;

	NEED(cpu->vm->kvm, KVM_CAP_SREGS2);
	memset(&b, 0xff, sizeof(b));
	OK(ioctl(cpu->fd, KVM_GET_SREGS2, &b));
	CHECK(!memcmp(&a, &b, offsetof(struct kvm_sregs, interrupt_bitmap)));
	CHECK_EQ(b.flags, 0);
	b.cr2 = 0x4321;
	OK(ioctl(cpu->fd, KVM_SET_SREGS2, &b));
	OK(ioctl(cpu->fd, KVM_GET_SREGS2, &c));
	CHECK_EQ(c.cr2, 0x4321);
	b.flags = 2;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SREGS2, &b), EINVAL);
	/* Page directory pointers are those of PAE paging, not of long mode. */
	b.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_SREGS2, &b), EINVAL);
	vcpu_expect_sync(cpu, 1);
}

CASE(apic_base, "IA32_APIC_BASE is the same here, in the MSR and in kvm_run")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, nothing, 0);
	struct kvm_sregs s;
	u64 msr;

	vcpu_get_sregs(cpu, &s);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_APIC_BASE, &msr), 1);
	CHECK_EQ(s.apic_base, msr);
	s.apic_base |= APIC_BASE_X2APIC;
	vcpu_set_sregs(cpu, &s);
	CHECK_EQ(vcpu_rdmsr(cpu, MSR_APIC_BASE, &msr), 1);
	CHECK_EQ(s.apic_base, msr);
	vcpu_expect_sync(cpu, 1);
	CHECK_EQ(cpu->run->apic_base, msr);
}
