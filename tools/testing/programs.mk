# SPDX-License-Identifier: GPL-2.0-only
#
# User-space programs made of pure rooms.  The includer says what they are called
# (`programs`), where they go (`output`) and how they are compiled (CC, CFLAGS,
# LDLIBS); for each, NAME-srcs lists its sources as paths from the top, NAME-cppflags
# and NAME-cflags what it needs besides, NAME-deps what must be made before it.

top := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)

warnings := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all
CPPFLAGS += -D_GNU_SOURCE -I$(top)/arch/x86/kvm -I$(top)/tools/testing/unit \
	-I$(top)/include/uapi -I$(top)/arch/x86/include/uapi
CFLAGS += -std=gnu11 -O1 -g -fno-omit-frame-pointer $(warnings) $(sanitizers)

define program
$(1)-objs := $$(patsubst %.c,$(output)/$(1).d/%.o,$$($(1)-srcs))
-include $$($(1)-objs:.o=.d)

$$($(1)-objs): $(output)/$(1).d/%.o: $(top)/%.c
	@mkdir -p $$(@D)
	@echo "  CC    $(1): $$*.c"
	@$$(CC) $$(CPPFLAGS) $$($(1)-cppflags) $$(CFLAGS) $$($(1)-cflags) -MMD -MP -c -o $$@ $$<

$(output)/$(1): $$($(1)-objs) $$($(1)-deps)
	@echo "  LD    $(1)"
	@$$(CC) $$(CFLAGS) -o $$@ $$($(1)-objs) $$($(1)-ldlibs) $$(LDLIBS)
endef

$(foreach p,$(programs),$(eval $(call program,$(p))))

.DELETE_ON_ERROR:
