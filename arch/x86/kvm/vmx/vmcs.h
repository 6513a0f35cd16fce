/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control structure: typed access to the fields of the current one, and the instructions around it.
 * Encodings and bits are <asm/vmx.h>'s (SDM vol. 3C, chapter 25 and appendix B).
 *
 * VMX instructions fail in two ways.  VMfail leaves a flag: a bug of ours, reported once.  A fault means that VMX is off: a
 * reboot in progress has switched it off under us, and nothing matters any more; else that is a bug, too.
 */
#ifndef KVM_VMX_VMCS_H
#define KVM_VMX_VMCS_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

/* What <asm/vmx.h> lacks. */
#define VMX_BASIC_NO_ERROR_CODE_CHECK BIT_ULL(56)
#define VMX_VMCS_REGION_SIZE 4096
#define VMX_PENDING_DBG_BS BIT(14)
#define EPT_VIOLATION_NMI_UNBLOCKED BIT(12)
#define EXIT_REASON_BASIC_MASK 0xffff

/* Width and access are part of an encoding, SDM vol. 3C, 25.11.2. */
enum vmcs_width { VMCS_WIDTH_16, VMCS_WIDTH_64, VMCS_WIDTH_32, VMCS_WIDTH_NATURAL };

static __always_inline enum vmcs_width vmcs_field_width(unsigned long field)
{
	return (field >> 13) & 3;
}

static __always_inline void vmcs_check(unsigned long field, enum vmcs_width width)
{
	BUILD_BUG_ON_MSG(__builtin_constant_p(field) &&
				 (vmcs_field_width(field) != width || (field & 1)),
			 "VMCS field accessed with another width than it has");
}

/* cpu.c: what went wrong, once. */
void vmx_insn_failed(const char *insn, unsigned long arg, unsigned long value);
void vmx_insn_faulted(const char *insn);

/* It would take %l[label] apart: */
/* clang-format off */
static __always_inline unsigned long __vmcs_read(unsigned long field)
{
	unsigned long value;

	asm_goto_output("1: vmread %[field], %[value]\n"
			"   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fault])
			: [value] "=r"(value)
			: [field] "r"(field)
			: "cc"
			: fail, fault);
	return value;
fail:
	vmx_insn_failed("VMREAD", field, 0);
	return 0;
fault:
	vmx_insn_faulted("VMREAD");
	return 0;
}

static __always_inline void __vmcs_write(unsigned long field, unsigned long value)
{
	asm goto("1: vmwrite %[value], %[field]\n"
		 "   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fault])
		 :
		 : [value] "rm"(value), [field] "r"(field)
		 : "cc"
		 : fail, fault);
	return;
fail:
	vmx_insn_failed("VMWRITE", field, value);
	return;
fault:
	vmx_insn_faulted("VMWRITE");
}
/* clang-format on */

#define VMCS_ACCESSORS(suffix, type, width)                                             \
	static __always_inline type vmcs_read##suffix(unsigned long field)              \
	{                                                                               \
		vmcs_check(field, width);                                               \
		return __vmcs_read(field);                                              \
	}                                                                               \
	static __always_inline void vmcs_write##suffix(unsigned long field, type value) \
	{                                                                               \
		vmcs_check(field, width);                                               \
		__vmcs_write(field, value);                                             \
	}
VMCS_ACCESSORS(16, u16, VMCS_WIDTH_16)
VMCS_ACCESSORS(32, u32, VMCS_WIDTH_32)
VMCS_ACCESSORS(64, u64, VMCS_WIDTH_64)
VMCS_ACCESSORS(_natural, unsigned long, VMCS_WIDTH_NATURAL)
#undef VMCS_ACCESSORS

static __always_inline void vmcs_set_bits32(unsigned long field, u32 bits)
{
	vmcs_write32(field, vmcs_read32(field) | bits);
}

static __always_inline void vmcs_clear_bits32(unsigned long field, u32 bits)
{
	vmcs_write32(field, vmcs_read32(field) & ~bits);
}

/* clang-format off */
/* VMXON, VMCLEAR, VMPTRLD: the operand is a physical address in memory.  true: done */
#define VMX_POINTER_INSN(name, insn, text)                                \
	static __always_inline bool name(u64 pa)                          \
	{                                                                 \
		asm goto("1: " insn " %[pa]\n"                            \
			 "   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fault]) \
			 :                                                \
			 : [pa] "m"(pa)                                   \
			 : "cc", "memory"                                 \
			 : fail, fault);                                  \
		return true;                                              \
fail:                                                                     \
		vmx_insn_failed(text, pa, 0);                             \
		return false;                                             \
fault:                                                                    \
		vmx_insn_faulted(text);                                   \
		return false;                                             \
	}
VMX_POINTER_INSN(vmx_vmclear, "vmclear", "VMCLEAR")
VMX_POINTER_INSN(vmx_vmptrld, "vmptrld", "VMPTRLD")
#undef VMX_POINTER_INSN

/* INVEPT and INVVPID, SDM vol. 3C, chapter 31 */
static __always_inline void vmx_invept(unsigned long type, u64 eptp)
{
	struct {
		u64 eptp, zero;
	} operand = { eptp, 0 };

	asm goto("1: invept %[operand], %[type]\n"
		 "   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fault])
		 :
		 : [type] "r"(type), [operand] "m"(operand)
		 : "cc", "memory"
		 : fail, fault);
	return;
fail:
	vmx_insn_failed("INVEPT", type, eptp);
	return;
fault:
	vmx_insn_faulted("INVEPT");
}

static __always_inline void vmx_invvpid(unsigned long type, u16 vpid, u64 gva)
{
	struct {
		u64 vpid, gva;
	} operand = { vpid, gva };

	asm goto("1: invvpid %[operand], %[type]\n"
		 "   jbe %l[fail]\n" _ASM_EXTABLE(1b, %l[fault])
		 :
		 : [type] "r"(type), [operand] "m"(operand)
		 : "cc", "memory"
		 : fail, fault);
	return;
fail:
	vmx_insn_failed("INVVPID", type, vpid);
	return;
fault:
	vmx_insn_faulted("INVVPID");
}
/* clang-format on */

/* Interruption information: VM-entry, VM-exit and IDT-vectoring have the same layout. */
static inline bool intr_info_valid(u32 info)
{
	return info & INTR_INFO_VALID_MASK;
}

static inline bool intr_info_is(u32 info, u32 type)
{
	return (info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	       (INTR_INFO_VALID_MASK | type);
}

#endif /* KVM_VMX_VMCS_H */
