// SPDX-License-Identifier: GPL-2.0-only
/* CPUID: what is supported, how it is set, what the guest then sees. */
#include <stdlib.h>

#include "vm.h"

static struct kvm_cpuid2 *table(u32 room)
{
	struct kvm_cpuid2 *t = calloc(1, sizeof(*t) + room * sizeof(struct kvm_cpuid_entry2));

	REQUIRE(t);
	t->nent = room;
	return t;
}

CASE(too_small, "KVM_GET_SUPPORTED_CPUID with too little room gives E2BIG, with enough the number")
{
	int kvm = kvm_open();
	u32 count = cpuid_supported(kvm)->nent;
	struct kvm_cpuid2 *t = table(count);

	CHECK(count > 10 && count < 256);
	for (u32 room = 0; room < count; room += count / 4) {
		t->nent = room;
		CHECK_ERRNO(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, t), E2BIG);
	}
	t->nent = count - 1;
	CHECK_ERRNO(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, t), E2BIG);
	t->nent = count;
	OK(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, t));
	CHECK_EQ(t->nent, count);
}

CASE(large_room, "more room than any table needs is clipped, not refused")
{
	int kvm = kvm_open();
	struct kvm_cpuid2 *t = table(512);

	t->nent = 400;
	OK(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, t));
	CHECK(t->nent > 10 && t->nent < 256);
}

CASE(emulated, "KVM_GET_EMULATED_CPUID has the same rules")
{
	int kvm = kvm_open();
	struct kvm_cpuid2 *t = table(64);

	NEED(kvm, KVM_CAP_EXT_EMUL_CPUID);
	OK(ioctl(kvm, KVM_GET_EMULATED_CPUID, t));
	CHECK(t->nent >= 1 && t->nent < 64);
	t->nent = 0;
	CHECK_ERRNO(ioctl(kvm, KVM_GET_EMULATED_CPUID, t), E2BIG);
	t->nent = 1;
	if (ioctl(kvm, KVM_GET_EMULATED_CPUID, t) < 0)
		CHECK_EQ(errno, E2BIG);
}

CASE(consistent, "the supported leaves hang together")
{
	int kvm = kvm_open();
	struct kvm_cpuid2 *s = cpuid_supported(kvm);
	struct kvm_cpuid_entry2 *basic = cpuid_find(s, 0, 0);
	struct kvm_cpuid_entry2 *ext = cpuid_find(s, 0x80000000, 0);
	struct kvm_cpuid_entry2 *one = cpuid_find(s, 1, 0);
	struct kvm_cpuid_entry2 *size = cpuid_find(s, 0x80000008, 0);

	REQUIRE(basic && ext && one && size);
	CHECK(basic->eax >= 7);
	CHECK(ext->eax >= 0x80000008);
	/* What every long-mode guest relies on: TSC, MSR, PAE, CX8, APIC, PGE, CMOV, PAT, FXSR, SSE, SSE2 */
	CHECK_EQ(one->edx & 0x0701a370, 0x0701a370);
	CHECK(cpuid_find(s, 0x80000001, 0)->edx & BIT(29));
	CHECK((size->eax & 0xff) >= 36 && (size->eax & 0xff) <= 52);
	CHECK((size->eax >> 16 & 0xff) >= 36 && (size->eax >> 16 & 0xff) <= (size->eax & 0xff));
	for (u32 i = 0; i < s->nent; i++) {
		struct kvm_cpuid_entry2 *e = &s->entries[i];

		for (u32 j = 0; j < i; j++) {
			if (s->entries[j].function == e->function &&
			    s->entries[j].index == e->index)
				FAIL("leaf %#x.%u comes twice", e->function, e->index);
		}
		if (e->function > basic->eax && e->function < 0x40000000)
			FAIL("leaf %#x is beyond the last", e->function);
	}
	/* Leaves with subleaves say so. */
	CHECK(cpuid_find(s, 7, 0)->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	CHECK(!(one->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX));
}

CASE(signature, "the hypervisor leaves name KVM")
{
	int kvm = kvm_open();
	struct kvm_cpuid2 *s = cpuid_supported(kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(s, 0x40000000, 0);

	REQUIRE(e);
	CHECK_EQ(e->eax, 0x40000001);
	CHECK(!memcmp(&e->ebx, "KVMK", 4));
	CHECK(!memcmp(&e->ecx, "VMKV", 4));
	CHECK(!memcmp(&e->edx, "M\0\0\0", 4));
	CHECK(cpuid_find(s, 0x40000001, 0));
}

struct want {
	u32 leaf, sub;
	struct cpuid_regs r;
};

static struct want wants[300];
static u32 nr_wants;

static void compare(u64 unused)
{
	for (u32 i = 0; i < nr_wants; i++) {
		struct want *w = &wants[i];
		struct cpuid_regs r = cpuid(w->leaf, w->sub);

		/* Bits that mirror the state: OSXSAVE, the APIC number, the size of the enabled XSAVE area */
		if (w->leaf == 1)
			r.ecx &= ~(u32)BIT(27), w->r.ecx &= ~(u32)BIT(27);
		if (w->leaf == 7 && !w->sub)
			r.ecx &= ~(u32)BIT(4), w->r.ecx &= ~(u32)BIT(4);
		if (w->leaf == 0xd && w->sub <= 1)
			r.ebx = w->r.ebx;
		if (w->leaf == 0x40000001)
			r.eax = w->r.eax;
		if (r.eax != w->r.eax || r.ebx != w->r.ebx || r.ecx != w->r.ecx ||
		    r.edx != w->r.edx) {
			guest_log("leaf %#llx.%llu", w->leaf, w->sub, 0);
			G_ASSERT_EQ((u64)r.eax << 32 | r.ebx, (u64)w->r.eax << 32 | w->r.ebx);
			G_ASSERT_EQ((u64)r.ecx << 32 | r.edx, (u64)w->r.ecx << 32 | w->r.edx);
		}
	}
}

static void want_table(struct kvm_cpuid2 *t)
{
	nr_wants = 0;
	for (u32 i = 0; i < t->nent; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[i];

		wants[nr_wants++] =
			(struct want){ e->function, e->index, { e->eax, e->ebx, e->ecx, e->edx } };
	}
}

CASE(seen, "the guest sees every leaf as KVM_SET_CPUID2 set it")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, compare, 0);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm);

	REQUIRE(s->nent + 2 < ARRAY_SIZE(wants));
	/* And two of our own invention */
	cpuid_find(s, 0x80000000, 0)->eax = 0x80000055;
	s->entries[s->nent++] = (struct kvm_cpuid_entry2){
		.function = 0x80000055,
		.eax = 0x11111111,
		.ebx = 0x22222222,
		.ecx = 0x33333333,
		.edx = 0x44444444,
	};
	vcpu_set_cpuid(cpu, s);
	want_table(s);
	vcpu_expect_done(cpu);
}

