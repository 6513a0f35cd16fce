/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page faults, invalidations and the removal of tables: the protocol of virt/kvm/mmu_sync.h and arch/x86/kvm/mmu/tdp.c.
 *
 * One guest page, behind a directory with one entry that points to a table with one entry.  Two vCPUs use the page, each
 * with a TLB and a CPU that walks the tables in two steps.  Meanwhile one process takes the page away:
 *
 *	as the host's memory management does (default): it tells us, then changes its page table and frees the page;
 *	as KVM_SET_USER_MEMORY_REGION does (-DSLOT): the slot goes, then it sees to it that nobody uses it any more;
 *
 * and another one takes the table out, as a fault does that can map a large page there.
 *
 * What must hold is asserted where it counts: no guest uses a page that is free or whose slot is gone, nobody touches a
 * table that is free, and nothing is left in a table that is freed.
 *
 * Each of these breaks the protocol in one place, and must be found out:
 *	-DNO_SECOND_LOOK	a fault does not look at the sequence again once it has frozen the entry
 *	-DNO_FROZEN		a fault looks, then publishes, without having claimed the entry
 *	-DNO_PENDING		a fault does not wait for an invalidation that is under way
 *	-DNO_REMOVED		entries of a table that is taken out are cleared, not closed
 *	-DNO_UNFLUSHED		an invalidation flushes only for what it took out itself
 *	-DNO_WAIT		a flush does not wait for the vCPUs to leave guest mode
 *	-DNO_GRACE		tables are freed without a grace period
 */

#define NVCPU 2
#define NTABLES 2	/* that can ever be linked: one, and another after it was taken out */
/* How often vCPU v uses the page: once more than once is what a stale TLB entry needs. */
#define ROUNDS(v) (2 - v)

/* Values of an entry; a page's number is a present leaf. */
#define NONE 0
#define FROZEN 3
#define REMOVED 4
#define PAGE1 1
#define PAGE2 2

byte host = PAGE1;		/* the host's page table */
bool page_free[3];
bool slot = true;
bool slot_gone;

byte seq;
byte pending;
byte unflushed;

byte dir;			/* 0, or a table's number */
byte ent[NTABLES + 1];
bool table_free[NTABLES + 1];
byte next_table = 1;

byte gen;			/* of the TLBs */
byte tlb[NVCPU];		/* 0, or the page */
byte tlb_gen[NVCPU];
bool in_guest[NVCPU];
byte kicked[NVCPU];		/* who (1, 2) has interrupted it and waits until it has left guest mode */
bool reading[NVCPU];		/* RCU */

#define is_page(e) (e == PAGE1 || e == PAGE2)

/* ---- TLBs */

inline flush_all(me)
{
	gen++;
	/* All at once: a vCPU that enters after this sees the new generation. */
	d_step {
		kicked[0] = kicked[0] | (in_guest[0] -> me : 0);
		kicked[1] = kicked[1] | (in_guest[1] -> me : 0)
	}
#ifndef NO_WAIT
	(!((kicked[0] | kicked[1]) & me))
#endif
}

inline zap_end(me, mine)
{
	if
#ifndef NO_UNFLUSHED
	:: mine || unflushed > 1 -> flush_all(me)
#else
	:: mine -> flush_all(me)
#endif
	:: else -> skip
	fi;
	unflushed--
}

inline grace_period()
{
#ifndef NO_GRACE
	(!reading[0]);
	(!reading[1])
#else
	skip
#endif
}

/* ---- a vCPU */

inline guest_use(v)
{
	in_guest[v] = true;
	if
	:: tlb_gen[v] != gen -> atomic { tlb_gen[v] = gen; tlb[v] = 0 }
	:: else -> skip
	fi;
	fault = false;
	if
	:: tlb[v] != 0 -> skip
	:: else ->
		/* The CPU's walk, which may keep the directory's entry in a cache as long as it likes. */
		t = dir;
		if
		:: t == 0 -> fault = true
		:: else ->
			atomic {
				assert(!table_free[t]);
				e = ent[t];
				if
				:: is_page(e) -> tlb[v] = e
				:: else -> fault = true
				fi
			}
		fi
	fi;
	atomic {
		if
		:: !fault ->
			assert(!page_free[tlb[v]]);
			assert(!slot_gone)
		:: else -> skip
		fi
	}
	/* It may use the page again through its TLB, until it leaves the guest. */
	if
	:: !fault && tlb[v] != 0 ->
		atomic { assert(!page_free[tlb[v]]); assert(!slot_gone) }
	:: skip
	fi;
	t = 0; e = 0;
	atomic { in_guest[v] = false; kicked[v] = 0 }
}

