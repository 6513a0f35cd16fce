/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Posting by an I/O MMU: devices and software that post to a vCPU, which runs, halts, is preempted and moves between two CPUs.
 *
 * The protocol of arch/x86/kvm/irqchip/lapic_posted.[ch] and vmx/posting.c.  The descriptor is who is told:
 *
 *	nv == RUN	loaded, and not waiting: the CPU ndst, by the notification vector, which its processor takes for the
 *			guest; out of the guest the vCPU looks at ON before it enters
 *	nv == WAKE	it waits (or its APIC is not virtual, -DNOT_VIRTUAL): the CPU ndst, by the wake-up vector, whose
 *			handler finds the vCPU on its list, clears ON and wakes it (or makes it look)
 *	SN		nobody
 *
 * There are two vectors.  LOW cannot be delivered before HIGH has been, so LOW does not end a wait, and is there to leave
 * something behind that hides HIGH.  The I/O MMU sets the request before it looks at ON and SN, which is weaker than the atomic
 * operation that the specification asks for.  Software posts HIGH as well.  All of it begins with a VM that has no device: the
 * first one is attached while the vCPU runs.
 *
 * Every step here is a locked operation, or has a barrier behind it, but for those that wait_wake is about.  So memory is
 * sequentially consistent.
 *
 * What must hold: both vectors are delivered.  Nothing but interrupts ends a wait or a stay in the guest, and the vCPU is
 * preempted only so often: if an interrupt is lost, Spin finds a state in which nobody can go on.
 *
 * Each of these breaks the protocol in one place, and must be found out:
 *	-DSOFTWARE_SETS_ON	software sets ON although the vCPU waits
 *	-DSOFTWARE_COALESCES	software sets ON for a request that is not new, and tells nobody
 *	-DWAIT_KEEPS_ON		ON is left as it is when the vCPU begins to wait
 *	-DHANDLER_KEEPS_ON	the wake-up vector's handler leaves it
 *	-DLOOK_FIRST		the vCPU looks for interrupts, and then changes to the wake-up vector
 *	-DRUN_KEEPS_ON		ON is not set when the vCPU changes to the notification vector
 *	-DSN_STAYS		SN is not cleared when the vCPU is loaded
 *	-DHOLDS_WAITER		SN is set when a vCPU that waits is put
 *	-DNOT_AIMED_ANEW	a vCPU that waits is loaded on another CPU, and the old one is told
 *	-DNO_WAKE_AT_LOAD	it is loaded between its last look and its sleep, and ON that was set is forgotten
 *	-DNO_REQUEST		the first device's VM is not told to its vCPUs
 *	-DNOT_HELD		SN is not set before the vCPU first says where it is
 * and with -DNOT_VIRTUAL:
 *	-DNO_EVENT_AT_LOAD	a vCPU does not look at what it has taken already when it changes to the wake-up vector
 *	-DTAKE_CLEARS_ON	the vCPU clears ON when it takes requests, though the handler is on its way
 */

#define LOW 1
#define HIGH 2

mtype = { NONE, RUN, WAKE };

/* The descriptor */
byte pir;
bool on;
#ifdef NOT_HELD
bool sn;
#else
bool sn = true;
#endif
mtype nv = NONE;
bit ndst;

/* The VM, the vCPU, its thread */
bool posts;		/* kvm->arch.posts */
bool request;		/* KVM_REQ_POSTING, KVM_REQ_UNBLOCK */
bool event;		/* KVM_REQ_EVENT */
byte irr;
byte delivered;
bit cpu;		/* where the vCPU is loaded, or was last: also whose list it is on */
bool loaded;
bool in_guest;		/* mode */
bool waiting;		/* rcuwait */
bool sleeping;		/* task state */
byte preemptions = 2;

/* Interrupts that a CPU has not taken */
bool notified[2];
bool wakeup[2];
bool kicked[2];

bool attached;

#define all_delivered (delivered == (LOW | HIGH))
/* What could be delivered now: its lowest bit set, or 0 */
#define deliverable(v) ((v) & HIGH || ((v) & LOW && delivered & HIGH))