CASE(get_back, "KVM_GET_CPUID2 gives back what was set")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm), *t = table(256);

	vcpu_set_cpuid(cpu, s);
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, t));
	REQUIRE_EQ(t->nent, s->nent);
	for (u32 i = 0; i < s->nent; i++) {
		struct kvm_cpuid_entry2 *a = &s->entries[i], *b = &t->entries[i];

		CHECK_EQ(b->function, a->function);
		CHECK_EQ(b->index, a->index);
		CHECK_EQ(b->edx, a->edx);
		if (a->function != 1 && a->function != 7 && a->function != 0xd)
			CHECK(a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx);
	}
	t->nent = s->nent - 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_GET_CPUID2, t), E2BIG);
}

static void beyond(u64 vendor_is_intel)
{
	struct cpuid_regs r = cpuid(0x1234567, 0), last = cpuid(1, 0);

	/* A leaf past the last: AMD gives zeroes, Intel the last basic leaf. */
	if (vendor_is_intel)
		G_ASSERT_EQ(r.eax, last.eax);
	else
		G_ASSERT_EQ(r.eax | r.ebx | r.ecx | r.edx, 0);
}

CASE(out_of_range, "leaves beyond the last are what the vendor's processors give")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, beyond, 0);
	struct kvm_cpuid2 *t = table(2);
	struct kvm_regs r;
	struct cpuid_regs host = cpuid(0, 0);
	bool intel = cpu_is_intel();

	t->nent = 2;
	t->entries[0] = (struct kvm_cpuid_entry2){
		.function = 0, .eax = 1, .ebx = host.ebx, .ecx = host.ecx, .edx = host.edx
	};
	t->entries[1] = *cpuid_find(cpuid_supported(vm->kvm), 1, 0);
	vcpu_set_cpuid(cpu, t);
	vcpu_get_regs(cpu, &r);
	r.rdi = intel;
	vcpu_set_regs(cpu, &r);
	vcpu_expect_done(cpu);
}

CASE(old_set, "KVM_SET_CPUID, the old form, sets leaves without subleaves")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm), *t = table(256);
	struct kvm_cpuid *old = calloc(1, sizeof(*old) + 2 * sizeof(struct kvm_cpuid_entry));

	old->nent = 2;
	for (int i = 0; i < 2; i++) {
		struct kvm_cpuid_entry2 *e = cpuid_find(s, i, 0);

		old->entries[i] = (struct kvm_cpuid_entry){ i, e->eax, e->ebx, e->ecx, e->edx, 0 };
	}
	OK(ioctl(cpu->fd, KVM_SET_CPUID, old));
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, t));
	REQUIRE_EQ(t->nent, 2);
	CHECK_EQ(t->entries[0].ebx, old->entries[0].ebx);
	CHECK_EQ(t->entries[1].edx, old->entries[1].edx);
	CHECK_EQ(t->entries[1].index, 0);
}

