/** @file src/tune/tuner_save.h
 *  The whole state of a tuner as a JSON tree, and back into a tuner of another process.
 *
 *  A tuner that is saved between two calls, and loaded into one made anew for the same training, goes on
 *  exactly as if it had never stopped: the same questions, records, values and rollbacks. With it go the
 *  readings of its metrics, the values of all knobs and actuators that the library can read, and the
 *  snapshot of the open mutation. Beside it the program brings back its training state, and with it what its
 *  own actuators (ht_actuator_ops) have changed: the library cannot see these values.
 *
 *  What cannot be saved is a snapshot of such an actuator. If one is held, loading closes the open segment
 *  without a verdict: decision inconclusive, reason "resumed", rollback "failed", since the change was not
 *  undone and stays in force if the program brought it back; the mutation says so in its error. This does
 *  not count against the actuator. Saving changes nothing: a run that is not stopped never notices. */
#ifndef HT_TUNE_TUNER_SAVE_H
#define HT_TUNE_TUNER_SAVE_H

#include "tune/tuner.h"

/** @return owned by the caller (cJSON_Delete); NULL after a failure: HT_ENOMEM, err says so */
cJSON *ht_tuner_save(const ht_tuner *t, ht_error *err);

/** Into a tuner that was created for the same replica with the same actuators and knobs, and has seen no
 *  event yet. Its recipe, mode and numbers are replaced by those saved. Records leave through its ports only
 *  where a segment is closed as told above. All or nothing, unless a setter of the program refuses
 *  (HT_EFAILED).
 *  @return HT_OK; HT_EFORMAT: err names the member that is damaged, or what of the program differs;
 *  HT_EINVAL (a mutation is open); HT_EFAILED; HT_ENOMEM */
ht_status ht_tuner_load(ht_tuner *t, const cJSON *from, ht_error *err);

/** The same for the part that each rank of a replica has for itself: values of knobs and actuators, and the
 *  snapshot. The tree of ht_tuner_save has that of its own rank inside. */
cJSON *ht_actuators_save(const ht_actuators *a, ht_error *err);
ht_status ht_actuators_load(ht_actuators *a, const ht_env *env, const cJSON *from, ht_error *err);

#endif
