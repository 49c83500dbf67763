/** @file hottune/search.h
 *  The optimiser alone: ask for the parameters of an evaluation, tell what it gave. No MPI.
 *
 *  For programs that drive their own evaluations; any number of asks may be open at once. What it does and
 *  what it costs: docs/posterior.md. One owner, no lock: one thread at a time per handle. */
#ifndef HOTTUNE_SEARCH_H
#define HOTTUNE_SEARCH_H

#include <hottune/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/** A search in progress. */
typedef struct ht_search ht_search;

/** Open a search. @param space  the search space as text, YAML or JSON:
 *      parameters: {lr: {type: float, low: 1e-5, high: 1, log: true}, opt: {type: cat, choices: [sgd, adam]}}
 *  @param seed      the same seed and the same order of calls give the same parameters
 *  @param maximize  greater values are better
 *  @param[out] out  owned by the caller (ht_search_close); untouched on failure
 *  @param[out] err  message on failure; may be NULL, as everywhere here
 *  @return HT_OK; HT_EFORMAT: the space, with line and column; HT_ENOMEM */
ht_status ht_search_open(const char *space, unsigned long long seed, bool maximize, ht_search **out,
                         ht_error *err);
void ht_search_close(ht_search *s);     /**< NULL is allowed */

/** Ask for the parameters of one more evaluation. Never waits for results.
 *  @param s         the search
 *  @param[out] id   0, 1, ..: names this evaluation; read its parameters with ht_search_value
 *  @param[out] err  message on failure
 *  @return HT_OK; HT_ENOMEM */
ht_status ht_search_ask(ht_search *s, unsigned long *id, ht_error *err);

/** A parameter of an evaluation that is open: asked, and neither told, failed nor forgotten.
 *  @return true; false: no such parameter, it is not active there (its `when`), or the evaluation is not
 *          open */
bool ht_search_value(const ht_search *s, unsigned long id, const char *name, ht_value *out);

/** Tell the value of an open evaluation. NaN and infinities count as failed.
 *  @return HT_OK; HT_ENOTFOUND: never asked; HT_EREFUSED: not open any more */
ht_status ht_search_tell(ht_search *s, unsigned long id, double value, ht_error *err);
/** The evaluation failed: its parameters are bad. @return as ht_search_tell */
ht_status ht_search_fail(ht_search *s, unsigned long id, ht_error *err);
/** The evaluation was lost and says nothing. Its id stays used. @return as ht_search_tell */
ht_status ht_search_forget(ht_search *s, unsigned long id, ht_error *err);
/** Evaluations that are open. */
unsigned long ht_search_pending(const ht_search *s);

/** The best value told so far.
 *  @param s           the search
 *  @param[out] id     of its evaluation
 *  @param[out] value  what was told of it
 *  @return HT_OK; HT_EEMPTY: none yet */
ht_status ht_search_best(const ht_search *s, unsigned long *id, double *value);
/** A parameter of the best evaluation; false as in ht_search_value, or if there is none yet. */
bool ht_search_best_value(const ht_search *s, const char *name, ht_value *out);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
