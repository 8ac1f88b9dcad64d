/*
 * The life of one refresh attempt, with everything that may strike between two of its steps.
 *
 * "Step n" is step n of "The attempt, step by step" in the reliability facts; V1 to V5 are the invariants there.
 * `Tests/Model/run` checks this model exhaustively for every provider class and both topologies, and then checks that
 * each of the faults that can be built in with MUTANT breaks a property.
 *
 * What is modelled
 *   Two daemons, one grant, and the provider's server. A daemon that takes no step is a stopped one: no other state is
 *   needed for it. Everything a daemon does between two semicolons may be struck by
 *     SIGKILL     memory is lost, the page cache stays
 *     power loss  of the page cache any part may be lost that was not synced, or none
 *     lost answer the connection ends before or after the server has acted; or the answer comes late, at any time
 *     commit      that fails and is on disk, or is not
 *     lease       that runs out while its holder is stopped, so that the other daemon takes over
 *   CLASS is how the provider treats a redeemed refresh token: N, C, G, S (blast `family`) or X (as S, blast `clientUser`).
 *   TOPOLOGY is ONE_MACHINE (a lock on the store, one journal, the second daemon starts when the first is dead: SQLite) or
 *   TWO_MACHINES (a lease in the store, a journal for each daemon, which the other cannot read: PostgreSQL).
 *
 * What is taken for granted
 *   A lease outlives a request: it does not run out between the last look and the server's act (step 5). So the last look
 *   must ask for a remainder of the lease that is longer than the request may take.
 *   A connection's end settles whether the server acts: no request arrives after the one that replays it.
 *   A commit that succeeds is on disk. A torn slot reads as what it was before, because its seal does not open.
 *
 * What is left out
 *   Several grants and the group sync; full or failing disks and the second journal; oracles; the late second look after
 *   a refusal; the operator; answers without a usable token; the true end of an access token (V5 is checked only as: what
 *   readers are given never gets older); lane budgets (V6), sinks (V7), secrecy (V8). Only safety is checked: that
 *   attempts end at all follows from the bounds here and says nothing about time. Nor is there a server that, asked again
 *   inside the grace, ends the tokens it gave the first time: on two machines that one can cost a grant (the late answer
 *   of the first attempt is adopted after the answer of the second was lost).
 *
 * What it says about two machines
 *   The generation alone is no sufficient fence: see GENERATION_ALONE. A successor cannot see what lies in the slot of the
 *   machine that it succeeds. Its replay may therefore end a grant of class S with blast `family` whose new token is
 *   safe over there. The model excuses that, for the rule of section 3 wants the replay; with STRICT it does not, and
 *   the verifier shows the run.
 *
 * Measured, as `run` bounds it (states, depth, seconds of one core at -O0: 2 for a million states)
 *   S ONE_MACHINE GOAL=3   1408427  241      S TWO_MACHINES DEATHS=1     379456  190
 *   G ONE_MACHINE          1017606  187      G TWO_MACHINES DEATHS=1    1437684  191
 *   C ONE_MACHINE           689674  186      C TWO_MACHINES DEATHS=1     981626  187
 *   X ONE_MACHINE GOAL=3    202401  162      X TWO_MACHINES EXPIRIES=2   185543  135
 *   N ONE_MACHINE            44487  183      N TWO_MACHINES DEATHS=1      47654  161
 *   at most 290 MB each.
 */

#define CLASS_N 1
#define CLASS_C 2
#define CLASS_G 3
#define CLASS_S 4
#define CLASS_X 5

#define ONE_MACHINE 1
#define TWO_MACHINES 2

#define NO_MUTANT 0
#define INTENT_AFTER_SEND 1       /* step 3 after step 5 */
#define MARK_AFTER_SEND 2         /* the mark of step 5 after the last byte */
#define PUBLISH_BEFORE_COMMIT 3   /* step 10 before step 9 */
#define NO_FENCE 4                /* the two that follow together */
#define NO_LAST_LOOK 5            /* step 5 asks nobody */
#define NO_COMPARE 6              /* step 9 overwrites whatever generation is there */
#define GENERATION_ALONE 7        /* step 9 does not care that another daemon holds the claim */
#define ANSWER_NOT_KEPT 8         /* no step 6: straight from memory into the store */
#define NO_SYNC 9                 /* no step 7 */
#define FREED_BEFORE_COMMIT 10    /* step 11 before step 9 */
#define INTENT_NOT_SYNCED 11      /* step 3 in the page cache only, where a blind replay hurts other grants */
#define EARLIER_BOOT_TRUSTED 12   /* an intent of an earlier boot without the mark counts as not sent */
#define FAILED_MEANS_UNDONE 13    /* a commit that failed is taken for undone: the answer is thrown away */
#define SLOTS_LAST 14             /* the slots are looked at after the first attempt, not before */

#ifndef CLASS
#define CLASS CLASS_S
#endif
#ifndef TOPOLOGY
#define TOPOLOGY ONE_MACHINE
#endif
#ifndef MUTANT
#define MUTANT NO_MUTANT
#endif

/* How much may happen in one run. */
#ifndef GOAL
#define GOAL 2                    /* the first generation is 1: one refresh less are wanted */
#endif
#ifndef DEATHS
#define DEATHS 2                  /* by SIGKILL or power loss */
#endif
#ifndef LOSSES
#define LOSSES 1                  /* of an answer, or of a request, by the network */
#endif
#ifndef EXPIRIES
#define EXPIRIES 1                /* of a lease */
#endif
#ifndef COMMIT_FAILURES
#define COMMIT_FAILURES 1
#endif

/* Classes for which an attempt is written down (steps 3, 6, 7): all whose redeemed token is at stake. */
#define JOURNALS_IT (CLASS != CLASS_N)

#if TOPOLOGY == ONE_MACHINE
#define JOURNALS 1
#define HOME(d) 0                 /* which machine, so which journal and which readers */
#else
#define JOURNALS 2
#define HOME(d) d
#endif

#define NOBODY 2                  /* neither daemon 0 nor 1 */
#define REFUSED 255               /* the answer `invalid_grant`, where another answer holds a refresh token */

/* ------------------------------------------------------------------------------------------------ properties */

/* The names appear in the verifier's message. They are always true. */
bool V1_store_holds_a_good_token = true;
bool V2_durable_before_published = true;
bool V3_one_redeem_under_way = true;
bool V4_no_older_generation_redeemed = true;
bool V5_readers_see_no_older_token = true;
bool NOT_SENT_is_certain = true;          /* section 1: `notSent` only if it is certain that the server did not act */
bool NO_BLIND_REPLAY = true;              /* a token is spent again only by who knows that it has been spent */
bool SIBLINGS_are_safe = true;            /* class X: no used token ever reaches the server */
bool DEAD_is_true = true;                 /* a grant that counts as refused is not good any more */

#define REQUIRE(property, condition) assert(!property || (condition))

/* ------------------------------------------------------------------------------------------------ the server */

/* Refresh tokens are numbered in the order in which the server made them. */
byte current = 1;                 /* the newest, which is good */
byte oldest = 1;                  /* and so are all from here on: they came from replays of one token */
byte previous = 0;                /* the one they replaced */
bool grace = false;               /* class G: the previous one is still taken */
bool used = false;                /* class C: the new access token has been used */
bool revoked = false;             /* a used token was seen: the family is gone */

#if CLASS == CLASS_G
#define TAKES_PREVIOUS grace
#elif CLASS == CLASS_C
#define TAKES_PREVIOUS (!used)
#else
#define TAKES_PREVIOUS false
#endif

/* ------------------------------------------------------------------------------------------------ the network */

#define CLOSED 0
#define BODY 1                    /* all but the last byte is out: nothing the server could act on */
#define LOOKED 2                  /* the last look was good; the last byte is still here */
#define REQUEST 3                 /* the last byte is out; the server may act */
#define ANSWER 4                  /* the server has acted; the answer travels */
#define BROKEN 5                  /* no answer will come */

