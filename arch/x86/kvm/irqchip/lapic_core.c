// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: register file, local vector table, acceptance, mode changes.
 *
 * Section names are those of the Intel SDM vol. 3A, chapter "Advanced
 * Programmable Interrupt Controller (APIC)".
 */
#include "lapic_core.h"

/* One bit a register, as registers lie at strides of 16 bytes. */
#define R(reg) BIT_ULL((reg) >> 4)
#define R8(reg) (0xffULL << ((reg) >> 4))

#define LVT_REGS                                                                              \
	(R(LAPIC_LVT_TIMER) | R(LAPIC_LVT_THERMAL) | R(LAPIC_LVT_PERF) | R(LAPIC_LVT_LINT0) | \
	 R(LAPIC_LVT_LINT1) | R(LAPIC_LVT_ERROR))

/* What both modes have; LAPIC_LVT_CMCI joins where it is configured. */
#define COMMON_READ                                                                    \
	(R(LAPIC_ID) | R(LAPIC_VERSION) | R(LAPIC_TPR) | R(LAPIC_PPR) | R(LAPIC_LDR) | \
	 R(LAPIC_SVR) | R8(LAPIC_ISR) | R8(LAPIC_TMR) | R8(LAPIC_IRR) | R(LAPIC_ESR) | \
	 R(LAPIC_ICR) | LVT_REGS | R(LAPIC_TMICT) | R(LAPIC_TMCCT) | R(LAPIC_TDCR))
#define COMMON_WRITE                                                                           \
	(R(LAPIC_TPR) | R(LAPIC_EOI) | R(LAPIC_SVR) | R(LAPIC_ESR) | R(LAPIC_ICR) | LVT_REGS | \
	 R(LAPIC_TMICT) | R(LAPIC_TDCR))

/* Registers that exist in xAPIC mode, readable or not: the others are errors */
#define XAPIC_REGS \
	(COMMON_READ | COMMON_WRITE | R(LAPIC_APR) | R(LAPIC_RRD) | R(LAPIC_DFR) | R(LAPIC_ICR2))
#define XAPIC_WRITE (COMMON_WRITE | R(LAPIC_ID) | R(LAPIC_LDR) | R(LAPIC_DFR) | R(LAPIC_ICR2))
#define X2APIC_READ COMMON_READ
#define X2APIC_WRITE (COMMON_WRITE | R(LAPIC_SELF_IPI))

#define LVT_DELIVERY (7U << 8)
#define LVT_READ_ONLY (LAPIC_LVT_PENDING | LAPIC_LVT_REMOTE_IRR)

#define ICR_WRITABLE 0x000ccfffU /* in x2APIC mode; without the busy bit, 12 */
#define TDCR_WRITABLE 0x0000000bU
#define DFR_RESERVED 0x0fffffffU
#define ESR_BITS                                                                     \
	(LAPIC_ESR_REDIRECTABLE | LAPIC_ESR_SEND_VECTOR | LAPIC_ESR_RECEIVE_VECTOR | \
	 LAPIC_ESR_ILLEGAL_REG)

#define LINT_LEVEL(n) (1U << (n))
#define LINT_REMOTE_IRR(n) (4U << (n))

static u64 cmci_reg(const struct lapic *apic)
{
	return apic->features & LAPIC_F_CMCI ? R(LAPIC_LVT_CMCI) : 0;
}

static bool is_lvt(const struct lapic *apic, u32 reg)
{
	return R(reg) & (LVT_REGS | cmci_reg(apic));
}

/* The bits of an LVT entry that software may write. */
static u32 lvt_writable(const struct lapic *apic, u32 reg)
{
	switch (reg) {
	case LAPIC_LVT_TIMER:
		return 0xff | LAPIC_LVT_MASKED | BIT(17) |
		       (apic->features & LAPIC_F_DEADLINE ? BIT(18) : 0);
	case LAPIC_LVT_ERROR:
		return 0xff | LAPIC_LVT_MASKED;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return 0xff | LVT_DELIVERY | LAPIC_LVT_MASKED | LAPIC_LVT_LOW_ACTIVE |
		       LAPIC_LVT_LEVEL;
	default:
		return 0xff | LVT_DELIVERY | LAPIC_LVT_MASKED;
	}
}

static u32 svr_writable(const struct lapic *apic)
{
	return 0xff | LAPIC_SVR_ENABLE | LAPIC_SVR_FOCUS_OFF |
	       (apic->features & LAPIC_F_DIRECTED_EOI ? LAPIC_SVR_DIRECTED_EOI : 0);
}

static u32 version(const struct lapic *apic)
{
	u32 max_lvt = apic->features & LAPIC_F_CMCI ? 6 : 5;

	return 0x14 | max_lvt << 16 | (apic->features & LAPIC_F_DIRECTED_EOI ? BIT(24) : 0);
}

/* "Logical Destination Mode in x2APIC Mode": the LDR follows from the ID. */
static u32 x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | BIT(id & 15);
}

