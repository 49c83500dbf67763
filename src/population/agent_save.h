/** @file src/population/agent_save.h
 *  The state of an agent with its tuner as a JSON tree, and back into an agent of another process.
 *
 *  Everything that the agent knows between two safe points, but for what it has of a pool (ht_agent_pool):
 *  its tuner, metrics and knobs (tune/tuner_save.h tells what of them and what not), the number of its
 *  decision, the segment that its next REPORT brings, the rest of an OUTCOME, orders that wait, the
 *  operation list and which of its entries have fired, the result of the training. */
#ifndef HT_POPULATION_AGENT_SAVE_H
#define HT_POPULATION_AGENT_SAVE_H

#include "population/agent.h"

/** Of an agent that has begun, after its OUTCOME. Changes nothing.
 *  @return owned by the caller (cJSON_Delete); NULL after a failure: HT_EINVAL (it has not begun), HT_ENOMEM
 *  */
cJSON *ht_agent_save(const ht_agent *a, ht_error *err);

/** Into an agent of the same replica that has begun and has seen no event; its tuner sends nothing. All or
 *  nothing as ht_tuner_load.
 *  @return HT_OK; HT_EINVAL (it has not begun); HT_EFORMAT: err names the member; HT_EFAILED, HT_ENOMEM */
ht_status ht_agent_load(ht_agent *a, const cJSON *from, ht_error *err);

#endif
