/** @file src/cli/submit_script.h
 *  The scripts of `hottune submit`, as a colleague would write them by hand: bash, with lines #SBATCH on top.
 *
 *  Pure: text from a plan. A job of populations takes the number of its generation as argument where there
 *  is a chain. */
#ifndef HT_CLI_SUBMIT_SCRIPT_H
#define HT_CLI_SUBMIT_SCRIPT_H

#include "cli/submit_plan.h"

#define HT_FILE_JOB_SCRIPT "job.sh"
#define HT_FILE_EVOLVE_SCRIPT "evolve.sh"
#define HT_FILE_NEXT_RECIPE "recipe.yaml" /* in the folder of a generation: what it begins with */

/** The job of a population, or of all populations of one generation. */
void ht_submit_script_job(const ht_submit_plan *p, ht_string *out);

/** The job between two generations of a chain: what was learned becomes the recipe of the next one. */
void ht_submit_script_evolve(const ht_submit_plan *p, ht_string *out);

#endif
