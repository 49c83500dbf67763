/** @file src/population/wire_codec.h
 *  Internal to the wire: primitives that write a member or read it, whichever way the walk goes.
 *
 *  Each struct of the protocol has one function that visits its members in order. The same function
 *  encodes and decodes, so the two can never disagree. After the first fault a reading walk goes on with
 *  zeros and empty texts and reads nothing more; whoever started it looks at `fault` once, at the end. */
#ifndef HT_POPULATION_WIRE_CODEC_H
#define HT_POPULATION_WIRE_CODEC_H

#include "population/wire.h"

typedef struct {
    bool reading;
    const unsigned char *p, *end;   /**< reading: what is left; borrowed */
    ht_bytes out;                   /**< writing: owned */
    size_t capacity;
    const char *fault;              /**< first thing that was wrong, static text; NULL = fine */
    bool no_memory;
} ht_wire;

/* A writing walk only reads through its pointers. */
void ht_wire_ulong(ht_wire *w, unsigned long *x);
void ht_wire_longlong(ht_wire *w, long long *x);
void ht_wire_int(ht_wire *w, int *x);
void ht_wire_real(ht_wire *w, double *x);
void ht_wire_bool(ht_wire *w, bool *x);
/** 4 bytes. Reading: more than `most` is a fault and gives 0. */
void ht_wire_count(ht_wire *w, size_t *n, size_t most);
/** 1 byte. Reading: less than `least` or more than `most` is a fault and gives `least`. */
unsigned ht_wire_choice(ht_wire *w, unsigned x, unsigned least, unsigned most);
/** Visit a member of an enum type whose values are 0 .. last. */
#define HT_WIRE_ENUM(w, member, type, last)                                                        \
    do {                                                                                           \
        unsigned ht_wire_x = (w)->reading ? 0 : (unsigned)(member);                                \
        ht_wire_x = ht_wire_choice((w), ht_wire_x, 0, (unsigned)(last));                           \
        if ((w)->reading)                                                                          \
            (member) = (type)ht_wire_x;                                                            \
    } while (0)

/** A text in a field of `size` bytes. Reading: one that does not fit, or has a 0 inside, is a fault. */
void ht_wire_field(ht_wire *w, char *text, size_t size);
/** An owned text or NULL. */
void ht_wire_text(ht_wire *w, char **text);
/** An owned tree or NULL; keeps which numbers were written as integers. */
void ht_wire_json(ht_wire *w, cJSON **item);

/* Records, in wire_records.c. */
void ht_wire_readings(ht_wire *w, ht_readings *r);
void ht_wire_mutation(ht_wire *w, ht_mutation *m);
void ht_wire_segment(ht_wire *w, ht_segment *g);
void ht_wire_window(ht_wire *w, ht_window *v);
void ht_wire_ask(ht_wire *w, ht_ask *a);
void ht_wire_proposal(ht_wire *w, ht_proposal *p);

/* Of the pooled mode, in wire_pool.c. */
void ht_wire_member(ht_wire *w, ht_member *m);
void ht_wire_event(ht_wire *w, ht_pool_event *e);
void ht_wire_order(ht_wire *w, ht_pool_order *o);

#endif
