// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

#define STATUS_FAIL 1
#define STATUS_SKIP 4
#define CASE_SECONDS 30

extern const struct ktap_case __start_ktap_cases[], __stop_ktap_cases[];

/* What a case tells its parent besides its status. */
static struct {
	int failures;
	char reason[200];
} *shared;

static void line(const char *prefix, const char *format, va_list args)
{
	char text[600];
	int len = snprintf(text, sizeof(text), "# %s", prefix);

	vsnprintf(text + len, sizeof(text) - len - 1, format, args);
	strcat(text, "\n");
	/* One write a line: threads do not mix theirs. */
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(STATUS_FAIL);
}

void ktap_fail(const char *file, int number, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char prefix[100];
	va_list args;

	__atomic_add_fetch(&shared->failures, 1, __ATOMIC_SEQ_CST);
	snprintf(prefix, sizeof(prefix), "%s:%d: ", base ? base + 1 : file, number);
	va_start(args, format);
	line(prefix, format, args);
	va_end(args);
}

bool ktap_failed(void)
{
	return __atomic_load_n(&shared->failures, __ATOMIC_SEQ_CST) != 0;
}

void ktap_end(void)
{
	_exit(ktap_failed() ? STATUS_FAIL : 0);
}

void ktap_skip(const char *format, ...)
{
	va_list args;

	if (ktap_failed())
		ktap_end();
	va_start(args, format);
	vsnprintf(shared->reason, sizeof(shared->reason), format, args);
	va_end(args);
	_exit(STATUS_SKIP);
}

void ktap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("", format, args);
	va_end(args);
}

static int run_case(const struct ktap_case *c)
{
	const char *slower = getenv("SELFTEST_SLOWER");
	unsigned int seconds = (c->seconds ?: CASE_SECONDS) * (slower ? atoi(slower) : 1);
	int status;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		return STATUS_FAIL;
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(seconds);
		c->run();
		ktap_end();
	}
	if (waitpid(pid, &status, 0) != pid)
		return STATUS_FAIL;
	if (WIFEXITED(status))
		return ktap_failed() ? STATUS_FAIL : WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGALRM)
		printf("# not done after %u seconds\n", seconds);
	else
		printf("# ended by %s\n", strsignal(WTERMSIG(status)));
	return STATUS_FAIL;
}

/* The compiler lays the cases down in an order of its own. */
static int by_line(const void *a, const void *b)
{
	const struct ktap_case *const *x = a, *const *y = b;

	return (*x)->line - (*y)->line;
}

int main(int argc, char **argv)
{
	long count = __stop_ktap_cases - __start_ktap_cases;
	int passed = 0, failed = 0, skipped = 0;
	const struct ktap_case *cases[count];
	long only = argc > 1 ? atol(argv[1]) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return STATUS_FAIL;
	for (long i = 0; i < count; i++)
		cases[i] = &__start_ktap_cases[i];
	qsort(cases, count, sizeof(cases[0]), by_line);
	printf("TAP version 13\n1..%ld\n", count);
	for (long i = 0; i < count; i++) {
		const struct ktap_case *c = cases[i];

		if (only && only != i + 1)
			continue;
		switch (run_case(c)) {
		case 0:
			passed++;
			printf("ok %ld %s\n", i + 1, c->name);
			break;
		case STATUS_SKIP:
			skipped++;
			printf("ok %ld %s # SKIP %s\n", i + 1, c->name, shared->reason);
			break;
		default:
			failed++;
			printf("not ok %ld %s\n", i + 1, c->name);
		}
	}
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n", passed, failed,
	       skipped);
	if (failed)
		return STATUS_FAIL;
	return passed ? 0 : STATUS_SKIP;
}
