/* src/tune/metrics.c - what the training reports of itself; the contract is in metrics.h.
 *
 * Readings that were set are kept by name in the order of their first report; a program reports few, so
 * they are searched from the front. May touch: the heap, the program's accessor. */
#include "tune/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"

typedef struct {
    char name[HT_NAME_MAX];
    ht_scalar value;
    unsigned long stamp;            /* number of the report that it comes from */
} reading;

struct ht_metrics {
    size_t n, capacity;
    reading *readings;              /* [capacity], owned */
    unsigned long reports;          /* made so far */
    ht_metric_accessor accessor;    /* NULL = none */
    void *ctx;
};

/* One row a metric: the canonical name, then what other programs call it. */
enum { NAMES_MAX = 4 };
static const char *const names[][NAMES_MAX] = {
    {"train/loss", "train_loss", "loss"},
    {"val/loss", "val_loss", "eval_loss", "eval/loss"},
    {"val/score", "val_score", "eval_score", "eval/score"},
    {"grad/norm", "grad_norm"},
    {"lr", "learning_rate"},
    {"time/step_sec", "step_time", "step_sec"},
    {"system/gpu_mem_mb", "gpu_mem_mb"},
};

/* The row that holds `name`, or NULL. */
static const char *const *aliases_of(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < NAMES_MAX && names[i][j] != NULL; j++)
            if (strcmp(names[i][j], name) == 0)
                return names[i];
    return NULL;
}

ht_status ht_metrics_create(ht_metrics **out, ht_error *err)
{
    ht_metrics *m = calloc(1, sizeof *m);
    if (m == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for metrics");
    *out = m;
    return HT_OK;
}

void ht_metrics_destroy(ht_metrics *m)
{
    if (m == NULL)
        return;
    free(m->readings);
    free(m);
}

static reading *find(const ht_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->readings[i].name, name) == 0)
            return &m->readings[i];
    return NULL;
}

/* A new reading without a value, or NULL when out of memory. */
static reading *append(ht_metrics *m, const char *name)
{
    if (m->n == m->capacity) {
        size_t capacity = m->capacity == 0 ? 8 : 2 * m->capacity;
        reading *grown = realloc(m->readings, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        m->readings = grown;
        m->capacity = capacity;
    }
    reading *r = &m->readings[m->n++];
    ht_name_copy(r->name, name);
    return r;
}

ht_status ht_metrics_set_value(ht_metrics *m, const char *name, const ht_value *value, ht_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length >= HT_NAME_MAX)
        return ht_fail(err, HT_EINVAL, "metric '%s': a name has 1 to %d bytes", name, HT_NAME_MAX - 1);
    if (!ht_value_is_number(value) && value->kind != HT_VALUE_BOOL && value->kind != HT_VALUE_TEXT) {
        ht_metrics_clear(m, name);
        return HT_OK;
    }
    reading *r = find(m, name);
    if (r == NULL)
        r = append(m, name);
    if (r == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for metric '%s'", name);
    r->value = value->scalar;
    r->stamp = ++m->reports;
    return HT_OK;
}

ht_status ht_metrics_set(ht_metrics *m, const char *name, double value, ht_error *err)
{
    ht_value v = ht_real(value);
    return ht_metrics_set_value(m, name, &v, err);
}

void ht_metrics_clear(ht_metrics *m, const char *name)
{
    reading *r = find(m, name);
    if (r == NULL)
        return;
    size_t after = m->n - (size_t)(r - m->readings) - 1;
    memmove(r, r + 1, after * sizeof *r);
    m->n--;
}

void ht_metrics_accessor(ht_metrics *m, ht_metric_accessor accessor, void *ctx)
{
    m->accessor = accessor;
    m->ctx = ctx;
}

bool ht_metrics_available(const ht_metrics *m)
{
    return m->accessor != NULL || m->n > 0;
}

/* By this very name: the accessor first, then what was set. */
static bool reported(const ht_metrics *m, const char *name, ht_value *out, unsigned long *stamp)
{
    double x;
    *stamp = 0;
    if (m->accessor != NULL && m->accessor(m->ctx, name, &x)) {
        *out = ht_real(x);
        return true;
    }
    const reading *r = find(m, name);
    if (r != NULL) {
        *out = (ht_value){.kind = r->value.kind, .scalar = r->value};
        *stamp = r->stamp;
    }
    return r != NULL;
}

/* Walk the names of a metric, the given one first, until `take` is content with what is reported. `stamp`
 * is that of the report taken. */
static bool look_up(const ht_metrics *m, const char *name, bool (*take)(const ht_value *v, void *to),
                    void *to, unsigned long *stamp)
{
    ht_value v;
    if (reported(m, name, &v, stamp) && take(&v, to))
        return true;
    const char *const *row = aliases_of(name);
    for (size_t j = 0; row != NULL && j < NAMES_MAX && row[j] != NULL; j++)
        if (strcmp(row[j], name) != 0 && reported(m, row[j], &v, stamp) && take(&v, to))
            return true;
    return false;
}

static bool take_number(const ht_value *v, void *to)
{
    return ht_value_as_number(v, to);
}

static bool take_value(const ht_value *v, void *to)
{
    *(ht_value *)to = *v;
    return true;
}

bool ht_metrics_read(const ht_metrics *m, const char *name, double *out)
{
    unsigned long stamp;
    return look_up(m, name, take_number, out, &stamp);
}

bool ht_metrics_value(const ht_metrics *m, const char *name, ht_value *out)
{
    unsigned long stamp;
    return look_up(m, name, take_value, out, &stamp);
}

unsigned long ht_metrics_stamp(const ht_metrics *m, const char *name)
{
    unsigned long stamp;
    double x;
    return look_up(m, name, take_number, &x, &stamp) ? stamp : 0;
}

static void read_into(const ht_metrics *m, const char *name, ht_readings *out)
{
    double x;
    if (ht_readings_find(out, name) == NULL && ht_metrics_read(m, name, &x))
        ht_readings_put(out, name, x);
}

void ht_metrics_readings(const ht_metrics *m, const ht_recipe *r, ht_readings *out)
{
    out->n = 0;
    read_into(m, r->objective.primary, out);
    for (size_t i = 0; i < r->objective.n_backups; i++)
        read_into(m, r->objective.backups[i], out);
}

/* ---- to go on later ------------------------------------------------------------------------- */

static void visit_readings(ht_metrics *m, ht_members *s)
{
    enum { MOST = 1 << 20 };
    m->n = ht_members_enter_list(s, "readings", m->n, MOST);
    if (s->loading) {
        m->capacity = m->n;
        m->readings = calloc(m->n + 1, sizeof *m->readings);
        if (m->readings == NULL) {
            ht_members_fault(s, HT_ENOMEM, "no memory for %zu metrics", m->n);
            m->n = 0;
        }
    }
    for (size_t i = 0; i < m->n; i++) {
        ht_members_enter_item(s, i);
        reading *r = &m->readings[i];
        ht_value v = {.kind = r->value.kind, .scalar = r->value};
        ht_members_field(s, "name", r->name, sizeof r->name);
        ht_members_value(s, "value", &v);
        r->value = v.scalar;
        ht_members_ulong(s, "stamp", &r->stamp);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

void ht_metrics_visit(ht_metrics *m, ht_members *s)
{
    ht_metrics loaded = *m;
    ht_members_ulong(s, "reports", &loaded.reports);
    visit_readings(&loaded, s);
    if (!s->loading)
        return;
    if (ht_members_acts(s)) {
        free(m->readings);
        *m = loaded;
    } else {
        free(loaded.readings);
    }
}
