# SPDX-License-Identifier: GPL-2.0-only
emulate-srcs := $(patsubst $(here)../../../%,%,$(sort $(wildcard $(here)../../../arch/x86/kvm/emulate/*.c)))
emulate-test-srcs := tools/testing/unit/emulate_machine.c $(emulate-srcs)

EMULATE_TESTS := test_emulate_decode test_emulate_cases test_emulate_io test_emulate_string \
	test_emulate_cost test_emulate_segment test_emulate_events test_emulate_system test_emulate_fpu test_emulate_stack \
	test_emulate_branch
TESTS += $(EMULATE_TESTS)
$(foreach t,$(EMULATE_TESTS),$(eval $(t)-srcs := tools/testing/unit/$(t).c $(emulate-test-srcs)))
test_emulate_stack-cflags := -O2 -fno-sanitize=all -fomit-frame-pointer
test_emulate_cost-cflags := -O2 -fno-sanitize=all -fomit-frame-pointer

# A whole machine that runs in the emulator alone, and what it boots.
BOOT_TESTS := test_emulate_boot test_emulate_seabios
TESTS += $(BOOT_TESTS)
$(foreach t,$(BOOT_TESTS),$(eval $(t)-srcs := tools/testing/unit/$(t).c tools/testing/unit/emulate_pc.c \
	arch/x86/kvm/mmu/walk.c $(emulate-srcs)))
test_emulate_boot-cppflags = -DBOOT_ROM='"$(output)/boot.rom"' \
	-DBOOT_EXPECTED='"$(abspath $(here))/boot_rom.expected"'
# Tens of millions of instructions: without the sanitizers, under which the others run.
test_emulate_seabios-cflags := -O2 -fno-sanitize=all -fomit-frame-pointer
test_emulate_seabios-cppflags = -DSEABIOS='"/usr/share/seabios/bios-256k.bin"' \
	-DVMLINUZ='"$(firstword $(wildcard /boot/vmlinuz-*))"'
test_emulate_boot-deps = $(output)/boot.rom
$(output)/boot.rom: $(here)boot_rom.S
	@mkdir -p $(@D)
	@echo "  AS    boot.rom"
	@gcc -m64 -no-pie -nostdlib -static -Wl,-Ttext=0x20000,--oformat=binary,-N,--build-id=none -o $@ $<
