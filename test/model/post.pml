/* SPDX-License-Identifier: MIT
 *
 * Other threads post to a loop that waits, runs what was posted, and is left in the end.
 * README.md says which code each step stands for. A planted mistake is chosen by
 *   -D RINGS_OUTSIDE_LOCK | -D LINKS_AFTER_RINGING | -D DROPS_WHAT_IS_LEFT | -D RESETS_RING_LATE
 */

#define POSTERS 2
#define EACH 2

bool locked;             /* the mailbox's mutex */
bool accepts = true;     /* false: the loop is being left, posts are refused */
byte posted;             /* calls that are linked and not taken */
byte taken_in;           /* how often a post was not refused */
byte ran;                /* calls that have run */
bool closing;            /* uv_close() was called on the async handle */
byte posters_left = POSTERS;
bool blocked;            /* the loop is inside the poll */

/* libuv's async handle: a post that sends, and the loop that looks, meet at `pending`. */
byte pending;            /* 0 idle, 1 a sender is busy with the handle, 2 sent */
bool readable;           /* the event descriptor; several writes are one */

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* uv_async_send */
inline ring() {
    assert(!closing);
    if
    :: pending != 0              /* coalesced: somebody's ring is on its way */
    :: else ->
        if
        :: atomic { pending == 0 -> pending = 1 }
            assert(!closing);
            readable = true;
            atomic { assert(pending == 1); pending = 2 }
        :: atomic { pending != 0 -> skip }
        fi
    fi
}

proctype poster() {
    byte i;
    bool rings;
    for (i : 1 .. EACH) {
#ifdef LINKS_AFTER_RINGING
        lock();
        rings = accepts && posted == 0;
        unlock();
        if
        :: rings -> ring()
        :: else
        fi
        lock();
        if
        :: accepts -> posted++; taken_in++
        :: else
        fi
        unlock()
#else
        lock();
        if
        :: !accepts -> unlock()
        :: else ->
            posted++;
            taken_in++;
            rings = (posted == 1);
#ifdef RINGS_OUTSIDE_LOCK
            unlock();
#endif
            if
            :: rings -> ring()
            :: else
            fi
#ifndef RINGS_OUTSIDE_LOCK
            unlock()
#endif
        fi
#endif
    }
    posters_left--
}

/* run_posted */
inline run_posted() {
    lock();
    taken = posted;
    posted = 0;
    unlock();
    ran = ran + taken;
    taken = 0
}

/* Once round the loop: polls, and calls back if the handle was sent to. */
inline turn(can_leave) {
    blocked = true;
    if
    :: readable ->
        blocked = false;
        readable = false;
        if                       /* uv__async_io: waits for a sender that is busy */
#ifdef RESETS_RING_LATE
        :: pending == 2 ->
            run_posted();
            pending = 0
#else
        :: atomic { pending == 2 -> pending = 0 }
            run_posted()
#endif
        :: atomic { pending == 0 -> skip }
        fi
    :: can_leave && !readable -> /* something else woke it: the last coroutine has ended */
        blocked = false
    fi
}

proctype loop() {
    byte taken;
    bool leaves;
end_wait:
    do
    :: turn(true);
        if                       /* it is left at some time, whoever is still posting */
        :: leaves = true
        :: skip
        fi;
        if
        :: leaves -> break
        :: else
        fi
    od;

    /* may_close */
    lock();
    accepts = false;
    unlock();
#ifndef DROPS_WHAT_IS_LEFT
    run_posted();
#endif

    /* close_handles */
    closing = true
}

/* The loop may stay for ever, but not while a call waits that nobody will take. */
active proctype monitor() {
end_watch:
    do
    :: posters_left == 0 && blocked && posted > 0 && !readable && pending != 1 ->
        assert(false /* lost wake-up */)
    :: posters_left == 0 && closing && !locked ->
        assert(ran == taken_in /* each call that was taken in runs once */);
        assert(posted == 0);
        break
    od
}

init {
    byte i;
    atomic {
        run loop();
        for (i : 1 .. POSTERS) {
            run poster()
        }
    }
}