/* ---------------------------------------------------------------- who posts */

proctype device(byte v)
{
	bool told;
	mtype vector;
	bit to;

	(attached);
	atomic { pir = pir | v };
	atomic {
		told = !on && !sn;
		vector = nv;
		to = ndst;
		if
		:: told -> on = true
		:: else
		fi
	};
	atomic {
		if
		:: told && vector == RUN -> notified[to] = true
		:: told && vector == WAKE -> wakeup[to] = true
		:: told && vector == NONE -> assert(false)
		:: else
		fi
	}
}

/* lapic_post() and vmx_post_interrupt() */
proctype software()
{
	bool new;

	atomic { new = !(pir & HIGH); pir = pir | HIGH };
	if
#ifdef SOFTWARE_COALESCES
	:: !new -> on = true
#else
	:: !new
#endif
	:: else ->
		atomic {
#ifdef SOFTWARE_SETS_ON
			on = true
#else
			if
			:: nv != WAKE -> on = true
			:: else
			fi
#endif
		};
#ifdef NOT_VIRTUAL
		event = true;
		atomic {
			if
			:: waiting -> sleeping = false
			:: !waiting && in_guest -> kicked[cpu] = true
			:: else
			fi
		}
#else
		atomic {
			if
			:: in_guest -> notified[cpu] = true
			:: !in_guest && waiting -> sleeping = false
			:: else
			fi
		}
#endif
	fi
}

/* start() in vmx/posting.c, and then irq_set_vcpu_affinity() */
proctype attach()
{
	posts = true;
#ifndef NO_REQUEST
	request = true;
	atomic {
		if
		:: waiting -> sleeping = false
		:: !waiting && in_guest -> kicked[cpu] = true
		:: else
		fi
	};
#endif
	attached = true
}

/* ---------------------------------------------------------------- the CPUs */

/* Out of the guest: the notification vector does nothing; the wake-up vector's handler. */
proctype interrupts(bit c)
{
end:
	do
	:: atomic { notified[c] && !(in_guest && cpu == c) -> notified[c] = false }
	:: atomic {
		wakeup[c] && !(in_guest && cpu == c) ->
		wakeup[c] = false;
		if
		:: cpu == c && nv == WAKE && on ->
#ifndef HANDLER_KEEPS_ON
			on = false;
#endif
			event = true;
			if
			:: waiting -> sleeping = false
			:: else
			fi
		:: else
		fi
	   }
	:: atomic { kicked[c] && !(in_guest && cpu == c) -> kicked[c] = false }
	od
}

/* ---------------------------------------------------------------- the vCPU */

inline aim_run()
{
	atomic {
#ifndef RUN_KEEPS_ON
		on = true;
#endif
#ifndef SN_STAYS
		sn = false;
#endif
		nv = RUN;
		ndst = cpu
	}
}

/* lapic_posted_wait(), and what posting.c does then */
inline aim_wait()
{
	atomic {
		was_on = on;
#ifndef WAIT_KEEPS_ON
		on = false;
#endif
		sn = false;
#ifdef NOT_AIMED_ANEW
		if
		:: nv != WAKE -> ndst = cpu
		:: else
		fi;
#else
		ndst = cpu;
#endif
		nv = WAKE
	};
#ifndef NO_EVENT_AT_LOAD
	event = true;
#endif
#ifndef NO_WAKE_AT_LOAD
	if
	:: was_on || pir ->
		atomic {
			if
			:: waiting -> sleeping = false
			:: else
			fi
		}
	:: else
	fi
#endif
}

inline load()
{
	loaded = true;
	if
	:: posts ->
#ifdef NOT_VIRTUAL
		aim_wait()
#else
		if
		:: nv == WAKE -> aim_wait()
		:: else -> aim_run()
		fi
#endif
	:: else
	fi
}