static void update_enabled(struct lapic *apic)
{
	WRITE_ONCE(apic->enabled, apic->mode != LAPIC_MODE_DISABLED &&
					  (lapic_get(apic, LAPIC_SVR) & LAPIC_SVR_ENABLE));
}

static void mask_all_lvts(struct lapic *apic)
{
	u32 reg;

	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16)
		*lapic_reg(apic, reg) |= LAPIC_LVT_MASKED;
	if (cmci_reg(apic))
		*lapic_reg(apic, LAPIC_LVT_CMCI) |= LAPIC_LVT_MASKED;
}

/**
 * lapic_init() - make an APIC
 * @apic: the APIC
 * @regs: its register page, which it keeps
 * @id: the ID it has from power-on
 * @ops: its surroundings
 *
 * The APIC is then as after lapic_reset() of an application processor, with no
 * features and a bus clock of 1 GHz.
 */
void lapic_init(struct lapic *apic, void *regs, u32 id, const struct lapic_ops *ops)
{
	memset(apic, 0, sizeof(*apic));
	apic->regs = regs;
	apic->id = id;
	apic->ops = ops;
	apic->timer.bus_ns = 1;
	lapic_reset(apic, false, false);
}

/**
 * lapic_configure() - give the APIC the features that CPUID shows
 * @apic: the APIC
 * @features: enum lapic_feature
 */
void lapic_configure(struct lapic *apic, u32 features)
{
	apic->features = features;
	lapic_put(apic, LAPIC_VERSION, version(apic));
	if (!(features & LAPIC_F_CMCI))
		lapic_put(apic, LAPIC_LVT_CMCI, 0);
	else if (!lapic_get(apic, LAPIC_LVT_CMCI))
		lapic_put(apic, LAPIC_LVT_CMCI, LAPIC_LVT_MASKED);
}

/* "Local APIC State After Power-Up or Reset", all but the ID. */
static void reset_registers(struct lapic *apic, bool lint0_extint)
{
	u32 id = lapic_get(apic, LAPIC_ID);

	memset(apic->regs, 0, LAPIC_REGS_SIZE);
	lapic_put(apic, LAPIC_ID, id);
	lapic_put(apic, LAPIC_VERSION, version(apic));
	lapic_put(apic, LAPIC_SVR, 0xff);
	if (apic->mode == LAPIC_MODE_X2APIC)
		lapic_put(apic, LAPIC_LDR, x2apic_ldr(apic->id));
	else
		lapic_put(apic, LAPIC_DFR, ~0U);
	mask_all_lvts(apic);
	if (lint0_extint)
		lapic_put(apic, LAPIC_LVT_LINT0, LAPIC_DM_EXTINT << 8);

	atomic_and32(&apic->lint, LINT_LEVEL(0) | LINT_LEVEL(1));
	WRITE_ONCE(apic->esr, 0);
	lapic_timer_stop(apic);
	lapic_rescan(apic);
}

/**
 * lapic_reset() - power-on or RESET
 * @apic: the APIC
 * @bsp: this is the boot CPU
 * @lint0_extint: LINT0 starts as an unmasked ExtINT instead of masked
 *
 * Return: effects.
 */
u32 lapic_reset(struct lapic *apic, bool bsp, bool lint0_extint)
{
	apic->base = LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE | (bsp ? LAPIC_BASE_BSP : 0);
	apic->mode = LAPIC_MODE_XAPIC;
	apic->id_written = false;
	lapic_put(apic, LAPIC_ID, apic->id << 24);
	reset_registers(apic, lint0_extint);
	return LAPIC_FX_EVENTS | LAPIC_FX_TIMER | LAPIC_FX_MAP | LAPIC_FX_BASE | LAPIC_FX_ENABLE |
	       LAPIC_FX_LINT0;
}

/**
 * lapic_init_reset() - INIT: everything but mode, base and ID
 * @apic: the APIC
 * @lint0_extint: LINT0 starts as an unmasked ExtINT
 *
 * Return: effects.
 */
u32 lapic_init_reset(struct lapic *apic, bool lint0_extint)
{
	reset_registers(apic, lint0_extint);
	return LAPIC_FX_EVENTS | LAPIC_FX_TIMER | LAPIC_FX_MAP | LAPIC_FX_LINT0;
}

/**
 * lapic_rescan() - find anew what is kept beside the register page
 * @apic: the APIC
 *
 * For a page that somebody else has written: an image, or hardware that works
 * on it directly.
 */
void lapic_rescan(struct lapic *apic)
{
	u32 w, isr;

	apic->isr_top = -1;
	apic->isr_words = 0;
	for (w = 0; w < 8; w++) {
		isr = lapic_get(apic, LAPIC_ISR + w * 16);
		if (isr) {
			apic->isr_words |= BIT(w);
			apic->isr_top = w * 32 + fls(isr) - 1;
		}
	}
	/* A hint that says too much is corrected when it is used. */
	WRITE_ONCE(apic->irr_words, 0xff);
	lapic_highest_irr(apic);
	update_enabled(apic);
}

