# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_vmx_entry_check
test_vmx_entry_check-srcs := tools/testing/unit/test_vmx_entry_check.c arch/x86/kvm/vmx/entry_check.c
