/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test cases and what they report, in KTAP.
 *
 * A program holds cases, each introduced by CASE().  main() is here: it runs every case in a child of its own, so that a
 * case that crashes, hangs or gives up takes nothing with it, and prints one line for each.  The status of the program is
 * 0 when no case failed, 1 when one did, 4 when all were skipped.
 */
#ifndef SELFTESTS_KTAP_H
#define SELFTESTS_KTAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ktap_case {
	const char *name;
	void (*run)(void);
	unsigned int seconds; /* limit, 0 for the usual one */
	int line;
};

#define KTAP_DEFINE(id, text, limit)                                         \
	static void case_##id(void);                                         \
	static const struct ktap_case ktap_case_##id                         \
		__attribute__((used, section("ktap_cases"), aligned(8))) = { \
			.name = (text),                                      \
			.run = case_##id,                                    \
			.seconds = (limit),                                  \
			.line = __LINE__,                                    \
		};                                                           \
	static void case_##id(void)

/* CASE(identifier, "what it proves") { … } */
#define CASE(id, text) KTAP_DEFINE(id, text, 0)
/* The same for one that needs longer than the usual limit, in seconds. */
#define CASE_SLOW(id, text, limit) KTAP_DEFINE(id, text, limit)

/* Takes note of a failure and goes on. */
void ktap_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Ends the case, from any thread. */
void ktap_end(void) __attribute__((noreturn));
/* Ends the case as skipped, unless it has failed already. */
void ktap_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A line of explanation. */
void ktap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether the case has failed so far. */
bool ktap_failed(void);

#define FAIL(...) ktap_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) ktap_skip(__VA_ARGS__)

/* Fails the case and goes on. */
#define CHECK(cond)                               \
	({                                        \
		bool _ok = (cond);                \
		if (!_ok)                         \
			FAIL("wrong: %s", #cond); \
		_ok;                              \
	})

/* Fails the case and ends it. */
#define REQUIRE(cond)               \
	({                          \
		if (!CHECK(cond))   \
			ktap_end(); \
	})

/* Both as 64-bit numbers, printed when they differ. */
#define CHECK_EQ(have, want)                                                                  \
	({                                                                                    \
		uint64_t _have = (uint64_t)(have), _want = (uint64_t)(want);                  \
		if (_have != _want)                                                           \
			FAIL("%s is %#llx, not %s (%#llx)", #have, (unsigned long long)_have, \
			     #want, (unsigned long long)_want);                               \
		_have == _want;                                                               \
	})

#define REQUIRE_EQ(have, want)             \
	({                                 \
		if (!CHECK_EQ(have, want)) \
			ktap_end();        \
	})

/* A system call that must succeed: its value. */
#define OK(call)                                                \
	({                                                      \
		long _ret = (call);                             \
		if (_ret < 0) {                                 \
			FAIL("%s: %s", #call, strerror(errno)); \
			ktap_end();                             \
		}                                               \
		_ret;                                           \
	})

/* A system call that must fail with this error. */
#define CHECK_ERRNO(call, error)                                                 \
	({                                                                       \
		errno = 0;                                                       \
		long _ret = (call);                                              \
		int _errno = errno;                                              \
		bool _ok = _ret == -1 && _errno == (error);                      \
		if (_ret != -1)                                                  \
			FAIL("%s gave %ld, not %s", #call, _ret, #error);        \
		else if (!_ok)                                                   \
			FAIL("%s: %s, not %s", #call, strerror(_errno), #error); \
		_ok;                                                             \
	})

#endif