byte connection[2];
byte asked[2];                    /* the refresh token that is redeemed */
byte replied[2];                  /* the new one, or REFUSED */

/* ------------------------------------------------------------------------------------------------ the store */

#define GOOD 0
#define DEAD 1                    /* the server has refused it */
#define GIVEN_UP 2                /* replayed as often as makes sense, without an answer */
#define HELD 3                    /* never replayed by itself: a person decides */

/* Every change of the row is one transaction. */
byte generation = 1;
byte token = 1;                   /* the refresh token */
byte unknowns = 0;                /* how many attempts on this generation have ended unknown */
byte standing = GOOD;
byte claimedBy = NOBODY;          /* in memory on one machine; a lease row on two */
bool claimOpen = false;           /* claimed and never given back: an attempt may have been made */

#define WANTED (standing == GOOD && generation < GOAL)

/* ------------------------------------------------------------------------------------------------ the journal */

#define FREE 0
#define INTENT 1
#define SENT 2                    /* the intent with the mark */
#define ANSWERED 3

typedef Slot {
    byte state;
    byte base;                    /* the generation whose token is spent */
    byte number;                  /* which attempt on it, from 1 */
    byte answer;
    bool earlierBoot
}

Slot cached[JOURNALS];            /* what the page cache says: survives SIGKILL */
Slot synced[JOURNALS];            /* what the disk says: survives the loss of power */

inline copy(to, from) {
    to.state = from.state; to.base = from.base; to.number = from.number; to.answer = from.answer;
    to.earlierBoot = from.earlierBoot
}

inline clear(slot) {
    slot.state = FREE; slot.base = 0; slot.number = 0; slot.answer = 0; slot.earlierBoot = false
}

/* ------------------------------------------------------------------------------------------------ the judge's notes */

/* No daemon reads these. */
byte shown[JOURNALS] = 1;         /* the newest generation that readers of a machine were given */
bool left[JOURNALS];              /* the last byte of the newest attempt was handed over */
byte spent = 0;                   /* the newest refresh token that was ever released */
byte timesSpent = 0;
bool powerWasLost = false;        /* since that token was first spent */
byte unsynced[JOURNALS];          /* an answer that has wholly arrived, while step 7 is not over */
byte lost = 0;                    /* a refresh token that the server made and no daemon can have any more, blamelessly */

/* The only excuse: the answer had not wholly arrived when the fault struck, and a replay is not taken. */
#define EXCUSED (lost == current && !TAKES_PREVIOUS && CLASS >= CLASS_G)
#define STORE_IS_GOOD (!revoked && token >= oldest)

bool killed[2];
bool idle[2];
byte lock = NOBODY;
byte deaths = 0, losses = 0, expiries = 0, failures = 0;

/* ------------------------------------------------------------------------------------------------ a daemon */

#define me _pid
#define mine cached[HOME(me)]

inline write_intent() {
    d_step {
        mine.state = INTENT; mine.base = base; mine.number = number; mine.answer = 0; mine.earlierBoot = false
    }
}

/* Gives the slot back. Waits for no disk: after a loss of power the slot may be there again. */
inline free_slot() { d_step { clear(mine) } }

inline give_claim_back() {
    if
    :: claimedBy == me -> claimedBy = NOBODY; claimOpen = false
    :: else
    fi
}

/* The row takes the answer, and its sender gives the claim back: one transaction. */
inline apply() {
    if
    :: answer == REFUSED -> standing = DEAD
    :: else -> generation = base + 1; token = answer; unknowns = 0; standing = GOOD; powerWasLost = false
    fi;
    if
    :: claimedBy == me || claimedBy == NOBODY -> claimedBy = NOBODY; claimOpen = false
    :: else
    fi
}

#if MUTANT == NO_FENCE || MUTANT == NO_COMPARE
#define SUPERSEDED false
#else
#define SUPERSEDED (generation != base)
#endif
#if MUTANT == NO_FENCE || MUTANT == GENERATION_ALONE
#define MAY_COMMIT true
#else
#define MAY_COMMIT (claimedBy == me || claimedBy == NOBODY)
#endif

