// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire CTL OUT ERR: sends what comes through three named pipes over one port.
 *
 * Part of the Intel machine's init.  Bochs puts each byte written to port 0xe9 on its
 * standard output, and the lab (bochs.py) takes frames from there:
 *
 *	0x01, the stream (one byte), the length (two, the low one first), the data
 *
 * A line of CTL is sent after all that the other two held when it was read, so that by
 * the time the status is told all that a command has written has been.  Ends when the last writer
 * of CTL has closed it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define PORT 0xe9
#define FRAME 1

enum { CTL, OUT, ERR, NR_STREAMS };

static const char streams[NR_STREAMS] = "coe";

static void put(const void *data, size_t size)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(size) : "d"(PORT) : "memory");
}

static void send(char stream, const char *data, size_t size)
{
	unsigned char head[4] = { FRAME, stream, size, size >> 8 };

	put(head, sizeof(head));
	put(data, size);
}

/* Sends what a command's stream holds at the moment. */
static void drain(int fd, char stream)
{
	char data[32768];
	ssize_t got;

	while ((got = read(fd, data, sizeof(data))) > 0)
		send(stream, data, got);
}

int main(int argc, char **argv)
{
	struct pollfd fds[NR_STREAMS];
	int i;

	if (argc != 1 + NR_STREAMS || iopl(3)) {
		perror("wire");
		return 1;
	}
	signal(SIGINT, SIG_IGN);
	for (i = 0; i < NR_STREAMS; i++) {
		/* A command's streams have a writer for good: they do not end. */
		fds[i].fd = open(argv[1 + i], i == CTL ? O_RDONLY : O_RDWR | O_NONBLOCK);
		fds[i].events = POLLIN;
		if (fds[i].fd < 0) {
			perror(argv[1 + i]);
			return 1;
		}
	}
	for (;;) {
		char line[512];
		ssize_t told = -1;

		if (poll(fds, NR_STREAMS, -1) < 0 && errno != EINTR)
			return 1;
		if (fds[CTL].revents)
			told = read(fds[CTL].fd, line, sizeof(line));
		for (i = OUT; i < NR_STREAMS; i++)
			drain(fds[i].fd, streams[i]);
		if (told == 0)
			return 0;
		if (told > 0)
			send(streams[CTL], line, told);
	}
}