/**
 * lapic_highest_irr() - highest requested vector, whatever the priorities
 * @apic: the APIC
 *
 * Any context.  Return: the vector or -1.
 */
int lapic_highest_irr(struct lapic *apic)
{
	u32 words, w, irr, *word;

	while ((words = READ_ONCE(apic->irr_words))) {
		w = fls(words) - 1;
		word = lapic_reg(apic, LAPIC_IRR + w * 16);
		irr = READ_ONCE(*word);
		if (irr)
			return w * 32 + fls(irr) - 1;
		/*
		 * The hint is cleared before the second look, and
		 * lapic_request() sets the bit before it looks at the hint:
		 * one of the two sees the other.
		 */
		atomic_and32(&apic->irr_words, ~(u32)BIT(w));
		if (READ_ONCE(*word))
			atomic_or32(&apic->irr_words, BIT(w));
	}
	return -1;
}

/* Enabling, disabling, modes */

static enum lapic_mode base_mode(u64 base)
{
	if (!(base & LAPIC_BASE_ENABLE))
		return LAPIC_MODE_DISABLED;
	return base & LAPIC_BASE_X2APIC ? LAPIC_MODE_X2APIC : LAPIC_MODE_XAPIC;
}

/*
 * "x2APIC State Transitions": the guest may go from disabled to xAPIC, from
 * xAPIC to x2APIC, and from anywhere to disabled.
 */
static bool transition_allowed(enum lapic_mode from, enum lapic_mode to)
{
	static const u8 allowed[] = {
		[LAPIC_MODE_DISABLED] = BIT(LAPIC_MODE_DISABLED) | BIT(LAPIC_MODE_XAPIC),
		[LAPIC_MODE_XAPIC] = BIT(LAPIC_MODE_DISABLED) | BIT(LAPIC_MODE_XAPIC) |
				     BIT(LAPIC_MODE_X2APIC),
		[LAPIC_MODE_X2APIC] = BIT(LAPIC_MODE_DISABLED) | BIT(LAPIC_MODE_X2APIC),
	};

	return allowed[from] & BIT(to);
}

static void change_mode(struct lapic *apic, enum lapic_mode to)
{
	enum lapic_mode from = apic->mode;

	apic->mode = to;
	switch (to) {
	case LAPIC_MODE_X2APIC:
		lapic_put(apic, LAPIC_ID, apic->id);
		if (from == LAPIC_MODE_DISABLED)
			reset_registers(apic, false);
		lapic_put(apic, LAPIC_LDR, x2apic_ldr(apic->id));
		lapic_put(apic, LAPIC_DFR, 0);
		lapic_put(apic, LAPIC_ICR2, 0);
		/* What xAPIC mode kept of reserved bits is a fault here. */
		lapic_put(apic, LAPIC_ICR, lapic_get(apic, LAPIC_ICR) & ICR_WRITABLE);
		break;
	case LAPIC_MODE_XAPIC:
		apic->id_written = false;
		lapic_put(apic, LAPIC_ID, apic->id << 24);
		if (from == LAPIC_MODE_DISABLED)
			reset_registers(apic, false);
		lapic_put(apic, LAPIC_LDR, 0);
		lapic_put(apic, LAPIC_DFR, ~0U);
		lapic_put(apic, LAPIC_ICR2, 0);
		break;
	case LAPIC_MODE_DISABLED:
		/* State is lost; what is still requested never comes. */
		apic->id_written = false;
		lapic_put(apic, LAPIC_ID, apic->id << 24);
		reset_registers(apic, false);
		break;
	}
	update_enabled(apic);
}

/**
 * lapic_check_base() - may IA32_APIC_BASE be written so?
 * @old: its value
 * @value: what is written
 * @reserved: address bits beyond the guest's physical address width
 * @features: enum lapic_feature
 * @host: restoring state: any mode may follow any other
 *
 * Return: 0, or -EINVAL where the guest gets #GP.
 */
int lapic_check_base(u64 old, u64 value, u64 reserved, u32 features, bool host)
{
	enum lapic_mode to = base_mode(value);

	reserved |= 0xff | BIT_ULL(9);
	if (!(features & LAPIC_F_X2APIC))
		reserved |= LAPIC_BASE_X2APIC;
	if (value & reserved)
		return -EINVAL;
	if ((value & LAPIC_BASE_X2APIC) && to != LAPIC_MODE_X2APIC)
		return -EINVAL;
	return host || transition_allowed(base_mode(old), to) ? 0 : -EINVAL;
}

/**
 * lapic_set_base() - write IA32_APIC_BASE
 * @apic: the APIC
 * @value: what is written
 * @reserved: address bits beyond the guest's physical address width
 * @host: restoring state: any mode may follow any other
 *
 * Return: effects, or -EINVAL where the guest gets #GP.
 */
