// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU registers for the emulator.
 *
 * During KVM_RUN they are this thread's: in hardware, or after a context switch in memory until they are loaded again.
 * Legacy SSE moves leave what is above 16 bytes alone, VEX ones clear it; which one is meant is the emulator's to say.
 */
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

#include "emul.h"

static void get_registers(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

static void put_registers(void)
{
	fpregs_unlock();
}

/* An instruction for each of the 16 registers: there is no way to name one by a number at run time. */
#define REGISTER(n, op) \
	case n:         \
		op(#n); \
		break

#define FOR_REGISTER(reg, op)             \
	do {                              \
		switch (reg) {            \
			REGISTER(0, op);  \
			REGISTER(1, op);  \
			REGISTER(2, op);  \
			REGISTER(3, op);  \
			REGISTER(4, op);  \
			REGISTER(5, op);  \
			REGISTER(6, op);  \
			REGISTER(7, op);  \
			REGISTER(8, op);  \
			REGISTER(9, op);  \
			REGISTER(10, op); \
			REGISTER(11, op); \
			REGISTER(12, op); \
			REGISTER(13, op); \
			REGISTER(14, op); \
			REGISTER(15, op); \
		}                         \
	} while (0)

static void store_xmm(unsigned int reg, u8 out[16])
{
#define OP(n) asm volatile("movdqu %%xmm" n ", %0" : "=m"(*(u8(*)[16])out))
	FOR_REGISTER(reg, OP);
#undef OP
}

static void store_ymm(unsigned int reg, u8 out[32])
{
#define OP(n) asm volatile("vmovdqu %%ymm" n ", %0" : "=m"(*(u8(*)[32])out))
	FOR_REGISTER(reg, OP);
#undef OP
}

static void load_xmm(unsigned int reg, const u8 in[16])
{
#define OP(n) asm volatile("movdqu %0, %%xmm" n : : "m"(*(const u8(*)[16])in))
	FOR_REGISTER(reg, OP);
#undef OP
}

static void load_xmm_clear_rest(unsigned int reg, const u8 in[16])
{
#define OP(n) asm volatile("vmovdqu %0, %%xmm" n : : "m"(*(const u8(*)[16])in))
	FOR_REGISTER(reg, OP);
#undef OP
}

static void load_ymm_clear_rest(unsigned int reg, const u8 in[32])
{
#define OP(n) asm volatile("vmovdqu %0, %%ymm" n : : "m"(*(const u8(*)[32])in))
	FOR_REGISTER(reg, OP);
#undef OP
}

void kvm_emul_vec_read(struct emul_ctxt *ctxt, unsigned int reg, void *buf, unsigned int len)
{
	u8 tmp[32];

	get_registers();
	if (len > 16)
		store_ymm(reg & 15, tmp);
	else
		store_xmm(reg & 15, tmp);
	put_registers();
	memcpy(buf, tmp, min_t(unsigned int, len, sizeof(tmp)));
}

void kvm_emul_vec_write(struct emul_ctxt *ctxt, unsigned int reg, const void *buf, unsigned int len,
			bool zext)
{
	u8 tmp[32] = {};

	reg &= 15;
	len = min_t(unsigned int, len, sizeof(tmp));
	get_registers();
	if (!zext && len < 16)
		store_xmm(reg, tmp);
	memcpy(tmp, buf, len);
	if (len > 16)
		load_ymm_clear_rest(reg, tmp);
	else if (zext && boot_cpu_has(X86_FEATURE_AVX))
		load_xmm_clear_rest(reg, tmp);
	else
		load_xmm(reg, tmp);
	put_registers();
}

static void save_image(u8 fx[512])
{
	asm volatile("fxsave64 %0" : "=m"(*(u8(*)[512])fx));
}

void kvm_emul_fx_read(struct emul_ctxt *ctxt, void *buf, unsigned int len)
{
	struct kvm_emul *e = to_emul(ctxt);

	get_registers();
	save_image(e->fx);
	put_registers();
	memcpy(buf, e->fx, min_t(unsigned int, len, sizeof(e->fx)));
}

void kvm_emul_fx_write(struct emul_ctxt *ctxt, const void *buf, unsigned int len)
{
	struct kvm_emul *e = to_emul(ctxt);

	get_registers();
	save_image(e->fx);
	memcpy(e->fx, buf, min_t(unsigned int, len, sizeof(e->fx)));
	asm volatile("fxrstor64 %0" : : "m"(*(u8(*)[512])e->fx));
	put_registers();
}
