// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload of the x86 half, and the vendor's backend behind static calls.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "arch.h"
#include "async_pf.h"
#include "backend.h"
#include "clock.h"
#include "cpuid.h"
#include "lifetime.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "xsave.h"

struct kvm_backend kvm_backend;
EXPORT_SYMBOL_GPL(kvm_backend);

static DEFINE_MUTEX(backend_lock);

#define KVM_X86_OP(ret, name, args)                                                  \
	DEFINE_STATIC_CALL_NULL(kvm_x86_##name, *(((struct kvm_backend *)0)->name)); \
	EXPORT_STATIC_CALL_GPL(kvm_x86_##name);
KVM_X86_OPS
#undef KVM_X86_OP

static void update_static_calls(const struct kvm_backend *b)
{
#define KVM_X86_OP(ret, name, args) static_call_update(kvm_x86_##name, b->name);
	KVM_X86_OPS
#undef KVM_X86_OP
}

/* Every operation must be there: a missing one would be a call of nothing. */
static int check_backend(const struct kvm_backend *b)
{
#define KVM_X86_OP(ret, op, args)                                            \
	if (!b->op) {                                                        \
		pr_err("the %s backend lacks operation " #op "\n", b->name); \
		return -EINVAL;                                              \
	}
	KVM_X86_OPS
#undef KVM_X86_OP
	if (b->vm_size < sizeof(struct kvm) || b->vcpu_size < sizeof(struct kvm_vcpu))
		return -EINVAL;
	return 0;
}

static void forget_backend(void)
{
	memset(&kvm_backend, 0, sizeof(kvm_backend));
	/* What the backend took away or added is offered to the next one as the host has it. */
	kvm_cpuid_init();
}

int kvm_x86_register_backend(const struct kvm_backend *b)
{
	int r;

	mutex_lock(&backend_lock);
	r = -EEXIST;
	if (kvm_backend.name) {
		pr_err("%s is in use, %s cannot be added: unload the other module first\n",
		       kvm_backend.name, b->name);
		goto out;
	}
	r = check_backend(b);
	if (r)
		goto out;
	kvm_backend = *b;
	update_static_calls(b);
	kvm_cpuid_set_guest_phys_bits(b->caps.root_level == 5 ? 52 : 48);
	r = kvm_msr_init();
	if (!r)
		r = kvm_init(b->owner);
	if (r)
		forget_backend();
out:
	mutex_unlock(&backend_lock);
	return r;
}
EXPORT_SYMBOL_GPL(kvm_x86_register_backend);

void kvm_x86_unregister_backend(void)
{
	mutex_lock(&backend_lock);
	kvm_exit();
	forget_backend();
	mutex_unlock(&backend_lock);
}
EXPORT_SYMBOL_GPL(kvm_x86_unregister_backend);

int kvm_arch_enable_cpu(void)
{
	return kvm_x86_call(enable_cpu)();
}

void kvm_arch_disable_cpu(void)
{
	kvm_x86_call(disable_cpu)();
}

int kvm_arch_module_init(void)
{
	int r;

	r = kvm_xsave_init();
	if (r)
		return r;
	r = kvm_cpuid_init();
	if (r)
		return r;
	r = kvm_mmu_init();
	if (r)
		return r;
	r = kvm_clock_init();
	if (r)
		goto out_mmu;
	r = kvm_async_pf_init();
	if (r)
		goto out_clock;
	return 0;

out_clock:
	kvm_clock_exit();
out_mmu:
	kvm_mmu_exit();
	return r;
}

void kvm_arch_module_exit(void)
{
	kvm_async_pf_exit();
	kvm_clock_exit();
	kvm_mmu_exit();
}
