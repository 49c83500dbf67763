/** @file src/base/saved.h
 *  The members of a struct as a JSON tree and back, bit for bit: what a run keeps to go on later.
 *
 *  Each struct has one function that visits its members by name. The same function saves and loads, so the
 *  two can never disagree:
 *
 *      static void visit_pause(pause *p, ht_saved *s)
 *      {
 *          ht_saved_longlong(s, "left", &p->left);
 *          ht_saved_enter(s, "env");
 *          ht_saved_real(s, "epoch", &p->epoch);
 *          ht_saved_leave(s);
 *      }
 *
 *  Exact also as text: numbers that are not finite, and integers beyond 2^53, are texts
 *  ("0x7ff0000000000000", "-9223372036854775808"); a text that is no UTF-8 is {"bytes": "66ff"}. Loading
 *  checks everything: after the first fault (ht_saved_end returns it) the walk goes on with zeros and empty
 *  texts. */
#ifndef HT_BASE_SAVED_H
#define HT_BASE_SAVED_H

#include "base/json.h"

enum { HT_SAVED_DEPTH = 16, HT_SAVED_PATH_MAX = 256 };

typedef struct {
    bool loading;
    /** Loading: only look whether all is well formed. Structs are filled; what lies outside of them (the
     *  values of a training) is left alone by who visits it. */
    bool dry;
    ht_status status;           /**< the first fault; HT_OK = none */
    ht_error error;
    int depth;
    struct {
        cJSON *item;            /**< object or list; NULL: missing, or out of memory */
        const cJSON *next;      /**< loading a list: its next element */
        size_t path;            /**< length of its path */
    } at[HT_SAVED_DEPTH];
    char path[HT_SAVED_PATH_MAX];
} ht_saved;

/** Begin a tree; ht_saved_end takes it. */
void ht_saved_begin(ht_saved *s);
/** Begin to load. `from` is borrowed until ht_saved_end, may be NULL (a fault). `name` goes before paths. */
void ht_saved_begin_load(ht_saved *s, const char *name, const cJSON *from, bool dry);
/** @param[out] out  saving: the tree, owned by the caller, NULL after a failure; loading: may be NULL
 *  @return HT_OK; HT_EFORMAT: err names the member and what is wrong; HT_ENOMEM; what ht_saved_fault said */
ht_status ht_saved_end(ht_saved *s, cJSON **out, ht_error *err);

/** A fault at the place where the walk is; only the first one counts. */
void ht_saved_fault(ht_saved *s, ht_status status, const char *format, ...) HT_PRINTF(3, 4);
/** Loading, and no fault so far. */
bool ht_saved_is_good(const ht_saved *s);
/** The same, and not dry: what was loaded may be written to where it belongs. */
bool ht_saved_acts(const ht_saved *s);

/* A saving walk only reads through its pointers. */

/** Visit an object inside; each needs its leave. */
void ht_saved_enter(ht_saved *s, const char *name);
/** An object that may be absent (null). @param given  saving: is there one. @return whether there is one;
 *  enter has happened then */
bool ht_saved_enter_if(ht_saved *s, const char *name, bool given);
/** A list of n elements. @param most  loading: more are a fault. @return n, of the saved list when loading */
size_t ht_saved_enter_list(ht_saved *s, const char *name, size_t n, size_t most);
/** The next element of the list, an object, which is number i; each needs its leave. */
void ht_saved_enter_item(ht_saved *s, size_t i);
void ht_saved_leave(ht_saved *s);

void ht_saved_real(ht_saved *s, const char *name, double *x);
/** A list of exactly n numbers. */
void ht_saved_reals(ht_saved *s, const char *name, double *x, size_t n);
void ht_saved_longlong(ht_saved *s, const char *name, long long *x);
void ht_saved_ulong(ht_saved *s, const char *name, unsigned long *x);
void ht_saved_size(ht_saved *s, const char *name, size_t *x);
/** Loading: outside of lo..hi is a fault and gives lo. */
void ht_saved_int(ht_saved *s, const char *name, int *x, int lo, int hi);
void ht_saved_bool(ht_saved *s, const char *name, bool *x);
/** A text in a field of `size` bytes; the rest of it becomes 0. */
void ht_saved_field(ht_saved *s, const char *name, char *text, size_t size);
/** An owned text or NULL. Loading replaces the pointer: what it held is the caller's. */
void ht_saved_text(ht_saved *s, const char *name, char **text);
/** An owned tree or NULL, as it was parsed: its numbers are finite, its texts UTF-8. As ht_saved_text. */
void ht_saved_json(ht_saved *s, const char *name, cJSON **tree);
void ht_saved_value(ht_saved *s, const char *name, ht_value *v);

/** Visit a member of an enum type whose values are 0 .. last. */
#define HT_SAVED_ENUM(s, name, member, type, last)                                                 \
    do {                                                                                           \
        int ht_saved_x = (s)->loading ? 0 : (int)(member);                                         \
        ht_saved_int((s), (name), &ht_saved_x, 0, (int)(last));                                    \
        if ((s)->loading)                                                                          \
            (member) = (type)ht_saved_x;                                                           \
    } while (0)

#endif