int lapic_set_base(struct lapic *apic, u64 value, u64 reserved, bool host)
{
	enum lapic_mode to = base_mode(value);
	u64 changed = apic->base ^ value;
	u32 fx = 0;

	if (lapic_check_base(apic->base, value, reserved, apic->features, host))
		return -EINVAL;

	apic->base = value;
	if (changed & LAPIC_BASE_ENABLE)
		fx |= LAPIC_FX_ENABLE;
	if (changed & LAPIC_BASE_ADDR_MASK)
		fx |= LAPIC_FX_BASE;
	if (to != apic->mode) {
		change_mode(apic, to);
		fx |= LAPIC_FX_BASE | LAPIC_FX_MAP | LAPIC_FX_TIMER | LAPIC_FX_LINT0 |
		      LAPIC_FX_EVENTS;
	}
	return fx;
}

/* Interrupts of the APIC's own: local vector table, errors */

/**
 * lapic_error() - record an error and raise the error interrupt
 * @apic: the APIC
 * @esr_bit: LAPIC_ESR_*
 *
 * Any context.  Return: whether that set a new IRR bit.
 */
bool lapic_error(struct lapic *apic, u32 esr_bit)
{
	u32 lvt = lapic_get(apic, LAPIC_LVT_ERROR);

	if (READ_ONCE(apic->esr) & esr_bit)
		return false;
	atomic_or32(&apic->esr, esr_bit);
	if ((lvt & LAPIC_LVT_MASKED) || !READ_ONCE(apic->enabled))
		return false;
	if ((u8)lvt < 16) {
		atomic_or32(&apic->esr, LAPIC_ESR_RECEIVE_VECTOR);
		return false;
	}
	return lapic_request(apic, lvt, false);
}

/**
 * lapic_accept() - offer a message that is addressed to this APIC
 * @apic: the APIC
 * @delivery: enum lapic_delivery
 * @vector: interrupt vector
 * @level: trigger mode
 *
 * Any context.
 */
enum lapic_accepted lapic_accept(struct lapic *apic, u8 delivery, u8 vector, bool level)
{
	if (READ_ONCE(apic->mode) == LAPIC_MODE_DISABLED)
		return LAPIC_REFUSED;

	switch (delivery) {
	case LAPIC_DM_FIXED:
	case LAPIC_DM_LOWEST:
		if (!READ_ONCE(apic->enabled))
			return LAPIC_REFUSED;
		if (vector < 16)
			return lapic_error(apic, LAPIC_ESR_RECEIVE_VECTOR) ? LAPIC_ACCEPTED :
									     LAPIC_REFUSED;
		return lapic_request(apic, vector, level) ? LAPIC_ACCEPTED : LAPIC_COALESCED;
	case LAPIC_DM_SMI:
		return LAPIC_TAKE_SMI;
	case LAPIC_DM_NMI:
		return LAPIC_TAKE_NMI;
	case LAPIC_DM_INIT:
		return LAPIC_TAKE_INIT;
	case LAPIC_DM_SIPI:
		return LAPIC_TAKE_SIPI;
	case LAPIC_DM_EXTINT:
		return LAPIC_TAKE_EXTINT;
	default:
		return LAPIC_REFUSED;
	}
}

/* Delivers what LVT entry @lvt (its value) says.  Return: effects. */
static u32 deliver_lvt(struct lapic *apic, u32 lvt, bool level)
{
	switch (lvt >> 8 & 7) {
	case LAPIC_DM_FIXED:
		return lapic_accept_fixed(apic, lvt, level) == LAPIC_ACCEPTED ? LAPIC_FX_EVENTS : 0;
	case LAPIC_DM_SMI:
		return LAPIC_FX_SMI;
	case LAPIC_DM_NMI:
		return LAPIC_FX_NMI;
	case LAPIC_DM_INIT:
		return LAPIC_FX_INIT;
	case LAPIC_DM_EXTINT:
		return LAPIC_FX_EXTINT;
	default:
		return 0;
	}
}

/**
 * lapic_local_interrupt() - a source inside the CPU fires
 * @apic: the APIC
 * @lvt: its register: LAPIC_LVT_PERF, LAPIC_LVT_THERMAL, LAPIC_LVT_CMCI
 *
 * Owner.  Return: effects.
 */
u32 lapic_local_interrupt(struct lapic *apic, u32 lvt)
{
	u32 value = lapic_get(apic, lvt);

	if (apic->mode == LAPIC_MODE_DISABLED || !is_lvt(apic, lvt) || (value & LAPIC_LVT_MASKED))
		return 0;
	if (lvt == LAPIC_LVT_PERF && (apic->features & LAPIC_F_PMI_MASKS))
		lapic_put(apic, lvt, value | LAPIC_LVT_MASKED);
	return deliver_lvt(apic, value, false);
}

static bool lint_is_level(u32 lvt)
{
	return (lvt & LAPIC_LVT_LEVEL) && (lvt >> 8 & 7) == LAPIC_DM_FIXED;
}

