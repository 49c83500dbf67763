/** @file src/tune/json_lines.h
 *  A text of JSON objects, one a line: the form of every log of a run. */
#ifndef HT_TUNE_JSON_LINES_H
#define HT_TUNE_JSON_LINES_H

#include "base/json.h"

/** Told each object in order; `object` belongs to the visitor. Lines count from 1. */
typedef ht_status (*ht_json_lines_visitor)(void *ctx, size_t line, cJSON *object, ht_error *err);

/** Walk the lines; blank ones are skipped.
 *  @param may_be_torn  a last line that is no JSON object is left out (the writer was killed)
 *  @return HT_OK; HT_EFORMAT: a line is no JSON object, err says "line 3: .."; HT_ENOMEM; or what the
 *          visitor returned, which also ends the walk */
ht_status ht_json_lines_each(const char *text, bool may_be_torn, ht_json_lines_visitor visit, void *ctx,
                             ht_error *err);

#endif
