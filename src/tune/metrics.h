/** @file src/tune/metrics.h
 *  Metrics of the training: set by name, or read through an accessor; canonical names and aliases. */
#ifndef HT_TUNE_METRICS_H
#define HT_TUNE_METRICS_H

#include "base/members.h"
#include "tune/record.h"

typedef struct ht_metrics ht_metrics;

/** @return true and *out if the program knows the metric now */
typedef bool (*ht_metric_accessor)(void *ctx, const char *name, double *out);

ht_status ht_metrics_create(ht_metrics **out, ht_error *err);
void ht_metrics_destroy(ht_metrics *m);

/** Remember a reading. @return HT_OK; HT_EINVAL (name empty or too long); HT_ENOMEM */
ht_status ht_metrics_set(ht_metrics *m, const char *name, double value, ht_error *err);
/** Remember a reading that is a number, a bool or a text; anything else means "no reading". */
ht_status ht_metrics_set_value(ht_metrics *m, const char *name, const ht_value *value, ht_error *err);
void ht_metrics_clear(ht_metrics *m, const char *name);
/** NULL removes it. Asked before the readings that were set. */
void ht_metrics_accessor(ht_metrics *m, ht_metric_accessor accessor, void *ctx);

/** Anything to read from at all: an accessor, or a reading that was set. */
bool ht_metrics_available(const ht_metrics *m);
/** Read one metric: the exact name first, then its aliases in order ("val/loss": "val_loss",
 *  "eval_loss", "eval/loss"; likewise the other canonical names, and the same backwards). Bools read
 *  as 0 or 1, texts that hold a number as that number; other texts are no reading. */
bool ht_metrics_read(const ht_metrics *m, const char *name, double *out);
/** The same as it was reported: a number, a bool or a text. */
bool ht_metrics_value(const ht_metrics *m, const char *name, ht_value *out);
/** Which report the reading of a metric (or of its alias) comes from: it grows with each report, so two
 *  equal stamps are one and the same reading. 0 = cannot be known (an accessor answers, or nothing). */
unsigned long ht_metrics_stamp(const ht_metrics *m, const char *name);
/** Read the objective's primary metric and its backups, each once; those that are not known are left
 *  out. */
void ht_metrics_readings(const ht_metrics *m, const ht_recipe *r, ht_readings *out);

/** Save the readings with their stamps, or replace them by those that were saved. The accessor is the
 *  program's. */
void ht_metrics_visit(ht_metrics *m, ht_members *s);

#endif
