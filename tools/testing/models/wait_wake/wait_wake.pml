/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting and waking: a vCPU that halts or enters the guest, and threads that have an event for it.
 *
 * The protocol of virt/kvm/halt.c, kvm_vcpu_kick() and enter_guest() in arch/x86/kvm/run.c:
 *
 *	waker					vCPU
 *	event = 1 (IRR)				halted:   waiting = me
 *	request = 1				          state = SLEEPING
 *	barrier					          barrier
 *	mode == OUTSIDE:			          event or request? else sleep
 *	   sleeper? wake it			entering: mode = IN_GUEST
 *	mode == IN_GUEST:			          barrier
 *	   mode: IN_GUEST -> EXITING?		          request? else enter
 *	   interrupt the CPU where it is	serving:  request = 0
 *	mode == EXITING: nothing		          barrier
 *						          event? take it
 *						leaving:  mode = OUTSIDE
 *						          take host interrupts
 *						          perhaps go to another CPU
 *
 * Stores go through a store buffer of one entry a variable, as they do on x86: a thread's load may be done before its own
 * earlier store is visible.  A barrier, and every atomic operation, waits for the buffer to drain.
 *
 * What must hold: the vCPU is never asleep, nor in the guest without an interrupt on its way, with an event that nobody
 * will tell it of; and every event is taken.  As the models are of safety, both are assertions at the end states: Spin
 * finds a state in which nobody can go on (the vCPU sleeps, or runs its guest, forever) as an invalid end state.
 *
 * Each of these breaks the protocol in one place, and must be found out:
 *	-DLOOK_FIRST		the waker looks at mode and sleeper before its event is visible
 *	-DMODE_FIRST		only the mode is looked at before
 *	-DNO_WAKER_BARRIER	no barrier between making the request and looking at the mode
 *	-DNO_ENTRY_BARRIER	no barrier between setting the mode and testing the request
 *	-DNO_SECOND_TEST	entering does not test the request after the mode was set
 *	-DNO_STATE_FIRST	the sleeper looks for events before it has set its state
 *	-DNO_SLEEP_BARRIER	no barrier between setting the state and looking for events
 *	-DNO_WAKE		nobody looks for a sleeper
 *	-DCLEAR_LATE		the request is cleared after the event was looked for
 *	-DNO_IPI		the mode is changed, but no interrupt is sent
 *	-DCPU_FIRST		the CPU is looked up before the mode is changed
 *	-DTAKEN_INSIDE		a host interrupt can be taken, and the guest be entered again, with the mode as it is
 */

#define NWAKERS 2

#ifdef TWICE
#define EVENTS(w) (w == 0 -> 2 : 1)
#else
#define EVENTS(w) 1
#endif

mtype = { NONE, OUTSIDE, IN_GUEST, EXITING };
mtype = { RUNNING, SLEEPING };
/* A guest that halts, one that spins until its interrupt comes, and one whose next exit the inner loop serves */
mtype = { HALTS, SPINS, EXITS };

/* Memory, as all see it */
byte event;		/* bits of the IRR, one a waker */
bool request;
mtype mode = OUTSIDE;
byte cpu;		/* where the vCPU is */
bool waiting;		/* rcuwait: somebody is entered */
mtype state = RUNNING;	/* of the vCPU's thread */

bool ipi[2];		/* an interrupt that the CPU has not taken */
bool irqs_off;		/* on the vCPU's CPU */

byte taken[NWAKERS];
byte raised[NWAKERS];
byte running = NWAKERS;	/* wakers that are not done */

/* Store buffers: what is not visible yet. */
bool buf_request[NWAKERS];
byte buf_event[NWAKERS];	/* 0: empty */
mtype buf_mode = NONE;
bool buf_waiting;		/* waiting = true */
bool buf_state;			/* state = SLEEPING */

#define all_taken (taken[0] + taken[1] == EVENTS(0) + EVENTS(1))
#define drained (buf_mode == NONE && !buf_waiting && !buf_state)

/* The buffers drain by themselves, in the order of the stores; CPUs take interrupts when they may. */
active proctype drain()
{
end:
	do
	:: atomic { buf_mode != NONE -> mode = buf_mode; buf_mode = NONE }
	:: atomic { buf_waiting && buf_mode == NONE -> waiting = true; buf_waiting = false }
	:: atomic { buf_state && !buf_waiting && buf_mode == NONE -> state = SLEEPING; buf_state = false }
	:: atomic { buf_event[0] -> event = event | 1; buf_event[0] = 0 }
	:: atomic { buf_event[1] -> event = event | 2; buf_event[1] = 0 }
	:: atomic { buf_request[0] && !buf_event[0] -> request = true; buf_request[0] = false }
	:: atomic { buf_request[1] && !buf_event[1] -> request = true; buf_request[1] = false }
	:: atomic { ipi[0] && (cpu != 0 || !irqs_off) -> ipi[0] = false }
	:: atomic { ipi[1] && (cpu != 1 || !irqs_off) -> ipi[1] = false }
	od
}

