/** @file src/cli/roff.h
 *  Manual pages in the language of man(7), from the table of verbs: hottune(1) and one for each verb. */
#ifndef HT_CLI_ROFF_H
#define HT_CLI_ROFF_H

#include "cli/cli.h"

/** Add the page of the program. */
void ht_roff_program(ht_string *page);
/** Add the page of a verb. */
void ht_roff_verb(ht_string *page, const ht_verb *verb);
/** Name of a verb's page without section: "hottune-study-merge". `name`: added to, owned by the caller. */
void ht_roff_name(ht_string *name, const ht_verb *verb);

#endif
