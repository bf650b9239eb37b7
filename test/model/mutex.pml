/* SPDX-License-Identifier: MIT
 *
 * Coroutines of one thread lock a mutex, wait while they hold it, unlock it; each may be cancelled
 * at any moment. What one does between two waits is atomic, for nobody else runs meanwhile; whose
 * turn is next is left open, which covers every order of the ready queue.
 * README.md says which code each step stands for. A planted mistake is chosen by
 *   -D HANDS_TO_NOBODY | -D CANCEL_STAYS_QUEUED | -D CANCEL_OVERRULES_WAKE | -D WAKES_THE_LAST
 */

#define COROUTINES 3
#define ROUNDS 2
#define NOBODY COROUTINES

mtype = { pending, woken, cancelled };

mtype outcome[COROUTINES];    /* of each one's present wait */
bool waits[COROUTINES];       /* is suspended and not settled */
byte holder = NOBODY;
byte queue[COROUTINES];       /* who waits for the mutex, the longest first */
byte waiting;
byte ticket[COROUTINES];      /* in the order of asking */
byte tickets;
byte inside;                  /* how many believe that they hold it */
byte ended;

/* IntrusiveList: leaves the queue wherever in it */
inline unlink(who) {
    i = 0;
    do
    :: i < waiting && queue[i] != who -> i++
    :: else -> break
    od;
    if
    :: i < waiting ->
        waiting--;
        do
        :: i < waiting -> queue[i] = queue[i + 1]; i++
        :: else -> break
        od;
        queue[waiting] = 0
    :: else
    fi;
    i = 0
}

/* Wait::settle: the first one counts */
inline settle(who, how) {
#ifdef CANCEL_OVERRULES_WAKE
    if
    :: outcome[who] == pending || how == cancelled ->
#else
    if
    :: outcome[who] == pending ->
#endif
        outcome[who] = how;
#ifdef CANCEL_STAYS_QUEUED
        if
        :: how != cancelled -> unlink(who)
        :: else
        fi;
#else
        unlink(who);
#endif
        waits[who] = false
    :: else
    fi
}

/* CoMutex::unlock */
inline unlock_mutex(me) {
    assert(holder == me);
    inside--;
    holder = NOBODY;
    if
    :: waiting > 0 ->
#ifdef WAKES_THE_LAST
        next = queue[waiting - 1];
#else
        next = queue[0];
#endif
        for (i : 0 .. COROUTINES - 1) {
            assert(!waits[i] || ticket[i] >= ticket[next] /* in the order of asking */)
        }
        i = 0;
#ifndef HANDS_TO_NOBODY
        holder = next;
#endif
        settle(next, woken);
        next = 0
    :: else
    fi
}

proctype coroutine(byte me) {
    byte i;
    byte next;
    byte round;
    bool has_it;
    for (round : 1 .. ROUNDS) {
        atomic {                         /* CoMutex::lock */
            if
            :: holder == NOBODY ->
                holder = me;
                has_it = true
            :: else ->
                queue[waiting] = me;     /* CoQueue::wait_as */
                waiting++;
                ticket[me] = tickets;
                tickets++;
                outcome[me] = pending;
                waits[me] = true;        /* Wait::suspend */
                has_it = false
            fi
        }
        if
        :: atomic { has_it -> inside++; assert(inside == 1 /* mutual exclusion */) }
        :: atomic { !has_it && !waits[me] ->
            has_it = (outcome[me] == woken);
            if
            :: has_it ->
                inside++;
                assert(inside == 1 /* mutual exclusion */);
                assert(holder == me /* who was woken holds it */)
            :: else ->
                assert(holder != me /* who was cancelled does not hold it */)
            fi }
        fi;
        if
        :: atomic { has_it -> unlock_mutex(me); has_it = false }
        :: else
        fi
    }
    ended++
}

/* CancelScope::spread, at any time and as often as there are waits */
active proctype canceller() {
    byte i;
end_cancel:
    do
    :: atomic { waits[0] || outcome[0] == woken -> settle(0, cancelled) }
    :: atomic { waits[1] || outcome[1] == woken -> settle(1, cancelled) }
    :: ended == COROUTINES -> break
    od
}

init {
    byte who;
    atomic {
        for (who : 0 .. COROUTINES - 1) {
            outcome[who] = cancelled
        }
        for (who : 0 .. COROUTINES - 1) {
            run coroutine(who)
        }
    }
    ended == COROUTINES;                 /* else somebody waits for ever: no lost wake-up */
    assert(holder == NOBODY);
    assert(waiting == 0)
}