CASE(set_bad, "a table that is too long or nowhere is refused, and the old one stays")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new_bare(vm, 0);
	struct kvm_cpuid2 *t = table(1000), *now = table(256);
	u32 before;

	OK(ioctl(cpu->fd, KVM_GET_CPUID2, now));
	before = now->nent;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_CPUID2, t), E2BIG);
	t->nent = 0xffffffff;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_CPUID2, t), E2BIG);
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_CPUID2, (void *)0x100), EFAULT);
	now->nent = 256;
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, now));
	CHECK_EQ(now->nent, before);
}

CASE(after_run, "after the first KVM_RUN the same table is accepted again, another is not")
{
	struct vm *vm = vm_new(0);
	struct vcpu *cpu = vcpu_new(vm, compare, 0);
	struct kvm_cpuid2 *now = table(256);

	nr_wants = 0;
	vcpu_expect_done(cpu);
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, now));
	OK(ioctl(cpu->fd, KVM_SET_CPUID2, now));
	cpuid_find(now, 1, 0)->eax ^= 1;
	CHECK_ERRNO(ioctl(cpu->fd, KVM_SET_CPUID2, now), EINVAL);
}

static void osxsave(u64 unused)
{
	G_ASSERT_EQ(cpuid(1, 0).ecx & BIT(27), 0);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	G_ASSERT(cpuid(1, 0).ecx & BIT(27));
	asm volatile("xsetbv" : : "c"(0), "a"(1), "d"(0));
	G_ASSERT_EQ(cpuid(0xd, 0).ebx, 576);
	asm volatile("xsetbv" : : "c"(0), "a"(3), "d"(0));
	G_ASSERT_EQ(cpuid(0xd, 0).ebx, 576);
	if (cpuid(0xd, 0).eax & 4) {
		asm volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
		G_ASSERT_EQ(cpuid(0xd, 0).ebx, 832);
	}
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	G_ASSERT_EQ(cpuid(1, 0).ecx & BIT(27), 0);
}

CASE(dynamic, "OSXSAVE and the size of the XSAVE area follow CR4 and XCR0")
{
	struct vm *vm = vm_new(0);

	if (!cpu_has_xsave())
		SKIP("no XSAVE");
	vcpu_expect_done(vcpu_new(vm, osxsave, 0));
}

CASE(get_dynamic, "KVM_GET_CPUID2 shows what the guest sees; what it gave can be set after a run")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *cpu = vcpu_new(vm, compare, 0);
	struct kvm_cpuid2 *s = cpuid_supported(vm->kvm), *t = table(256);
	struct kvm_sregs sregs;

	if (!cpu_has_xsave())
		SKIP("no XSAVE");
	nr_wants = 0;
	vcpu_expect_done(cpu);
	vcpu_get_sregs(cpu, &sregs);
	sregs.cr4 |= CR4_OSXSAVE;
	vcpu_set_sregs(cpu, &sregs);
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, t));
	CHECK(cpuid_find(t, 1, 0)->ecx & BIT(27));
	CHECK(cpuid_find(t, 1, 0)->edx & BIT(9));
	OK(ioctl(cpu->fd, KVM_SET_CPUID2, t));
	sregs.cr4 &= ~CR4_OSXSAVE;
	sregs.apic_base &= ~APIC_BASE_ENABLE;
	vcpu_set_sregs(cpu, &sregs);
	OK(ioctl(cpu->fd, KVM_SET_CPUID2, t));
	t->nent = 256;
	OK(ioctl(cpu->fd, KVM_GET_CPUID2, t));
	CHECK(!(cpuid_find(t, 1, 0)->ecx & BIT(27)));
	CHECK(!(cpuid_find(t, 1, 0)->edx & BIT(9)));
	CHECK_EQ(cpuid_find(t, 1, 0)->eax, cpuid_find(s, 1, 0)->eax);
}

static void apic_bit(u64 unused)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	G_ASSERT(cpuid(1, 0).edx & BIT(9));
	wrmsr(MSR_APIC_BASE, base & ~APIC_BASE_ENABLE);
	G_ASSERT(!(cpuid(1, 0).edx & BIT(9)));
	wrmsr(MSR_APIC_BASE, base);
	G_ASSERT(cpuid(1, 0).edx & BIT(9));
}

CASE(apic, "the APIC feature bit follows IA32_APIC_BASE")
{
	vcpu_expect_done(vm_with(VM_IRQCHIP, apic_bit, 0));
}

CASE(user_mode_apic_id, "each vCPU sees its own initial APIC number")
{
	struct vm *vm = vm_new(0);
	struct vcpu *a = vcpu_new(vm, compare, 0), *b = vcpu_new(vm, compare, 0);
	struct kvm_cpuid2 *t = table(256);

	for (int i = 0; i < 2; i++) {
		struct vcpu *cpu = i ? b : a;

		t->nent = 256;
		OK(ioctl(cpu->fd, KVM_GET_CPUID2, t));
		CHECK_EQ(cpuid_find(t, 1, 0)->ebx >> 24, i);
		want_table(t);
		vcpu_expect_done(cpu);
	}
}
