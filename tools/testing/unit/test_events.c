// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue: how exceptions combine, and which event comes next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "events_core.h"

#define DE 0
#define DB 1
#define UD 6
#define DF 8
#define NP 11
#define GP 13
#define PF 14
#define MC 18

/* What a second exception makes of a first one. */
enum result { SECOND, DOUBLE, TRIPLE };

static const struct {
	u8 first, second;
	enum result result;
} combinations[] = {
	/* benign first: always serially */
	{ UD, UD, SECOND },
	{ UD, GP, SECOND },
	{ UD, PF, SECOND },
	{ DB, DF, SECOND },
	{ MC, GP, SECOND },
	/* contributory first */
	{ GP, UD, SECOND },
	{ GP, GP, DOUBLE },
	{ NP, GP, DOUBLE },
	{ DE, NP, DOUBLE },
	{ GP, PF, SECOND },
	/* page fault first */
	{ PF, UD, SECOND },
	{ PF, GP, DOUBLE },
	{ PF, PF, DOUBLE },
	{ PF, DB, SECOND },
	/* double fault first */
	{ DF, UD, SECOND },
	{ DF, GP, TRIPLE },
	{ DF, PF, TRIPLE },
	{ DF, DF, TRIPLE },
};

static void check_combination(size_t i, bool injected)
{
	struct kvm_event_queue q = {
		.exception = { .pending = !injected,
			       .injected = injected,
			       .vector = combinations[i].first },
	};
	struct kvm_exception e = { .vector = combinations[i].second,
				   .has_error_code = true,
				   .error_code = 5 };
	bool triple = kvm_events_queue_exception(&q, &e);

	assert_int_equal(triple, combinations[i].result == TRIPLE);
	assert_int_equal(q.triple_fault, triple);
	if (triple)
		return;
	assert_true(q.exception.pending);
	assert_false(q.exception.injected);
	if (combinations[i].result == DOUBLE) {
		assert_int_equal(q.exception.vector, DF);
		assert_true(q.exception.has_error_code);
		assert_int_equal(q.exception.error_code, 0);
	} else {
		assert_int_equal(q.exception.vector, combinations[i].second);
		assert_int_equal(q.exception.error_code, 5);
	}
}

static void exceptions_combine_with_a_pending_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(combinations); i++)
		check_combination(i, false);
}

static void exceptions_combine_with_one_in_delivery(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(combinations); i++)
		check_combination(i, true);
}

static void an_exception_alone_is_taken_as_it_is(void **state)
{
	struct kvm_event_queue q = {};
	struct kvm_exception e = { .vector = PF,
				   .has_error_code = true,
				   .error_code = 7,
				   .has_payload = true,
				   .payload = 9 };

	assert_false(kvm_events_queue_exception(&q, &e));
	assert_true(q.exception.pending);
	assert_int_equal(q.exception.vector, PF);
	assert_int_equal(q.exception.error_code, 7);
	assert_true(q.exception.has_payload);
	assert_int_equal(q.exception.payload, 9);
}

static void classes_follow_the_manual(void **state)
{
	const u32 contributory = BIT(0) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(21);

	for (u8 v = 0; v < 32; v++) {
		enum kvm_exception_class want = v == PF		      ? KVM_EXC_PF :
						v == DF		      ? KVM_EXC_DF :
						contributory & BIT(v) ? KVM_EXC_CONTRIBUTORY :
									KVM_EXC_BENIGN;
		assert_int_equal(kvm_exception_class(v), want);
	}
}

static void error_codes_exist_in_protected_mode_only(void **state)
{
	const u32 with = BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17) |
			 BIT(21) | BIT(29) | BIT(30);

	for (int v = 0; v < 256; v++) {
		assert_int_equal(kvm_exception_has_error_code(v, true), v < 32 && (with & BIT(v)));
		assert_false(kvm_exception_has_error_code(v, false));
	}
}

/*
 * The order, as a list: the first line whose condition holds is the plan.  Every state of the queue and of the guest is
 * compared with it.
 */
static enum kvm_event_kind oracle(const struct kvm_event_queue *q, const struct kvm_event_env *env)
{
	const struct {
		bool when;
		enum kvm_event_kind kind;
	} order[] = {
		{ q->triple_fault, KVM_EVENT_TRIPLE_FAULT },
		{ q->exception.injected, KVM_EVENT_REINJECT_EXCEPTION },
		{ q->exception.pending, KVM_EVENT_EXCEPTION },
		{ q->nmi_injected, KVM_EVENT_REINJECT_NMI },
		{ q->irq_injected, KVM_EVENT_REINJECT_IRQ },
		{ q->smi_pending && env->smi_allowed, KVM_EVENT_SMI },
		{ q->nmi_pending && env->nmi_allowed, KVM_EVENT_NMI },
		{ env->irq_pending && env->irq_allowed, KVM_EVENT_IRQ },
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (order[i].when)
			return order[i].kind;
	}
	return KVM_EVENT_NONE;
}

static void the_plan_keeps_the_order_of_priorities(void **state)
{
	for (u32 bits = 0; bits < 1U << 12; bits++) {
		struct kvm_event_queue q = {
			.triple_fault = bits & BIT(0),
			.exception = { .injected = bits & BIT(1),
				       .pending = bits & BIT(2),
				       .vector = GP },
			.nmi_injected = bits & BIT(3),
			.irq_injected = bits & BIT(4),
			.nmi_pending = (bits >> 5) & 3,
			.smi_pending = bits & BIT(7),
		};
		struct kvm_event_env env = {
			.nmi_allowed = bits & BIT(8),
			.smi_allowed = bits & BIT(9),
			.irq_allowed = bits & BIT(10),
			.irq_pending = bits & BIT(11),
		};
		struct kvm_event_plan plan;

		if (q.nmi_pending == 3)
			continue;
		plan = kvm_events_plan(&q, &env);
		assert_int_equal(plan.kind, oracle(&q, &env));
		/* Whoever is left waiting asks for a window. */
		assert_int_equal(plan.want_irq_window,
				 env.irq_pending && plan.kind != KVM_EVENT_IRQ);
		assert_int_equal(plan.want_nmi_window,
				 q.nmi_pending - (plan.kind == KVM_EVENT_NMI) > 0);
		assert_int_equal(plan.want_smi_window, q.smi_pending && plan.kind != KVM_EVENT_SMI);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_follow_the_manual),
		cmocka_unit_test(error_codes_exist_in_protected_mode_only),
		cmocka_unit_test(an_exception_alone_is_taken_as_it_is),
		cmocka_unit_test(exceptions_combine_with_a_pending_one),
		cmocka_unit_test(exceptions_combine_with_one_in_delivery),
		cmocka_unit_test(the_plan_keeps_the_order_of_priorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