/* A level-triggered LINT pin asks again until its EOI finds it low. */
static u32 service_level_lint(struct lapic *apic, unsigned int lint)
{
	u32 lvt = lapic_get(apic, LAPIC_LVT_LINT0 + lint * 16);
	u32 state = READ_ONCE(apic->lint);

	if (!(state & LINT_LEVEL(lint)) || (lvt & LAPIC_LVT_MASKED) || !lint_is_level(lvt) ||
	    !READ_ONCE(apic->enabled))
		return 0;
	if (atomic_set_bit32(&apic->lint, lint + 2))
		return 0;
	return deliver_lvt(apic, lvt, true);
}

/**
 * lapic_set_lint() - drive LINT0 or LINT1
 * @apic: the APIC
 * @lint: 0 or 1
 * @level: its level
 *
 * Any context, but one caller at a time for a pin.  Return: effects.
 */
u32 lapic_set_lint(struct lapic *apic, unsigned int lint, bool level)
{
	u32 lvt = lapic_get(apic, LAPIC_LVT_LINT0 + lint * 16);

	if (!level) {
		atomic_and32(&apic->lint, ~LINT_LEVEL(lint));
		return 0;
	}
	if (atomic_set_bit32(&apic->lint, lint))
		return 0;
	if (READ_ONCE(apic->mode) == LAPIC_MODE_DISABLED || (lvt & LAPIC_LVT_MASKED))
		return 0;
	if (lint_is_level(lvt))
		return service_level_lint(apic, lint);
	return deliver_lvt(apic, lvt, false);
}

/**
 * lapic_takes_extint() - does this CPU take the 8259's interrupts?
 * @apic: the APIC
 *
 * So it does with the APIC disabled, and through LINT0 in ExtINT mode
 * ("virtual wire").  Any context.
 */
bool lapic_takes_extint(const struct lapic *apic)
{
	u32 lvt = lapic_get(apic, LAPIC_LVT_LINT0);

	if (READ_ONCE(apic->mode) == LAPIC_MODE_DISABLED)
		return true;
	return !(lvt & LAPIC_LVT_MASKED) && (lvt >> 8 & 7) == LAPIC_DM_EXTINT;
}

/* The EOI of a level-triggered or watched vector.  Return: effects. */
u32 lapic_eoi_level(struct lapic *apic, u8 vector)
{
	bool level = lapic_test(apic, LAPIC_TMR, vector);
	unsigned int lint;
	u32 fx = 0;

	for (lint = 0; lint < 2; lint++) {
		u32 lvt = lapic_get(apic, LAPIC_LVT_LINT0 + lint * 16);

		if (!(READ_ONCE(apic->lint) & LINT_REMOTE_IRR(lint)) || (u8)lvt != vector)
			continue;
		atomic_and32(&apic->lint, ~LINT_REMOTE_IRR(lint));
		fx |= service_level_lint(apic, lint);
	}

	/* "Directed EOI": the guest tells the I/O APIC itself. */
	if (level && (lapic_get(apic, LAPIC_SVR) & LAPIC_SVR_DIRECTED_EOI))
		return fx;
	return fx | LAPIC_FX_EOI | (u32)vector << LAPIC_FX_VECTOR_SHIFT;
}

/* Interprocessor interrupts */

static void decode_icr(const struct lapic *apic, u32 low, u32 high, struct lapic_msg *msg)
{
	msg->x2apic = apic->mode == LAPIC_MODE_X2APIC;
	msg->dest = msg->x2apic ? high : high >> 24;
	msg->vector = low;
	msg->delivery = low >> 8 & 7;
	msg->shorthand = low >> 18 & 3;
	msg->logical = low & LAPIC_ICR_LOGICAL;
	msg->assert = low & LAPIC_ICR_ASSERT;
	/* The trigger mode counts for INIT only; the rest is edge. */
	msg->level = (low & LAPIC_ICR_LEVEL) && msg->delivery == LAPIC_DM_INIT;
	msg->ipi = true;
}

/**
 * lapic_icr_message() - what the ICR, just written, sends
 * @apic: the APIC
 * @msg: receives the message
 */
void lapic_icr_message(const struct lapic *apic, struct lapic_msg *msg)
{
	decode_icr(apic, lapic_get(apic, LAPIC_ICR), lapic_get(apic, LAPIC_ICR2), msg);
}

static u32 self_ipi(struct lapic *apic, u8 vector)
{
	if (unlikely(vector < 16)) {
		lapic_error(apic, LAPIC_ESR_SEND_VECTOR);
		return LAPIC_FX_EVENTS;
	}
	return lapic_accept_fixed(apic, vector, false) == LAPIC_ACCEPTED ? LAPIC_FX_EVENTS : 0;
}

/*
 * Which delivery modes a shorthand that reaches the sender itself can carry:
 * INIT and SIPI cannot.  "Valid Combinations for the ICR".
 */
static bool self_allowed(u32 delivery)
{
	return delivery != LAPIC_DM_INIT && delivery != LAPIC_DM_SIPI;
}

