/* src/tune/knob_validate.c - is a value legal for a typed knob; the contract is in knob.h.
 *
 * May touch: its arguments. */
#include <math.h>
#include <string.h>

#include "base/value.h"
#include "tune/knob.h"

static const char *const types[] = {"bool", "float", "int", "choice", "log_float", "tuple"};
static const char *const states[] = {"init", "untouched", "unverified", "verified", "disabled"};

const char *ht_knob_type_text(ht_knob_type t)
{
    return (unsigned)t < sizeof types / sizeof types[0] ? types[t] : "unknown";
}

bool ht_knob_type_parse(const char *text, ht_knob_type *out)
{
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], text) == 0) {
            *out = (ht_knob_type)i;
            return true;
        }
    return false;
}

const char *ht_knob_state_text(ht_knob_state s)
{
    return (unsigned)s < sizeof states / sizeof states[0] ? states[s] : "unknown";
}

/* Limits are compared so that NaN passes both: it is reported as what it is. */
static void check_limits(const ht_knob_spec *spec, double x, ht_codes *codes)
{
    if (spec->has_min && x < spec->min)
        ht_codes_add(codes, "below_min");
    else if (spec->has_max && x > spec->max)
        ht_codes_add(codes, "above_max");
}

static void check_real(const ht_knob_spec *spec, const ht_value *v, ht_codes *codes)
{
    if (!ht_value_is_number(v)) {
        ht_codes_add(codes, "type");
        return;
    }
    double x = v->scalar.number;
    check_limits(spec, x, codes);
    /* A log scale has no 0, but a knob such as weight decay whose range begins there may be switched off. */
    bool legal_zero = x == 0 && spec->has_min && spec->min == 0;
    if (spec->type == HT_KNOB_LOG_FLOAT && x <= 0 && !legal_zero)
        ht_codes_add(codes, "not_positive");
    if (codes->n == 0 && !isfinite(x))
        ht_codes_add(codes, "not_finite");
}

static void check_choice(const ht_knob_spec *spec, const ht_value *v, ht_codes *codes)
{
    for (size_t i = 0; i < spec->n_choices; i++)
        if (ht_value_equal(&spec->choices[i], v))
            return;
    if (spec->n_choices > 0)
        ht_codes_add(codes, "not_in_choices");
}

/* The first bad element decides. */
static const char *tuple_fault(const ht_value *v)
{
    if (v->kind != HT_VALUE_LIST)
        return "type";
    if (v->n_items != 2)
        return "length";
    for (size_t i = 0; i < 2; i++) {
        const ht_scalar *s = &v->items[i];
        if (s->kind != HT_VALUE_INT && s->kind != HT_VALUE_REAL)
            return "type";
        if (!isfinite(s->number))
            return "not_finite";
        if (!(s->number >= 0 && s->number < 1))
            return "out_of_bounds";
    }
    return NULL;
}

void ht_knob_validate(const ht_knob_spec *spec, const ht_value *value, ht_codes *codes)
{
    const char *fault = NULL;
    codes->n = 0;
    switch (spec->type) {
    case HT_KNOB_BOOL:
        fault = value->kind == HT_VALUE_BOOL ? NULL : "type";
        break;
    case HT_KNOB_FLOAT:
    case HT_KNOB_LOG_FLOAT:
        check_real(spec, value, codes);
        break;
    case HT_KNOB_INT:
        if (value->kind == HT_VALUE_INT)
            check_limits(spec, value->scalar.number, codes);
        else
            fault = "type";
        break;
    case HT_KNOB_CHOICE:
        check_choice(spec, value, codes);
        break;
    case HT_KNOB_TUPLE:
        fault = tuple_fault(value);
        break;
    }
    if (fault != NULL)
        ht_codes_add(codes, fault);
}
