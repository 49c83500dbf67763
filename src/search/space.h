/** @file src/search/space.h
 *  A search space: parameters with kinds, ranges and conditions, and their coordinates.
 *
 *  Every number has a coordinate u in [0, 1] (on a log scale if it says so; an integer or stepped number
 *  sits at the centre of its cell); a category's coordinate is its index; a parameter whose condition is
 *  not met is absent. Core: no MPI, no files, no clock. */
#ifndef HT_SEARCH_SPACE_H
#define HT_SEARCH_SPACE_H

#include "base/json.h"
#include "base/value.h"

enum { HT_PARAMS_MAX = 64, HT_CHOICES_MAX = 256 };

/** Coordinate of an absent parameter. */
#define HT_ABSENT (-1.0)

typedef enum { HT_PARAM_NUMBER, HT_PARAM_CATEGORY } ht_param_kind;

typedef struct {
    char name[HT_NAME_MAX];     /**< "betas.0" for the first element of a tuple */
    ht_param_kind kind;
    /* numbers */
    double low, high;
    bool log, is_int;
    double step;                /**< > 0: values low, low + step, ..; 0 = continuous */
    double cells;               /**< number of values of a stepped number; 0 = continuous */
    /* categories */
    size_t n_choices;
    ht_scalar *choices;         /**< [n_choices], owned; a bool has false and true */
    /* condition */
    int parent;                 /**< index of the parameter that decides, -1 = always active */
    unsigned char allowed[HT_CHOICES_MAX];  /**< [n_choices of the parent] 1 = active under it */
    /* tuples */
    int element;                /**< index within its tuple, -1 = no tuple */
    int elements;               /**< length of the tuple */
} ht_param;

typedef struct {
    size_t n;
    ht_param *params;           /**< [n], owned; parents before those they decide about */
    size_t n_numbers;
} ht_space;

/** A point: one coordinate for each parameter. */
typedef struct {
    double u[HT_PARAMS_MAX];
} ht_point;

/** Read a space from {"parameters": {name: {type, low, high, log, step, choices, when}}}.
 *  Types: float, int, bool, cat (also categorical), tuple (low and high may be lists).
 *  @param places  of the text, or NULL   @param name  of the text, for messages
 *  @return HT_OK; HT_EFORMAT "name:line:column: parameter: why"; HT_ENOMEM */
ht_status ht_space_read(const cJSON *tree, const ht_place *places, const char *name, ht_space *out, ht_error *err);
/** Read a space from text: JSON if it starts with '{', else YAML. */
ht_status ht_space_parse(const char *text, const char *name, ht_space *out, ht_error *err);
void ht_space_release(ht_space *s);

/** Is parameter i active at `p` (whose parents are set)? */
bool ht_space_is_active(const ht_space *s, const ht_point *p, size_t i);
/** Move u to the centre of its cell (stepped numbers) and into [0, 1]. */
double ht_space_snap(const ht_space *s, size_t i, double u);
/** Half of a cell's width in coordinates; 0 for continuous numbers. */
double ht_space_half_cell(const ht_space *s, size_t i);
/** Value at a coordinate, and back. `to_unit` of a value outside the range is clamped. */
double ht_space_value(const ht_space *s, size_t i, double u);
double ht_space_unit(const ht_space *s, size_t i, double value);

/** The active parameters of a point as an object, tuples as lists; owned by the caller. */
cJSON *ht_space_to_json(const ht_space *s, const ht_point *p);
/** The point of an object as above. @return HT_OK; HT_EFORMAT: a parameter is missing, of the wrong
 *  kind or out of range */
ht_status ht_space_from_json(const ht_space *s, const cJSON *params, ht_point *out, ht_error *err);

#endif
