/* tests/cli/top_case.h - a run, told to a model in a few lines. */
#ifndef TESTS_CLI_TOP_CASE_H
#define TESTS_CLI_TOP_CASE_H

#include <CUnit/Basic.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/top_model.h"

/* The object of a text, in which ' stands for ". */
static inline cJSON *object_of(const char *format, va_list args)
{
    char text[8192];
    cJSON *o = NULL;
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &o, NULL, NULL), HT_OK);
    return o;
}

static inline void tell(ht_top_model *m, ht_top_log log, const char *format, ...) HT_PRINTF(3, 4);
static inline void tell(ht_top_model *m, ht_top_log log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cJSON *o = object_of(format, args);
    va_end(args);
    ht_top_take_line(m, log, o);
    cJSON_Delete(o);
}

static inline void page(ht_top_model *m, void (*take)(ht_top_model *, const cJSON *), const char *format, ...)
    HT_PRINTF(3, 4);
static inline void page(ht_top_model *m, void (*take)(ht_top_model *, const cJSON *), const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cJSON *o = object_of(format, args);
    va_end(args);
    take(m, o);
    cJSON_Delete(o);
}

static inline void live(ht_top_model *m, ht_run_life life, unsigned long run, double started, double seen)
{
    ht_run_sign s = {.life = life, .host = "node1", .started = started, .seen = seen, .run = run};
    ht_top_take_sign(m, &s);
}

static inline void recipe(ht_top_model *m, const char *mode)
{
    page(m, ht_top_take_recipe,
         "{'objective':{'primary':'val/"
         "loss','mode':'%s'},'actuators':{'opt':{'mutations':{'lr_mult':{'range':[0.001,1.0]},"
         "'wd_mult':{'range':[0.01,1.0]}}}}}",
         mode);
}

static inline void epoch(ht_top_model *m, int run, int replica, int number, double loss)
{
    tell(m, HT_TOP_METRICS,
         "{'run':'r%d','replica':%d,'epoch':%d,'step':%d,'wall_time':%d.5,'metrics':{'val/loss':%g}}", run,
         replica, number, 40 * number, 1000 + number, loss);
}

/* A pooled run of n replicas in its segments. */
static inline void pooled_run(ht_top_model *m, int n)
{
    ht_top_model_init(m);
    live(m, HT_RUN_LIVES, 1, 1000, 1060);
    recipe(m, "min");
    char replicas[4096] = "";
    for (int r = 0; r < n; r++) {
        size_t used = strlen(replicas);
        snprintf(replicas + used, sizeof replicas - used,
                 "%s{'replica':%d,'state':'training','epoch':10,'doing':{'island':%d,'what':'%s','knobs':{'"
                 "opt.lr':0.0%d,"
                 "'opt.weight_decay':0.%d}}}",
                 r > 0 ? "," : "", r, r / 2, r % 2 ? "mutant" : "control", r % 9 + 1, r % 9 + 1);
        for (int e = 1; e <= 10 && n <= 16; e++)
            epoch(m, 1, r, e, 2. / e + r);
    }
    tell(m, HT_TOP_POPULATION,
         "{'event':'segment','run':1,'island':0,'knobs':{'opt.lr':0.03,'opt.weight_decay':0.5}}");
    page(m, ht_top_take_summary,
         "{'run':'r1','mode':'active','final':false,'segments_by_decision':{'accepted':3,'rejected':4,'"
         "rolled_back':1},"
         "'win_rates':{'opt:lr_mult':0.25},'win_centers':{'opt:lr_mult':1.5},'win_spreads':{'opt:lr_mult':0."
         "2},"
         "'win_counts':{'opt:lr_mult':5},'champion':{'replica':0,'value':0.2,'epoch':10},'population':{'"
         "policy':'pooled',"
         "'stage':'segments','wall_epochs':10.0,'epochs':40,'islands':%d,'utilisation':0.76},'start':{'nodes'"
         ":['n1','n2']},"
         "'live':{'step':400,'epoch':10,'warnings':['the disk is full'],'replicas':[%s]}}",
         (n + 1) / 2, replicas);
}

#endif