/*
 * Step 9. The generation that the answer was made from is the fence: a row that has moved on keeps what it has. While another
 * daemon holds the claim the answer stays in its slot, for that one may be about to redeem the token this one replaces (V4).
 * A commit that fails may be on disk all the same: the generations are compared again.
 */
inline commit() {
    do
    :: atomic { SUPERSEDED -> break }
    :: atomic { !SUPERSEDED && MAY_COMMIT -> apply(); break }
    :: atomic {
        !SUPERSEDED && MAY_COMMIT && failures < COMMIT_FAILURES -> failures++;
        if
        :: apply()
        :: skip
        fi;
#if MUTANT == FAILED_MEANS_UNDONE
        give_claim_back();
        break
#endif
      }
    od
}

/* Step 10. Whoever is given the new access token may use it at once. */
inline publish(it, pair) {
    atomic {
        REQUIRE(V2_durable_before_published, generation >= it);
        REQUIRE(V5_readers_see_no_older_token, it >= shown[HOME(me)]);
        shown[HOME(me)] = it;
        if
        :: CLASS == CLASS_C && pair >= oldest && pair != REFUSED -> used = true
        :: skip
        fi
    }
}

/* The loss of power may have taken the mark with it. */
#if MUTANT == EARLIER_BOOT_TRUSTED
#define DISTRUSTED false
#else
#define DISTRUSTED mine.earlierBoot
#endif

/* At start, before anything else. Struck anywhere and begun again it ends as if begun once. */
inline recover() {
    if
    :: mine.state == ANSWERED ->
        d_step { base = mine.base; number = mine.number; answer = mine.answer };
        commit();
        free_slot()
    :: mine.state == SENT || (mine.state == INTENT && DISTRUSTED) ->
        d_step {
            if
            :: generation == mine.base && unknowns < mine.number -> unknowns = mine.number
            :: else
            fi
        };
        free_slot()
    :: mine.state == INTENT && !DISTRUSTED ->
        REQUIRE(NOT_SENT_is_certain, !left[HOME(me)]);
        free_slot()
    :: mine.state == FREE
    fi;
    d_step { base = 0; number = 0; answer = 0; give_claim_back() }
}

/* For the judge: what the server made last is where the successor cannot look, be it in a slot of the other machine. */
inline note_out_of_reach() {
#ifdef STRICT
    if
    :: token < oldest && cached[HOME(1 - me)].answer != current -> lost = current
    :: else
    fi
#else
    if
    :: token < oldest -> lost = current
    :: else
    fi
#endif
}

/* Step 1, with the ReplayRule. A claim that its holder has not given back counts as an attempt whose outcome is unknown. */
inline claim() {
    atomic {
        WANTED && claimedBy == NOBODY -> idle[me] = false;
        if
        :: claimOpen -> unknowns++; claimOpen = false; note_out_of_reach()
        :: else
        fi;
        if
        :: CLASS == CLASS_S && unknowns > 2 -> standing = GIVEN_UP
        :: CLASS == CLASS_G && unknowns > 0 && !grace && previous == token -> standing = GIVEN_UP
        :: CLASS == CLASS_X && unknowns > 0 -> standing = HELD
        :: else -> claimedBy = me; claimOpen = true; base = generation; number = unknowns + 1; rt = token
        fi
    }
}

/* Step 5, its second half: the last byte. */
inline release() {
    d_step {
        REQUIRE(V3_one_redeem_under_way, !JOURNALS_IT || connection[1 - me] != REQUEST);
        REQUIRE(V4_no_older_generation_redeemed, !JOURNALS_IT || generation == base);
        REQUIRE(V4_no_older_generation_redeemed,
            mine.state != ANSWERED || mine.answer == REFUSED || mine.base < base);
        REQUIRE(NO_BLIND_REPLAY, !JOURNALS_IT || rt != spent || number > 1 || (powerWasLost && CLASS != CLASS_X));
        if
        :: rt == spent && JOURNALS_IT -> timesSpent++
        :: else -> spent = rt; timesSpent = 1; powerWasLost = false
        fi;
        REQUIRE(NO_BLIND_REPLAY, CLASS != CLASS_S || timesSpent <= 3 || powerWasLost);
        left[HOME(me)] = true;
        asked[me] = rt; connection[me] = REQUEST
    }
}