inline put()
{
	atomic {
		loaded = false;
		if
#ifdef HOLDS_WAITER
		:: nv != NONE -> sn = true
#else
		:: nv == RUN -> sn = true
#endif
		:: else
		fi
	}
}

/* The scheduler takes the CPU away, and gives the same or the other one. */
inline maybe_preempted()
{
	if
	:: preemptions > 0 ->
		preemptions--;
		put();
		if
		:: cpu = 1 - cpu	/* the old one has left its handlers: it clears the VMCS */
		:: skip
		fi;
		load()
	:: skip
	fi
}

/* lapic_posted_take() */
inline take()
{
	atomic {
		if
#ifdef TAKE_CLEARS_ON
		:: true -> on = false
#else
		:: nv != WAKE -> on = false
		:: else
#endif
		fi
	};
	atomic { irr = irr | pir; pir = 0 }
}

inline deliver()
{
	atomic {
		if
		:: irr & HIGH -> delivered = delivered | HIGH; irr = irr & LOW
		:: else
		fi;
		if
		:: irr & LOW && delivered & HIGH -> delivered = delivered | LOW; irr = irr & HIGH
		:: else
		fi
	}
}

inline serve_request()
{
	if
	:: request ->
		request = false;
#ifdef NOT_VIRTUAL
		aim_wait()
#else
		aim_run()
#endif
	:: else
	fi
}

/* A stay in the guest.  It halts there, or spins until both vectors have come. */
inline enter()
{
	in_guest = true;
#ifdef NOT_VIRTUAL
	if
	:: event -> event = false; take(); deliver()
	:: else
	fi;
	leave = request || event || all_delivered;
#else
	if
	:: on -> take()
	:: else
	fi;
	deliver();
	leave = request || all_delivered;
#endif
	do
	:: leave -> break
	:: else ->
		if
#ifdef NOT_VIRTUAL
		:: atomic { notified[cpu] || wakeup[cpu] || kicked[cpu] -> leave = true }
#else
		:: notified[cpu] ->
			/* Posted-interrupt processing */
			notified[cpu] = false;
			take();
			deliver();
			leave = all_delivered
		:: atomic { wakeup[cpu] || kicked[cpu] -> leave = true }
#endif
		/* The host's timer: the vCPU may be preempted. */
		:: atomic { preemptions > 0 -> leave = true }
		:: halts -> leave = true; halted = true
		fi
	od;
	in_guest = false
}

inline block()
{
#ifdef LOOK_FIRST
	look = deliverable(pir | irr) || request;
#endif
	if
	:: posts -> aim_wait()
	:: else
	fi;
	waiting = true;
	do
	:: sleeping = true;
#ifndef LOOK_FIRST
		look = deliverable(pir | irr) || request;
#endif
		if
		:: look -> break
		:: else
		fi;
		maybe_preempted();
		/* schedule() */
		if
		:: sleeping ->
			put();
			(!sleeping);
			if
			:: preemptions > 0 -> preemptions--; cpu = 1 - cpu
			:: skip
			fi;
			load()
		:: else
		fi;
#ifdef LOOK_FIRST
		look = deliverable(pir | irr) || request
#endif
	od;
	sleeping = false;
	waiting = false;
	if
	:: posts ->
#ifdef NOT_VIRTUAL
		aim_wait()
#else
		aim_run()
#endif
	:: else
	fi;
	/* wait_runnable() */
	event = true
}

active proctype vcpu()
{
	bool leave, halts, halted, look, was_on;

	run interrupts(0);
	run interrupts(1);
	run attach();
	run device(LOW);
	run device(HIGH);
	run software();
	load();
	do
	:: all_delivered -> break
	:: else ->
		maybe_preempted();
		serve_request();
		/* An access to the APIC that is emulated */
		if
		:: preemptions > 0 -> preemptions--; take()
		:: skip
		fi;
		if
		:: halts = true
		:: halts = false
		fi;
		halted = false;
		enter();
		/* What the CPU has taken by now. */
		if
		:: halted && !all_delivered -> block()
		:: else
		fi
	od
}
