// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A: what is sent goes to standard output at once, what is received comes from standard input.  A terminal is put
 * into raw mode, but for Ctrl-C.
 */
#include <termios.h>

#include "vmm.h"

#define DATA 0 /* the divisor's low byte with LCR_DLAB, as IER is its high one */
#define IER 1
#define IIR 2 /* the FIFO's control when written */
#define LCR 3
#define LSR 5
#define MSR 6

#define IER_RECEIVED 1
#define IER_SENT 2
#define IIR_NONE 1
#define IIR_SENT 2
#define IIR_RECEIVED 4
#define IIR_FIFO 0xc0
#define LCR_DLAB 0x80
#define LSR_RECEIVED 1
#define LSR_EMPTY 0x60 /* nothing left to send */
#define MSR_CONNECTED 0xb0

static u8 registers[8], divisor[2];
static u8 received[256];
static unsigned int head, tail; /* of what was received */
static bool sent; /* an interrupt for "sent" is due */
static int irq;
static struct termios terminal;

/* The reason of the interrupt, as in IIR. */
static u8 reason(void)
{
	if (registers[IER] & IER_RECEIVED && head != tail)
		return IIR_RECEIVED;
	if (registers[IER] & IER_SENT && sent)
		return IIR_SENT;
	return IIR_NONE;
}

static void interrupt(void)
{
	if (reason() != IIR_NONE)
		eventfd_write(irq, 1);
}

void serial_out(u16 offset, u8 value)
{
	if (offset < 2 && registers[LCR] & LCR_DLAB) {
		divisor[offset] = value;
	} else if (offset == DATA) {
		if (write(STDOUT_FILENO, &value, 1) != 1)
			exit(1);
		sent = true;
	} else {
		sent |= offset == IER && value & ~registers[IER] & IER_SENT;
		registers[offset] = value;
	}
	interrupt();
}

u8 serial_in(u16 offset)
{
	u8 value = registers[offset];

	if (offset < 2 && registers[LCR] & LCR_DLAB)
		return divisor[offset];
	switch (offset) {
	case DATA:
		value = head == tail ? 0 : received[tail++ % sizeof(received)];
		interrupt(); /* for the next */
		break;
	case IIR:
		value = reason() | IIR_FIFO;
		sent &= reason() != IIR_SENT;
		break;
	case LSR:
		value = LSR_EMPTY | (head != tail ? LSR_RECEIVED : 0);
		break;
	case MSR:
		value = MSR_CONNECTED;
	}
	return value;
}

static bool typed(void *unused)
{
	u8 key;

	if (head - tail == sizeof(received))
		return true; /* what does not fit waits in the terminal: this is called again */
	if (read(STDIN_FILENO, &key, 1) != 1)
		return false;
	received[head++ % sizeof(received)] = key;
	interrupt();
	return true;
}

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

void serial_init(void)
{
	struct termios raw;

	irq = irq_eventfd(SERIAL_GSI);
	watch(STDIN_FILENO, typed, NULL);
	if (tcgetattr(STDIN_FILENO, &terminal))
		return;
	raw = terminal;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	raw.c_lflag |= ISIG; /* Ctrl-C ends the VMM */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	atexit(restore_terminal);
}
