# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_cpuid_policy
test_cpuid_policy-srcs := tools/testing/unit/test_cpuid_policy.c arch/x86/kvm/cpuid_policy.c
