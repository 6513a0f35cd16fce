# SPDX-License-Identifier: GPL-2.0-only
emulate-srcs := $(patsubst $(here)../../../%,%,$(sort $(wildcard $(here)../../../arch/x86/kvm/emulate/*.c)))
emulate-test-srcs := tools/testing/unit/emulate_machine.c $(emulate-srcs)

EMULATE_TESTS := test_emulate_decode test_emulate_cases test_emulate_io test_emulate_string \
	test_emulate_segment test_emulate_system test_emulate_fpu test_emulate_stack
TESTS += $(EMULATE_TESTS)
$(foreach t,$(EMULATE_TESTS),$(eval $(t)-srcs := tools/testing/unit/$(t).c $(emulate-test-srcs)))
test_emulate_stack-cflags := -O2 -fno-sanitize=all -fomit-frame-pointer
