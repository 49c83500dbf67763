/** @file src/base/members.h
 *  The members of a struct as a JSON tree and back, bit for bit: what a run keeps to go on later.
 *
 *  Each struct has one function that visits its members by name. The same function saves and loads, so the
 *  two can never disagree:
 *
 *      static void visit_pause(pause *p, ht_members *s)
 *      {
 *          ht_members_longlong(s, "left", &p->left);
 *          ht_members_enter(s, "env");
 *          ht_members_real(s, "epoch", &p->epoch);
 *          ht_members_leave(s);
 *      }
 *
 *  Exact also as text: numbers that are not finite, and integers beyond 2^53, are texts
 *  ("0x7ff0000000000000", "-9223372036854775808"); a text that is no UTF-8 is {"bytes": "66ff"}. Loading
 *  checks everything: after the first fault (ht_members_end returns it) the walk goes on with zeros and empty
 *  texts. */
#ifndef HT_BASE_MEMBERS_H
#define HT_BASE_MEMBERS_H

#include "base/json.h"

enum { HT_MEMBERS_DEPTH = 16, HT_MEMBERS_PATH_MAX = 256 };

typedef struct {
    bool loading;
    /** Loading: only look whether all is well formed. Structs are filled; what lies outside of them (the
     *  values of a training) is left alone by who visits it. */
    bool dry;
    ht_status status; /**< the first fault; HT_OK = none */
    ht_error error;
    int depth;
    struct {
        cJSON *item;       /**< object or list; NULL: missing, or out of memory */
        const cJSON *next; /**< loading a list: its next element */
        size_t path;       /**< length of its path */
    } at[HT_MEMBERS_DEPTH];
    char path[HT_MEMBERS_PATH_MAX];
} ht_members;

/** Begin a tree; ht_members_end takes it. */
void ht_members_begin(ht_members *s);
/** Begin to load. `from` is borrowed until ht_members_end, may be NULL (a fault). `name` goes before paths.
 *  */
void ht_members_begin_load(ht_members *s, const char *name, const cJSON *from, bool dry);
/** @param[out] out  saving: the tree, owned by the caller, NULL after a failure; loading: may be NULL
 *  @return HT_OK; HT_EFORMAT: err names the member and what is wrong; HT_ENOMEM; what ht_members_fault said
 *  */
ht_status ht_members_end(ht_members *s, cJSON **out, ht_error *err);

/** A fault at the place where the walk is; only the first one counts. */
void ht_members_fault(ht_members *s, ht_status status, const char *format, ...) HT_PRINTF(3, 4);
/** Loading, and no fault so far. */
bool ht_members_is_good(const ht_members *s);
/** The same, and not dry: what was loaded may be written to where it belongs. */
bool ht_members_acts(const ht_members *s);

/* A saving walk only reads through its pointers. */

/** Visit an object inside; each needs its leave. */
void ht_members_enter(ht_members *s, const char *name);
/** An object that may be absent (null). @param given  saving: is there one. @return whether there is one;
 *  enter has happened then */
bool ht_members_enter_if(ht_members *s, const char *name, bool given);
/** A list of n elements. @param most  loading: more are a fault. @return n, of the saved list when loading */
size_t ht_members_enter_list(ht_members *s, const char *name, size_t n, size_t most);
/** The next element of the list, an object, which is number i; each needs its leave. */
void ht_members_enter_item(ht_members *s, size_t i);
void ht_members_leave(ht_members *s);

void ht_members_real(ht_members *s, const char *name, double *x);
/** A list of exactly n numbers. */
void ht_members_reals(ht_members *s, const char *name, double *x, size_t n);
void ht_members_longlong(ht_members *s, const char *name, long long *x);
void ht_members_ulong(ht_members *s, const char *name, unsigned long *x);
void ht_members_size(ht_members *s, const char *name, size_t *x);
/** Loading: outside of lo..hi is a fault and gives lo. */
void ht_members_int(ht_members *s, const char *name, int *x, int lo, int hi);
void ht_members_bool(ht_members *s, const char *name, bool *x);
/** A text in a field of `size` bytes; the rest of it becomes 0. */
void ht_members_field(ht_members *s, const char *name, char *text, size_t size);
/** An owned text or NULL. Loading replaces the pointer: what it held is the caller's. */
void ht_members_text(ht_members *s, const char *name, char **text);
/** An owned tree or NULL, as it was parsed: its numbers are finite, its texts UTF-8. As ht_members_text. */
void ht_members_json(ht_members *s, const char *name, cJSON **tree);
void ht_members_value(ht_members *s, const char *name, ht_value *v);

/** Visit a member of an enum type whose values are 0 .. last. */
#define HT_MEMBERS_ENUM(s, name, member, type, last)                                                         \
    do {                                                                                                     \
        int ht_members_x = (s)->loading ? 0 : (int)(member);                                                 \
        ht_members_int((s), (name), &ht_members_x, 0, (int)(last));                                          \
        if ((s)->loading)                                                                                    \
            (member) = (type)ht_members_x;                                                                   \
    } while (0)

#endif
