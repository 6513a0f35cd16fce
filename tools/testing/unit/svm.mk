# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_svm_entry_check
test_svm_entry_check-srcs := tools/testing/unit/test_svm_entry_check.c arch/x86/kvm/svm/entry_check.c

TESTS += test_svm_avic
test_svm_avic-srcs := tools/testing/unit/test_svm_avic.c arch/x86/kvm/svm/avic_tables.c