/**
 * lapic_write_icr() - send an interprocessor interrupt
 * @apic: the APIC
 * @low: ICR bits 31:0
 * @high: ICR bits 63:32 in the format of the current mode
 *
 * An interrupt to the CPU itself by shorthand is delivered at once.
 *
 * Return: effects.
 */
u32 lapic_write_icr(struct lapic *apic, u32 low, u32 high)
{
	u32 delivery = low >> 8 & 7;
	u32 shorthand = low >> 18 & 3;

	/* What is reserved is kept in xAPIC mode, and a fault in the other. */
	low &= ~(u32)LAPIC_ICR_BUSY;
	lapic_put(apic, LAPIC_ICR, low);
	lapic_put(apic, LAPIC_ICR2, high);

	switch (delivery) {
	case LAPIC_DM_FIXED:
	case LAPIC_DM_LOWEST:
		if (shorthand == LAPIC_SH_SELF)
			return self_ipi(apic, low);
		if (unlikely((u8)low < 16)) {
			lapic_error(apic, LAPIC_ESR_SEND_VECTOR);
			return LAPIC_FX_EVENTS;
		}
		return LAPIC_FX_IPI;
	case LAPIC_DM_INIT:
		/* Level de-assert set arbitration IDs once; nobody has them. */
		if ((low & LAPIC_ICR_LEVEL) && !(low & LAPIC_ICR_ASSERT))
			return 0;
		break;
	case LAPIC_DM_RESERVED:
	case LAPIC_DM_EXTINT:
		return 0;
	}
	if ((shorthand == LAPIC_SH_SELF || shorthand == LAPIC_SH_ALL) && !self_allowed(delivery))
		return 0;
	return LAPIC_FX_IPI;
}

/* Register accesses */