/* One try: kvm_tdp_map() and what leads to it. */
inline try_fault(v)
{
	done = false;
	s = seq;
	if
	:: !slot -> done = true; goto no_slot	/* MMIO */
	:: else -> skip
	fi;
#ifndef NO_PENDING
	if
	:: pending > 0 -> (pending == 0); goto again
	:: else -> skip
	fi;
#endif
	p = host;
	reading[v] = true;
	t = dir;
	if
	:: t == 0 && next_table <= NTABLES ->
		/* Link an empty table, unless another was quicker. */
		atomic {
			if
			:: dir == 0 && next_table <= NTABLES -> t = next_table; next_table++; dir = t
			:: else -> skip
			fi
		}
	:: t == 0 && next_table > NTABLES -> done = true	/* out of tables: enough seen */
	:: else -> skip
	fi;
	if
	:: t == 0 || done -> skip
	:: else ->
		/* Wait for whoever has frozen it. */
		atomic { (ent[t] != FROZEN); assert(!table_free[t]); e = ent[t] }
		if
		:: e == REMOVED -> skip
		:: is_page(e) -> done = (e == p)	/* spurious; else it is about to go */
		:: e == NONE ->
#ifndef NO_FROZEN
			atomic {
				assert(!table_free[t]);
				if
				:: ent[t] == e -> ent[t] = FROZEN; mine = true
				:: else -> mine = false
				fi
			}
			if
			:: mine ->
#ifndef NO_SECOND_LOOK
				if
				:: seq == s -> ent[t] = p; done = true
				:: else -> ent[t] = e
				fi
#else
				ent[t] = p; done = true
#endif
			:: else -> skip
			fi
#else
			if
			:: seq == s ->
				atomic {
					if
					:: ent[t] == e -> ent[t] = p; done = true
					:: else -> skip
					fi
				}
			:: else -> skip
			fi
#endif
		fi
	fi;
	reading[v] = false;
again:
no_slot:
	t = 0; e = 0; p = 0; s = 0; mine = false
}

proctype vcpu(byte v)
{
	byte rounds, t, e, p, s;
	bool fault, done, mine;

	do
	:: rounds < ROUNDS(v) ->
		guest_use(v);
		if
		:: fault ->
			do
			:: done -> break
			:: else -> try_fault(v)
			od;
			done = false
		:: else -> skip
		fi;
		rounds++
	:: else -> break
	od
}

/* ---- who takes the page away */

inline zap()
{
	mine = false;
	t = dir;
	if
	:: t != 0 ->
		do
		:: atomic { (ent[t] != FROZEN); assert(!table_free[t]); e = ent[t] }
			if
			:: is_page(e) ->
				atomic {
					if
					:: ent[t] == e -> ent[t] = NONE; mine = true
					:: else -> skip
					fi
				}
				if
				:: mine -> break
				:: else -> skip
				fi
			:: else -> break
			fi
		od
	:: else -> skip
	fi;
	t = 0; e = 0
}

bool inval_reading;

proctype host_takes_back()
{
	byte t, e;
	bool mine;

	atomic { pending++; seq++ }
	unflushed++;
	inval_reading = true;
	zap();
	inval_reading = false;
	zap_end(1, mine);
	host = PAGE2;
	page_free[PAGE1] = true;
	pending--
}

proctype slot_deleted()
{
	byte t, e;
	bool mine;

	slot = false;
	seq++;
	unflushed++;
	inval_reading = true;
	zap();
	inval_reading = false;
	zap_end(1, mine);
	slot_gone = true
}

/* ---- who takes the table out */

proctype table_goes()
{
	byte t, e;
	bool mine;

	unflushed++;
	atomic { t = dir; dir = 0 }
	if
	:: t != 0 ->
		do
		:: atomic { (ent[t] != FROZEN); e = ent[t] }
			atomic {
				if
#ifndef NO_REMOVED
				:: ent[t] == e -> ent[t] = REMOVED; mine = true
#else
				:: ent[t] == e -> ent[t] = NONE; mine = true
#endif
				:: else -> skip
				fi
			}
			if
			:: mine -> break
			:: else -> skip
			fi
		od
	:: else -> skip
	fi;
	zap_end(2, mine);
	if
	:: t != 0 ->
		grace_period();
#ifndef NO_GRACE
		(!inval_reading);
#endif
		/* An entry that is left behind would never be taken out again. */
		assert(!is_page(ent[t]));
		table_free[t] = true
	:: else -> skip
	fi
}

init {
	atomic {
		run vcpu(0);
		run vcpu(1);
#ifdef SLOT
		run slot_deleted();
#else
		run host_takes_back();
#endif
		run table_goes()
	}
}