active [2] proctype Daemon() {
    byte base, number, rt, answer;

start:
    {
#if TOPOLOGY == ONE_MACHINE
        idle[me] = true;
end_locked_out:
        atomic { lock == NOBODY -> lock = me; idle[me] = false };
#endif
#if MUTANT != SLOTS_LAST
        recover();
#endif
        publish(generation, token);

        do
        :: true ->
            idle[me] = true;
end_idle:
            claim();                                                            /* step 1 */
            if
            :: base == 0 -> goto next
            :: else
            fi;
            left[HOME(me)] = false;

#if CLASS != CLASS_N && MUTANT != INTENT_AFTER_SEND
            write_intent();                                                     /* steps 2 and 3 */
#if CLASS == CLASS_X && MUTANT != INTENT_NOT_SYNCED
            d_step { copy(synced[HOME(me)], mine) };
#endif
#endif
            connection[me] = BODY;                                              /* step 4 */

            atomic {                                                            /* step 5: the last look … */
                if
#if MUTANT == NO_FENCE || MUTANT == NO_LAST_LOOK
                :: true
#else
                :: claimedBy == me
#endif
                    -> connection[me] = LOOKED
                :: else -> connection[me] = CLOSED; clear(mine); goto next
                fi
            };
#if CLASS != CLASS_N && MUTANT != MARK_AFTER_SEND && MUTANT != INTENT_AFTER_SEND
            mine.state = SENT;                                                  /* … the mark … */
#endif
            release();                                                          /* … and the last byte */
#if MUTANT == INTENT_AFTER_SEND
            write_intent();
#endif
#if MUTANT == MARK_AFTER_SEND || MUTANT == INTENT_AFTER_SEND
            mine.state = SENT;
#endif

            if
            :: d_step {                                                         /* step 6 */
                connection[me] == ANSWER -> connection[me] = CLOSED;
                answer = replied[me]; asked[me] = 0; replied[me] = 0;
                unsynced[HOME(me)] = answer;
#if CLASS != CLASS_N && MUTANT != ANSWER_NOT_KEPT
                mine.state = ANSWERED; mine.answer = answer
#endif
               }
            :: d_step {                                                         /* unknown */
                connection[me] == BROKEN -> connection[me] = CLOSED; asked[me] = 0; replied[me] = 0;
                if
                :: claimedBy == me && unknowns < number -> unknowns = number
                :: else
                fi;
                give_claim_back()
               };
               free_slot();
               goto next
            fi;

            d_step {                                                            /* step 7 */
#if CLASS != CLASS_N && MUTANT != NO_SYNC
                copy(synced[HOME(me)], mine);
#endif
                unsynced[HOME(me)] = 0
            };
                                                                                /* step 8 changes nothing outside */
#if MUTANT == FREED_BEFORE_COMMIT
            free_slot();
#endif
#if MUTANT == PUBLISH_BEFORE_COMMIT
            if
            :: answer != REFUSED -> publish(base + 1, answer)
            :: else
            fi;
#endif
            commit();                                                           /* step 9 */
#if MUTANT != PUBLISH_BEFORE_COMMIT
            publish(generation, token);                                                /* step 10 */
#endif
            free_slot();                                                        /* step 11 */
next:
            atomic { base = 0; number = 0; rt = 0; answer = 0 }
#if MUTANT == SLOTS_LAST
            recover()
#endif
        od
    } unless { killed[me] };
    d_step { killed[me] = false; base = 0; number = 0; rt = 0; answer = 0 };
    goto start
}

/* ------------------------------------------------------------------------------------------------ the world */