static u32 write_lvt(struct lapic *apic, u32 reg, u32 value)
{
	u32 fx = 0;

	value &= lvt_writable(apic, reg);
	if (!(lapic_get(apic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED;
	if (reg == LAPIC_LVT_TIMER)
		return lapic_timer_write(apic, reg, value);

	lapic_put(apic, reg, value);
	if (reg == LAPIC_LVT_LINT0 || reg == LAPIC_LVT_LINT1) {
		unsigned int lint = (reg - LAPIC_LVT_LINT0) / 16;

		if (!lint_is_level(value))
			atomic_and32(&apic->lint, ~LINT_REMOTE_IRR(lint));
		fx = service_level_lint(apic, lint);
	}
	return reg == LAPIC_LVT_LINT0 ? fx | LAPIC_FX_LINT0 : fx;
}

static u32 write_svr(struct lapic *apic, u32 value)
{
	bool was_enabled = apic->enabled;

	lapic_put(apic, LAPIC_SVR, value & svr_writable(apic));
	update_enabled(apic);
	if (!(value & LAPIC_SVR_ENABLE))
		mask_all_lvts(apic);
	/* Addresses stay, but who takes a message may be another one. */
	return LAPIC_FX_EVENTS | LAPIC_FX_LINT0 | (apic->enabled != was_enabled ? LAPIC_FX_MAP : 0);
}

static u32 write_address(struct lapic *apic, u32 reg, u32 value)
{
	if (lapic_get(apic, reg) == value)
		return 0;
	lapic_put(apic, reg, value);
	if (reg == LAPIC_ID)
		apic->id_written = true;
	return LAPIC_FX_MAP;
}

/* A write that its mode allows, of bits that exist or are ignored. */
static u32 write_reg(struct lapic *apic, u32 reg, u32 value)
{
	switch (reg) {
	case LAPIC_EOI:
		return lapic_eoi(apic);
	case LAPIC_TPR:
		return lapic_set_tpr(apic, value);
	case LAPIC_ICR:
		return lapic_write_icr(apic, value, lapic_get(apic, LAPIC_ICR2));
	case LAPIC_ICR2:
		lapic_put(apic, reg, value & 0xff000000);
		return 0;
	case LAPIC_ID:
	case LAPIC_LDR:
		return write_address(apic, reg, value & 0xff000000);
	case LAPIC_DFR:
		return write_address(apic, reg, value | DFR_RESERVED);
	case LAPIC_SVR:
		return write_svr(apic, value);
	case LAPIC_ESR:
		lapic_put(apic, reg, atomic_xchg32(&apic->esr, 0));
		return 0;
	case LAPIC_TMICT:
		return lapic_timer_write(apic, reg, value);
	case LAPIC_TDCR:
		return lapic_timer_write(apic, reg, value & TDCR_WRITABLE);
	case LAPIC_SELF_IPI:
		return self_ipi(apic, value);
	default:
		return write_lvt(apic, reg, value);
	}
}

static u32 read_reg(const struct lapic *apic, u32 reg)
{
	u32 value = lapic_get(apic, reg);

	switch (reg) {
	case LAPIC_PPR:
		return lapic_ppr(apic);
	case LAPIC_TMCCT:
		if (!apic->timer.counting)
			return 0;
		return lapic_timer_count(apic, apic->ops->now_ns((void *)apic));
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		if (READ_ONCE(apic->lint) & LINT_REMOTE_IRR((reg - LAPIC_LVT_LINT0) / 16))
			value |= LAPIC_LVT_REMOTE_IRR;
		return value;
	default:
		return value;
	}
}

/**
 * lapic_mmio_read() - the guest reads the APIC page in xAPIC mode
 * @apic: the APIC
 * @offset: into the page, 0 to 4095
 * @len: bytes, 1 to 8
 * @data: takes @len bytes
 *
 * A register answers to reads that stay within its four bytes; all else reads
 * as zero.  A reserved register sets the ESR.  Return: effects.
 */
int lapic_mmio_read(struct lapic *apic, u32 offset, unsigned int len, void *data)
{
	u32 reg = offset & ~15U;
	u32 at = offset & 15;
	u32 value;

	memset(data, 0, len);
	if (reg >= LAPIC_REGS_SIZE || !(R(reg) & (XAPIC_REGS | cmci_reg(apic))))
		return lapic_error(apic, LAPIC_ESR_ILLEGAL_REG) ? LAPIC_FX_EVENTS : 0;
	if (at + len > 4)
		return 0;
	value = reg == LAPIC_EOI ? 0 : read_reg(apic, reg);
	memcpy(data, (u8 *)&value + at, len);
	return 0;
}

/**
 * lapic_mmio_write() - the guest writes the APIC page in xAPIC mode
 * @apic: the APIC
 * @offset: into the MMIO page, bytes
 * @len: bytes
 * @data: the data
 *
 * Writes other than of four bytes at a register's start are ignored, and so
 * are those to read-only registers.  Return: effects.
 */
u32 lapic_mmio_write(struct lapic *apic, u32 offset, unsigned int len, const void *data)
{
	u64 exists = XAPIC_REGS | cmci_reg(apic);
	u32 value;

	if ((offset & 15) || len != 4)
		return 0;
	memcpy(&value, data, 4);
	if (offset >= LAPIC_REGS_SIZE || !(R(offset) & exists))
		return lapic_error(apic, LAPIC_ESR_ILLEGAL_REG) ? LAPIC_FX_EVENTS : 0;
	if (!(R(offset) & (XAPIC_WRITE | cmci_reg(apic))))
		return 0;
	return write_reg(apic, offset, value);
}

/* x2APIC: bits whose setting is a #GP, "Reserved Bit Checking". */
static u64 x2apic_reserved(const struct lapic *apic, u32 reg)
{
	switch (reg) {
	case LAPIC_EOI:
	case LAPIC_ESR:
		return ~0ULL;
	case LAPIC_TPR:
	case LAPIC_SELF_IPI:
		return ~0xffULL;
	case LAPIC_SVR:
		return ~(u64)svr_writable(apic);
	case LAPIC_TMICT:
		return ~0xffffffffULL;
	case LAPIC_TDCR:
		return ~(u64)TDCR_WRITABLE;
	case LAPIC_ICR:
		return (u32) ~(ICR_WRITABLE | LAPIC_ICR_BUSY);
	default:
		return ~(u64)(lvt_writable(apic, reg) | LVT_READ_ONLY);
	}
}

/**
 * lapic_msr_read() - RDMSR in x2APIC mode
 * @apic: the APIC
 * @msr: LAPIC_MSR_FIRST to LAPIC_MSR_LAST
 * @value: receives what is read
 *
 * Return: 0, or -EINVAL for #GP.
 */
int lapic_msr_read(struct lapic *apic, u32 msr, u64 *value)
{
	u32 reg = (msr - LAPIC_MSR_FIRST) << 4;

	if (apic->mode != LAPIC_MODE_X2APIC || reg >= LAPIC_REGS_SIZE ||
	    !(R(reg) & (X2APIC_READ | cmci_reg(apic))))
		return -EINVAL;
	*value = read_reg(apic, reg);
	if (reg == LAPIC_ICR)
		*value |= (u64)lapic_get(apic, LAPIC_ICR2) << 32;
	return 0;
}

/**
 * lapic_msr_write() - WRMSR in x2APIC mode
 * @apic: the APIC
 * @msr: LAPIC_MSR_FIRST to LAPIC_MSR_LAST
 * @value: what is written
 *
 * Return: effects, or -EINVAL for #GP.
 */
int lapic_msr_write(struct lapic *apic, u32 msr, u64 value)
{
	u32 reg = (msr - LAPIC_MSR_FIRST) << 4;

	if (unlikely(apic->mode != LAPIC_MODE_X2APIC))
		return -EINVAL;
	if (likely(reg == LAPIC_EOI))
		return value ? -EINVAL : (int)lapic_eoi(apic);
	if (reg >= LAPIC_REGS_SIZE || !(R(reg) & (X2APIC_WRITE | cmci_reg(apic))) ||
	    (value & x2apic_reserved(apic, reg)))
		return -EINVAL;
	if (reg == LAPIC_ICR)
		return lapic_write_icr(apic, value, value >> 32);
	return write_reg(apic, reg, value);
}

/* Saving and restoring */

/**
 * lapic_get_state() - the register page as KVM_GET_LAPIC gives it
 * @apic: the APIC
 * @image: takes LAPIC_REGS_SIZE bytes
 * @ids32: in x2APIC mode give the ID in 32 bits, not in bits 31:24
 */
void lapic_get_state(struct lapic *apic, void *image, bool ids32)
{
	static const u16 computed[] = { LAPIC_PPR, LAPIC_TMCCT, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1 };
	u32 i, value;

	memcpy(image, apic->regs, LAPIC_REGS_SIZE);
	for (i = 0; i < ARRAY_SIZE(computed); i++) {
		value = read_reg(apic, computed[i]);
		memcpy((u8 *)image + computed[i], &value, 4);
	}
	if (apic->mode == LAPIC_MODE_X2APIC && !ids32) {
		value = apic->id << 24;
		memcpy((u8 *)image + LAPIC_ID, &value, 4);
	}
}

/* The bits of @reg that a restored image may set. */
static u32 image_mask(const struct lapic *apic, u32 reg)
{
	if (is_lvt(apic, reg))
		return lvt_writable(apic, reg);
	if (reg == LAPIC_ISR || reg == LAPIC_TMR || reg == LAPIC_IRR)
		return 0xffff0000; /* vectors below 16 do not exist */
	if (R(reg) & (R8(LAPIC_ISR) | R8(LAPIC_TMR) | R8(LAPIC_IRR)))
		return ~0U;

	switch (reg) {
	case LAPIC_TPR:
		return 0xff;
	case LAPIC_ID:
	case LAPIC_LDR:
		return 0xff000000;
	case LAPIC_ICR2:
		return apic->mode == LAPIC_MODE_X2APIC ? ~0U : 0xff000000;
	case LAPIC_DFR:
		return apic->mode == LAPIC_MODE_X2APIC ? 0 : ~0U;
	case LAPIC_SVR:
		return svr_writable(apic);
	case LAPIC_ESR:
		return ESR_BITS;
	case LAPIC_ICR:
		return apic->mode == LAPIC_MODE_X2APIC ? ICR_WRITABLE : ~(u32)LAPIC_ICR_BUSY;
	case LAPIC_TDCR:
		return TDCR_WRITABLE;
	case LAPIC_TMICT:
		return ~0U;
	default:
		return 0;
	}
}

static u32 image_get(const void *image, u32 reg)
{
	u32 value;

	memcpy(&value, (const u8 *)image + reg, 4);
	return value;
}

/**
 * lapic_set_state() - take a register page as KVM_SET_LAPIC brings it
 * @apic: the APIC
 * @image: LAPIC_REGS_SIZE bytes of any content
 * @ids32: as for lapic_get_state()
 *
 * Bits that cannot be set in an APIC are dropped.  LVT entries may be unmasked
 * although the APIC is disabled by software: LINT0 is at reset.  The mode is that of
 * IA32_APIC_BASE, which is restored first.  The TSC deadline is not part of
 * the image; it is disarmed.
 *
 * Return: effects, or -EINVAL (and nothing changed) for an x2APIC ID that is
 * not the APIC's own.
 */
int lapic_set_state(struct lapic *apic, const void *image, bool ids32)
{
	bool x2apic = apic->mode == LAPIC_MODE_X2APIC;
	u32 reg, lint, id = image_get(image, LAPIC_ID);

	if (x2apic && ids32 && id != apic->id)
		return -EINVAL;

	lapic_timer_stop(apic);
	memset(apic->regs, 0, LAPIC_REGS_SIZE);
	for (reg = 0; reg < LAPIC_REGS_SIZE; reg += 16)
		lapic_put(apic, reg, image_get(image, reg) & image_mask(apic, reg));
	lapic_put(apic, LAPIC_VERSION, version(apic));
	if (x2apic) {
		lapic_put(apic, LAPIC_ID, apic->id);
		lapic_put(apic, LAPIC_LDR, x2apic_ldr(apic->id));
	} else {
		*lapic_reg(apic, LAPIC_DFR) |= DFR_RESERVED;
		apic->id_written = id >> 24 != (apic->id & 0xff);
	}
	WRITE_ONCE(apic->esr, 0);
	atomic_and32(&apic->lint, LINT_LEVEL(0) | LINT_LEVEL(1));
	for (lint = 0; lint < 2; lint++) {
		u32 lvt = image_get(image, LAPIC_LVT_LINT0 + lint * 16);

		if ((lvt & LAPIC_LVT_REMOTE_IRR) && lint_is_level(lvt))
			atomic_or32(&apic->lint, LINT_REMOTE_IRR(lint));
	}
	lapic_rescan(apic);
	lapic_timer_resume(apic, image_get(image, LAPIC_TMCCT), apic->ops->now_ns(apic));
	return LAPIC_FX_EVENTS | LAPIC_FX_TIMER | LAPIC_FX_MAP | LAPIC_FX_LINT0;
}
