/** @file src/tune/actuator.h
 *  The actuators of one replica, by name, and the one mutation that is open: snapshot, apply, undo.
 *
 *  Four kinds stand behind one class: parameter groups of an optimizer (optimizer.h), named weights
 *  (weights.h), typed knobs (knob.h, bridged by name: bridge.h), and actuators of the program's own
 *  (ht_actuator_ops). How a mutation is undone is one rule for all (rollback.h). No MPI, no files, no
 *  clock. */
#ifndef HT_TUNE_ACTUATOR_H
#define HT_TUNE_ACTUATOR_H

#include "base/members.h"
#include "tune/record.h"

/** What a kind of actuator can do. `self` and snapshots belong to the kind. All required but `commanded`,
 *  `visit`, `visit_snapshot` and `destroy`. */
typedef struct {
    void (*validate)(void *self, const ht_patch *patch, ht_codes *codes);
    /** *out NULL = none could be taken. */
    ht_status (*snapshot)(void *self, const ht_patch *patch, void **out);
    ht_status (*apply)(void *self, const ht_patch *patch, const ht_env *env, void *snapshot, ht_error *err);
    /** Undo exactly what `apply` did since `snapshot`, by the rules of ht_rollback. */
    ht_status (*restore)(void *self, void *snapshot, ht_rollback *how, ht_error *err);
    void (*discard)(void *self, void *snapshot);
    /** Somebody set this value by command since `apply`: `restore` leaves it alone. NULL: the kind
     *  cannot tell its values apart. */
    void (*commanded)(void *self, void *snapshot, const char *param);
    /** The values that the patch touched, before and after; [HT_CHANGES_MAX]. @return how many */
    size_t (*changes)(void *self, const void *snapshot, ht_change *out);
    /** What a search must know of a family: is the knob a log float, how many elements has its value,
     *  what is it now (0 if unknown). false: the family leads nowhere. */
    bool (*space)(void *self, const ht_family_spec *family, bool *log_knob, size_t *n, double *current);
    void (*describe)(void *self, char *text, size_t size);
    /** Save the values that are in the training now, or write those that were saved into it (if
     *  ht_members_acts). NULL: only the program knows them. */
    void (*visit)(void *self, ht_members *s);
    /** Save a snapshot, or make it from what was saved: then *snapshot is NULL, or, unless there was a
     *  fault, the caller's (discard). NULL: snapshots of this kind cannot be saved. */
    void (*visit_snapshot)(void *self, void **snapshot, ht_members *s);
    void (*destroy)(void *self);    /**< NULL: nothing to free */
} ht_actuator_class;

typedef struct ht_actuators ht_actuators;

ht_status ht_actuators_create(ht_actuators **out, ht_error *err);
void ht_actuators_destroy(ht_actuators *a);

/** Register. On success `self` is owned (class->destroy).
 *  @return HT_OK; HT_EINVAL (bad or duplicate name, class with a missing function) */
ht_status ht_actuators_add(ht_actuators *a, const char *name, const ht_actuator_class *class, void *self,
                           ht_error *err);
/** Register callbacks of the program (copied; `self` borrowed). Refused if a required one is missing. */
ht_status ht_actuators_add_custom(ht_actuators *a, const char *name, const ht_actuator_ops *ops, void *self,
                                  ht_error *err);
/** Typed knobs by which names without a registered actuator are looked up; borrowed, may be NULL. */
struct ht_knobs;
void ht_actuators_attach_knobs(ht_actuators *a, struct ht_knobs *knobs);

/** Names that lead somewhere: the registered ones in order, then those of the groups of the attached
 *  knobs. The name is borrowed until a knob or an actuator is added. */
size_t ht_actuators_count(const ht_actuators *a);
const char *ht_actuators_name(const ht_actuators *a, size_t i);
bool ht_actuators_has(const ht_actuators *a, const char *name);

/** HT_ENOTFOUND: no such actuator. HT_OK: `codes` says whether the patch is legal (none = legal). */
ht_status ht_actuators_validate(ht_actuators *a, const char *name, const ht_patch *patch, ht_codes *codes);
bool ht_actuators_space(ht_actuators *a, const char *name, const ht_family_spec *family, bool *log_knob,
                        size_t *n, double *current);
/** Somebody set this value by command: if the open mutation touched it, undoing leaves it alone. */
void ht_actuators_commanded(ht_actuators *a, const char *param);

/** Save the values of all actuators and knobs and the snapshot of the open mutation; or write what was saved
 *  into the training and take the snapshot, so that undoing works as if nothing had happened in between. The
 *  same actuators and knobs must be registered, and no mutation be open. Values behind actuators of the
 *  program's own are the program's to keep: they belong into its training state.
 *  @param env  for setters
 *  @param[out] lost  loading: a mutation was open whose snapshot could not be saved (its kind is the
 *                    program's own): none is open now, and what it changed cannot be undone; untouched when
 *                    saving */
void ht_actuators_visit(ht_actuators *a, const ht_env *env, ht_members *s, bool *lost);

/** What the tuner does to the training. One mutation at most is open between apply and restore/keep.
 *  In a replica of several ranks the kernel supplies an effector that does the same on all of them. */
typedef struct {
    void *ctx;
    /** Check, snapshot, then apply. On failure everything is as before and nothing is open; err->text is
     *  the bare reason: unknown_actuator, invalid:<codes>, snapshot (none could be taken), or the
     *  actuator's own text. */
    ht_status (*apply)(void *ctx, const char *actuator, const ht_patch *patch, const ht_env *env,
                       size_t *n_changes, ht_change changes[HT_CHANGES_MAX], ht_error *err);
    /** Undo the open mutation; it is closed afterwards, also when that failed. */
    ht_status (*restore)(void *ctx, ht_rollback *how, ht_error *err);
    /** The open mutation stays: forget its snapshot. */
    void (*keep)(void *ctx);
    /** Set a typed knob by command. The open mutation is told (ht_actuators_commanded). */
    ht_status (*set)(void *ctx, const char *key, const ht_value *value, const ht_env *env, ht_error *err);
} ht_effector;

/** The effector of a replica of one rank: acts on `a` and the knobs attached to it. */
ht_effector ht_effector_local(ht_actuators *a);

#endif