/* The server redeems what it was asked. */
inline act(d) {
    if
    :: revoked -> replied[d] = REFUSED
    :: !revoked && CLASS == CLASS_N -> replied[d] = asked[d]
    :: !revoked && CLASS != CLASS_N && asked[d] >= oldest ->
        previous = asked[d]; current++; oldest = current; grace = (CLASS == CLASS_G); used = false; replied[d] = current
    :: !revoked && CLASS != CLASS_N && asked[d] == previous && TAKES_PREVIOUS ->
        if
        :: true                               /* the same one again */
        :: current++; used = false            /* or one more, beside it */
        fi;
        replied[d] = current
    :: else ->
        REQUIRE(SIBLINGS_are_safe, CLASS != CLASS_X);
        revoked = true; replied[d] = REFUSED
    fi
}

/* The answer that travels to `d` will not arrive. */
inline lose_answer(d) {
    if
    :: replied[d] == current && token < oldest -> lost = current
    :: else
    fi;
    asked[d] = 0; replied[d] = 0
}

/* The process ends: memory and connections are gone. Whether the server acts is settled with its connection. */
inline die(d) {
    if
    :: connection[d] == REQUEST -> act(d); lose_answer(d)
    :: connection[d] == ANSWER -> lose_answer(d)
    :: connection[d] != ANSWER -> asked[d] = 0; replied[d] = 0
    fi;
    connection[d] = CLOSED; killed[d] = true; idle[d] = false;
#if TOPOLOGY == ONE_MACHINE
    lock = NOBODY; claimedBy = NOBODY; claimOpen = false
#endif
}

/* Of what was not synced, the kernel may have written all, some or nothing. */
inline lose_page_cache(d) {
    if
    :: skip
    :: cached[HOME(d)].state == SENT -> cached[HOME(d)].state = INTENT
    :: copy(cached[HOME(d)], synced[HOME(d)])
    fi;
    cached[HOME(d)].earlierBoot = (cached[HOME(d)].state != FREE);
    copy(synced[HOME(d)], cached[HOME(d)]);
    if
    :: unsynced[HOME(d)] == current && token < oldest && cached[HOME(d)].answer != current -> lost = current
    :: else
    fi;
    unsynced[HOME(d)] = 0; powerWasLost = true
}

#if TOPOLOGY == ONE_MACHINE
#define CAN_DIE(d) (deaths < DEATHS && lock == d && !killed[d])
#else
#define CAN_DIE(d) (deaths < DEATHS && !killed[d])
#endif

inline befall(d) {
    if
    :: atomic { connection[d] == REQUEST -> act(d); connection[d] = ANSWER }
    :: atomic { connection[d] == REQUEST && losses < LOSSES -> losses++; connection[d] = BROKEN }
    :: atomic { connection[d] == ANSWER && losses < LOSSES -> losses++; lose_answer(d); connection[d] = BROKEN }
    :: atomic { CAN_DIE(d) -> deaths++; die(d) }
    :: atomic { CAN_DIE(d) && JOURNALS_IT -> deaths++; die(d); lose_page_cache(d) }
#if TOPOLOGY == TWO_MACHINES
    :: atomic {
        claimedBy == d && expiries < EXPIRIES && connection[d] != LOOKED && connection[d] != REQUEST ->
        expiries++; claimedBy = NOBODY
       }
#endif
    fi
}

#define SLOTS_ARE_FREE (cached[0].state == FREE && cached[JOURNALS - 1].state == FREE)
#define AT_REST (idle[0] && idle[1] && claimedBy == NOBODY && !WANTED && SLOTS_ARE_FREE)

active proctype World() {
end_world:
    do
    :: befall(0)
    :: befall(1)
    :: d_step { CLASS == CLASS_G && grace -> grace = false }
    :: d_step {
        AT_REST ->
        REQUIRE(V1_store_holds_a_good_token, STORE_IS_GOOD || EXCUSED);
        REQUIRE(DEAD_is_true, standing != DEAD || !STORE_IS_GOOD)
       }
    od
}