/* kvm_vcpu_wake_up(): whoever is entered is made to run. */
inline wake()
{
#ifdef NO_WAKE
	skip
#else
	atomic {
		if
		:: waiting -> state = RUNNING
		:: else
		fi
	}
#endif
}

/* interrupt_guest().  Whoever changes the mode sends the interrupt. */
inline interrupt()
{
#ifdef CPU_FIRST
	to = cpu;
#endif
	atomic {
		mine = (mode == IN_GUEST);
		if
		:: mine -> mode = EXITING
		:: else
		fi
	}
#ifndef CPU_FIRST
	to = cpu;
#endif
#ifndef NO_IPI
	if
	:: mine -> ipi[to] = true
	:: else
	fi;
#endif
	mine = false;
	to = 0
}

inline make_event()
{
	/* The IRR bit: only a new one is told of. */
	atomic { buf_event[w] == 0 -> buf_event[w] = 1 };
	raised[w]++
}

/* kvm_vcpu_kick(), after its look at the mode */
inline kick()
{
	if
	:: seen == IN_GUEST -> interrupt()
	:: seen == OUTSIDE -> wake()
	:: seen == EXITING
	fi;
	seen = NONE
}

proctype waker(byte w)
{
	byte n, to;
	bool mine;
	mtype seen = NONE;

	do
	:: n == EVENTS(w) -> break
	:: else ->
		n++;
		/* The bit of the last one has been taken: else this one is the same. */
		(!(event & (1 << w)) && !buf_event[w] && taken[w] == raised[w]);
#ifdef LOOK_FIRST
		seen = mode;
		kick();
		make_event();
		atomic { buf_request[w] = true };
		(!buf_request[w]);
#else
#ifdef MODE_FIRST
		seen = mode;
#endif
		make_event();
		atomic { buf_request[w] = true };
#ifndef NO_WAKER_BARRIER
		(!buf_event[w] && !buf_request[w]);
#endif
#ifndef MODE_FIRST
		seen = mode;
#endif
		kick();
#endif
	od;
	running--
}

/* kvm_inner_loop_serve(), kvm_events_inject() */
inline serve()
{
#ifdef CLEAR_LATE
	look = event;
	request = false;
#else
	atomic { drained -> request = false }; /* test_and_clear_bit(): a barrier */
	look = event;
#endif
	atomic {
		if
		:: look & 1 -> event = event & 2; taken[0]++
		:: else
		fi;
		if
		:: look & 2 -> event = event & 1; taken[1]++
		:: else
		fi;
		look = 0
	}
}

/* block(): returns when there is something to do. */
inline halt()
{
	buf_waiting = true;
#ifdef NO_STATE_FIRST
	has = (event != 0 || request);
	buf_state = true;
	(drained);
#else
	buf_state = true;
#ifndef NO_SLEEP_BARRIER
	/* set_current_state(): a barrier */
	(drained);
#endif
	has = (event != 0 || request);
#endif
	if
	:: has -> atomic { drained -> state = RUNNING }
	:: else ->
asleep:		(drained && state == RUNNING)
	fi;
	waiting = false
}

/* One stay in the guest: it ends by an interrupt, or because the guest halts. */
inline enter()
{
	irqs_off = true;
	atomic { buf_mode == NONE -> buf_mode = IN_GUEST };
#ifndef NO_ENTRY_BARRIER
	(drained);
#endif
#ifndef NO_SECOND_TEST
	has = request;
#else
	has = false;
#endif
	if
	:: has
	:: else ->
in_guest:	if
#ifdef TAKEN_INSIDE
		:: ipi[cpu] && guest == EXITS -> ipi[cpu] = false; guest = SPINS; goto in_guest
#endif
		:: ipi[cpu]
		:: !ipi[cpu] && guest == HALTS
		:: !ipi[cpu] && guest == EXITS ->
			guest = SPINS;
			if
			:: request -> serve()
			:: else
			fi;
			goto in_guest
		fi
	fi;
	/* A store that is not waited for. */
	atomic { buf_mode == NONE -> buf_mode = OUTSIDE };
	irqs_off = false
}

/* Another CPU, once all stores to the old one's are visible, as the scheduler has it */
inline move()
{
	atomic { drained && !ipi[cpu] -> cpu = 1 - cpu }
}

active proctype vcpu()
{
	bool has;
	mtype guest = HALTS;
	byte look;

	run waker(0);
	run waker(1);
	do
	:: all_taken -> break
	:: else ->
		if
		:: request -> serve()
		:: else
		fi;
		if
		:: guest = SPINS
		:: guest = HALTS
		:: guest = EXITS
		fi;
		if
		:: all_taken -> skip
		:: else ->
			enter();
			if
			:: guest == HALTS -> halt()
			:: else
			fi;
			if
			:: move()
			:: skip
			fi
		fi
	od
}
