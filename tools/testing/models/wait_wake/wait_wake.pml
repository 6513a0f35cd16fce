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
 *	sleeper? wake it			          event or request? else sleep
 *	else mode == IN_GUEST and		entering: mode = IN_GUEST
 *	   mode: IN_GUEST -> EXITING?		          barrier
 *	   interrupt				          request? else enter
 *						serving:  request = 0
 *						          barrier
 *						          event? take it
 *
 * Stores go through a store buffer of one entry a thread, as they do on x86: a thread's load may be done before its own
 * earlier store is visible.  A barrier, and every atomic operation, waits for the buffer to drain.
 *
 * What must hold: the vCPU is never asleep, nor in the guest without an interrupt on its way, with an event that nobody
 * will tell it of; and every event is taken.  As the models are of safety, both are assertions at the end states: Spin
 * finds a state in which nobody can go on (the vCPU sleeps, or runs its guest, forever) as an invalid end state.
 *
 * Each of these breaks the protocol in one place, and must be found out:
 *	-DWAKE_FIRST		the waker looks for the sleeper before its event is visible
 *	-DNO_WAKER_BARRIER	no barrier between making the request and looking for the sleeper and the mode
 *	-DNO_ENTRY_BARRIER	no barrier between setting the mode and testing the request
 *	-DNO_SECOND_TEST	entering does not test the request after the mode was set
 *	-DNO_STATE_FIRST	the sleeper looks for events before it has set its state
 *	-DCLEAR_LATE		the request is cleared after the event was looked for
 *	-DNO_IPI		the mode is changed, but no interrupt is sent
 */

#define NWAKERS 2

#ifdef TWICE
#define EVENTS(w) (w == 0 -> 2 : 1)
#else
#define EVENTS(w) 1
#endif

mtype = { OUTSIDE, IN_GUEST, EXITING };
mtype = { RUNNING, SLEEPING };

/* Memory, as all see it */
byte event;		/* bits of the IRR, one a waker */
bool request;
mtype mode = OUTSIDE;
bool waiting;		/* rcuwait: somebody is entered */
mtype state = RUNNING;	/* of the vCPU's thread */
bool ipi;		/* an interrupt that the CPU has not taken */

byte taken[NWAKERS];
byte raised[NWAKERS];
byte running = NWAKERS;	/* wakers that are not done */

/* Store buffers: what is not visible yet. */
bool buf_request[NWAKERS];
byte buf_event[NWAKERS];	/* 0: empty */
bool buf_mode;			/* mode = IN_GUEST */
bool buf_waiting;		/* waiting = true */
bool buf_state;			/* state = SLEEPING */

#define all_taken (taken[0] + taken[1] == EVENTS(0) + EVENTS(1))

/* The buffers drain by themselves, in the order of the stores. */
active proctype drain()
{
	byte w;

end:
	do
	:: atomic { buf_waiting -> waiting = true; buf_waiting = false }
	:: atomic { buf_state && !buf_waiting -> state = SLEEPING; buf_state = false }
	:: atomic { buf_mode -> mode = IN_GUEST; buf_mode = false }
	:: atomic { buf_event[0] -> event = event | 1; buf_event[0] = 0 }
	:: atomic { buf_event[1] -> event = event | 2; buf_event[1] = 0 }
	:: atomic { buf_request[0] && !buf_event[0] -> request = true; buf_request[0] = false }
	:: atomic { buf_request[1] && !buf_event[1] -> request = true; buf_request[1] = false }
	od
}

/* rcuwait_wake_up(): whoever is entered is made to run. */
inline wake(woke)
{
	atomic {
		if
		:: waiting -> state = RUNNING; woke = true
		:: else -> woke = false
		fi
	}
}

/* kvm_vcpu_kick(), second half.  Whoever changes the mode sends the interrupt. */
inline interrupt()
{
	atomic {
		if
#ifdef NO_IPI
		:: mode == IN_GUEST -> mode = EXITING
#else
		:: mode == IN_GUEST -> mode = EXITING; ipi = true
#endif
		:: else
		fi
	}
}

inline make_event()
{
	/* The IRR bit: only a new one is told of. */
	atomic { buf_event[w] == 0 -> buf_event[w] = 1 };
	raised[w]++
}

proctype waker(byte w)
{
	byte n;
	bool woke;

	do
	:: n == EVENTS(w) -> break
	:: else ->
		n++;
		/* The bit of the last one has been taken: else this one is the same. */
		(!(event & (1 << w)) && !buf_event[w] && taken[w] == raised[w]);
#ifdef WAKE_FIRST
		wake(woke);
		make_event();
		atomic { buf_request[w] = true };
		(!buf_request[w]);
#else
		make_event();
		atomic { buf_request[w] = true };
#ifndef NO_WAKER_BARRIER
		(!buf_event[w] && !buf_request[w]);
#endif
		wake(woke);
#endif
		if
		:: woke
		:: !woke -> interrupt()
		fi
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
	request = false; /* test_and_clear_bit(): a barrier */
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

/* kvm_vcpu_halt(): returns when there is something to do. */
inline halt()
{
#ifdef NO_STATE_FIRST
	has = (event != 0 || request);
	buf_waiting = true;
	buf_state = true;
	(!buf_waiting && !buf_state);
#else
	buf_waiting = true;
	buf_state = true;
	/* set_current_state(): a barrier */
	(!buf_waiting && !buf_state);
	has = (event != 0 || request);
#endif
	if
	:: has -> state = RUNNING
	:: else ->
asleep:		(state == RUNNING)
	fi;
	waiting = false
}

/* One stay in the guest: it ends by an interrupt, or because the guest halts. */
inline enter()
{
	buf_mode = true;
#ifndef NO_ENTRY_BARRIER
	(!buf_mode);
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
		:: ipi -> ipi = false
		:: !ipi && !spins -> skip /* HLT */
		fi
	fi;
	(!buf_mode);
	mode = OUTSIDE
}

active proctype vcpu()
{
	bool has, spins;
	byte look;
	byte w = 0;

	run waker(0);
	run waker(1);
	do
	:: all_taken -> break
	:: else ->
		if
		:: request -> serve()
		:: else
		fi;
		/* A guest that halts, and one that spins until its interrupt comes */
		if
		:: spins = true
		:: spins = false
		fi;
		if
		:: all_taken -> skip
		:: else ->
			enter();
			if
			:: !spins -> halt()
			:: else
			fi
		fi
	od
}
