# SPDX-License-Identifier: GPL-2.0-only
emulate-srcs := $(sort $(wildcard $(here)../../../arch/x86/kvm/emulate/*.c))
emulate-hdrs := $(wildcard $(here)../../../arch/x86/kvm/emulate/*.h $(here)*.h) \
	$(here)../../../arch/x86/kvm/pure.h
plain-cc = gcc -std=gnu11 -O2 -g -Wall -D_GNU_SOURCE -I$(here)../../../arch/x86/kvm

# The emulator against the processor that this runs on.
PLAIN += differ
differ-seconds := 60
$(output)/differ: $(here)differ.c $(here)differ_case.c $(here)differ_machine.c $(here)rows_met.c $(here)native.c \
		$(emulate-srcs) $(emulate-hdrs)
	@mkdir -p $(@D)
	@echo "  CC    differ"
	@$(plain-cc) -no-pie -o $@ $(filter %.c,$^)

# The decoder against Zydis.
PLAIN += decode_length
decode_length-seconds := 60
zydis := $(if $(wildcard /usr/include/Zydis/Zydis.h),-DHAVE_ZYDIS -lZydis)
$(output)/decode_length: $(here)decode_length.c $(here)rows_met.c $(emulate-srcs) $(emulate-hdrs)
	@mkdir -p $(@D)
	@echo "  CC    decode_length"
	@$(plain-cc) -o $@ $(filter %.c,$^) $(zydis)

# libFuzzer: the decoder, and the executor with and without suspension.
emulate-top-srcs := $(patsubst $(here)../../../%,%,$(emulate-srcs))
FUZZERS += fuzz_emul_decode fuzz_emul_execute
fuzz_emul_decode-srcs := tools/testing/fuzz/fuzz_emul_decode.c $(emulate-top-srcs)
fuzz_emul_decode-args := -max_len=16
fuzz_emul_decode-seconds := 60
fuzz_emul_execute-srcs := tools/testing/fuzz/fuzz_emul_execute.c tools/testing/unit/emulate_machine.c \
	$(emulate-top-srcs)
fuzz_emul_execute-args := -max_len=160
fuzz_emul_execute-seconds := 60
fuzz_emul_execute-cppflags := -DSMALL_MACHINE
