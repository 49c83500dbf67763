/** @file src/cli/campaign.h
 *  How the jobs stand that `hottune submit` made in a directory: all runs of a campaign, or the job of a
 * single run.
 *
 *  What runs there are stands in submit.json; directories run-k and gen-g are found without it, too, for who
 * submits scripts of his own. The queue is asked for a bounded time, and may stay silent. */
#ifndef HT_CLI_CAMPAIGN_H
#define HT_CLI_CAMPAIGN_H

#include "cli/cli.h"

/** The directory holds several runs, each in a directory of its own. */
bool ht_campaign_is_there(const char *dir);

/** The run in this directory is over and was not asked to leave. */
bool ht_campaign_run_is_finished(const char *run_dir);

/** Print a table of all runs, or with --json an object. @return the exit code; the message is printed */
int ht_campaign_status(const ht_cli *cli, const char *dir);

/** Print the job of a single run and what the queue says of it; with --json put it into `out` as `job`.
 * Nothing, if nothing was submitted. */
void ht_campaign_job(const ht_cli *cli, const char *dir, cJSON *out);

#endif
