/* tests/cli/test_top_model.c - what `hottune top` knows of a run (src/cli/top_model.h). */
#include "cases.h"
#include "top_case.h"

static void a_pooled_run_is_told_by_its_files(void)
{
    ht_top_model m;
    int replica = -1;
    pooled_run(&m, 4);
    CU_ASSERT_EQUAL(m.n_replicas, 4);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_progress(&m), .25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_elapsed(&m, 1080), 80, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_left(&m, 1080), 240, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_best(&m, &replica), .2, 1e-12);
    CU_ASSERT_EQUAL(replica, 0);
    CU_ASSERT_EQUAL(m.accepted, 3);
    CU_ASSERT_EQUAL(m.rejected, 5);
    CU_ASSERT_EQUAL(ht_top_count(&m, "training"), 4);
    const ht_top_replica *r = &m.replicas[1];
    CU_ASSERT_STRING_EQUAL(r->doing, "mutant");
    CU_ASSERT_STRING_EQUAL(r->node, "n2");
    CU_ASSERT_EQUAL(r->island, 0);
    CU_ASSERT_EQUAL(r->epoch, 10);
    CU_ASSERT_DOUBLE_EQUAL(r->value, 1.2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(r->knobs[0], .02, 1e-12);
    CU_ASSERT_STRING_EQUAL(m.replicas[2].node, "");
    CU_ASSERT_EQUAL(m.n_warnings, 1);
    ht_top_model_release(&m);
}

static void knobs_have_their_range_their_islands_and_what_won(void)
{
    ht_top_model m;
    pooled_run(&m, 4);
    CU_ASSERT_EQUAL_FATAL(m.n_knobs, 2);
    const ht_top_knob *k = &m.knobs[0];
    CU_ASSERT_STRING_EQUAL(k->name, "opt.lr");
    CU_ASSERT_TRUE(k->lo == .001 && k->hi == 1 && k->log);
    CU_ASSERT_TRUE(k->center == 1.5 && k->spread == .2 && k->wins == 5 && k->win_rate == .25);
    CU_ASSERT_EQUAL(k->move, 'x');
    CU_ASSERT_EQUAL(k->island[0], .03);
    CU_ASSERT_TRUE(isnan(k->island[1]));
    CU_ASSERT_STRING_EQUAL(m.knobs[1].name, "opt.weight_decay"); /* the family is called wd_mult */
    CU_ASSERT_EQUAL(m.knobs[1].island[0], .5);
    tell(&m, HT_TOP_POPULATION, "{'event':'tournament','run':1,'islands':[{'island':0,'kept':false}]}");
    CU_ASSERT_TRUE(isnan(m.knobs[0].island[0]));
    ht_top_model_release(&m);
}

static void in_a_race_the_epochs_of_all_count(void)
{
    ht_top_model m;
    ht_top_model_init(&m);
    live(&m, HT_RUN_LIVES, 1, 1000, 1001);
    recipe(&m, "min");
    epoch(&m, 1, 0, 1, 2);
    epoch(&m, 1, 1, 1, 1);
    page(&m, ht_top_take_summary,
         "{'run':'r1','population':{'policy':'pooled','stage':'race','wall_epochs':0.0,'epochs':10}}");
    CU_ASSERT_DOUBLE_EQUAL(ht_top_progress(&m), .1, 1e-12);
    ht_top_model_release(&m);
}

static void an_independent_replica_has_the_values_of_its_mutations(void)
{
    ht_top_model m;
    ht_top_model_init(&m);
    recipe(&m, "min");
    tell(&m, HT_TOP_MUTATIONS,
         "{'run':'r1','replica':1,'actuator':'opt','status':'suggested','before':{'lr':0.1},"
         "'after':{'lr':0.2}}");
    CU_ASSERT_TRUE(isnan(m.replicas[1].knobs[0]));
    tell(&m, HT_TOP_MUTATIONS,
         "{'run':'r1','replica':1,'actuator':'opt','status':'applied','before':{'lr':0.1},"
         "'after':{'lr':0.2}}");
    CU_ASSERT_EQUAL(m.replicas[1].knobs[0], .2);
    tell(&m, HT_TOP_MUTATIONS,
         "{'run':'r1','replica':1,'actuator':'opt','status':'rolled_back','before':{'lr':0.1},"
         "'after':{'lr':0.2}}");
    CU_ASSERT_EQUAL(m.replicas[1].knobs[0], .1);
    tell(&m, HT_TOP_SEGMENTS, "{'run':'r1','replica':1,'decision':'rolled_back','score_delta':-0.25}");
    CU_ASSERT_STRING_EQUAL(m.replicas[1].verdict, "rolled_back");
    CU_ASSERT_EQUAL(m.replicas[1].score, -.25);
    page(&m, ht_top_take_asked, "{'workload':'glyph','epochs':20}");
    epoch(&m, 1, 1, 5, 3);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_progress(&m), .25, 1e-12);
    page(&m, ht_top_take_summary, "{'run':'r1','total_steps':400,'live':{'step':200}}");
    CU_ASSERT_DOUBLE_EQUAL(ht_top_progress(&m), .5, 1e-12);
    ht_top_model_release(&m);
}

static void a_later_run_in_the_directory_pushes_out_the_earlier_one(void)
{
    ht_top_model m;
    pooled_run(&m, 4);
    epoch(&m, 2, 0, 1, 7);
    CU_ASSERT_EQUAL(m.run, 2);
    CU_ASSERT_EQUAL(m.n_replicas, 1);
    CU_ASSERT_EQUAL(m.lines, 1);
    epoch(&m, 1, 3, 1, 1); /* late to come */
    page(&m, ht_top_take_summary, "{'run':'r1','final':true,'champion':{'value':0.1}}");
    CU_ASSERT_EQUAL(m.n_replicas, 1);
    CU_ASSERT_FALSE(m.final);
    int replica;
    CU_ASSERT_EQUAL(ht_top_best(&m, &replica), 7);
    ht_top_model_release(&m);
}

static void the_curve_is_the_best_so_far_in_either_direction(void)
{
    const double losses[] = {3, 4, 2, NAN, 2.5, 1};
    for (int max = 0; max < 2; max++) {
        ht_top_model m;
        ht_top_model_init(&m);
        recipe(&m, max ? "max" : "min");
        for (int i = 0; i < 6; i++)
            if (isnan(losses[i]))
                tell(&m, HT_TOP_METRICS, "{'run':'r1','replica':0,'epoch':4,'metrics':{'val/loss':null}}");
            else
                epoch(&m, 1, 0, i + 1, losses[i]);
        CU_ASSERT_EQUAL(ht_top_curve_at(&m, 0), 3);
        CU_ASSERT_EQUAL(ht_top_curve_at(&m, .5), max ? 4 : 2);
        CU_ASSERT_EQUAL(ht_top_curve_at(&m, 1), max ? 4 : 1);
        ht_top_model_release(&m);
    }
}

static void a_long_curve_keeps_its_newest_end(void)
{
    ht_top_model m;
    ht_top_model_init(&m);
    recipe(&m, "min");
    CU_ASSERT_TRUE(isnan(ht_top_curve_at(&m, 1)));
    for (int i = 0; i < 3 * HT_TOP_CURVE_MAX; i++)
        epoch(&m, 1, 0, i, 1e6 - i);
    CU_ASSERT_TRUE(m.n_curve <= HT_TOP_CURVE_MAX);
    CU_ASSERT_EQUAL(ht_top_curve_at(&m, 1), 1e6 - (3 * HT_TOP_CURVE_MAX - 1));
    CU_ASSERT_DOUBLE_EQUAL(ht_top_curve_at(&m, .5), 1e6 - 1.5 * HT_TOP_CURVE_MAX, 16);
    ht_top_model_release(&m);
}

static void events_are_kept_newest_first_with_their_time(void)
{
    ht_top_model m;
    ht_top_model_init(&m);
    ht_top_take_event(&m, "2026-11-26T12:04:33Z r1 run begins");
    CU_ASSERT_DOUBLE_EQUAL(ht_top_event_at(&m, 0)->when, 1795694673, 1e-3);
    CU_ASSERT_STRING_EQUAL(ht_top_event_at(&m, 0)->text, "run begins");
    ht_top_take_event(&m, "no time in front");
    CU_ASSERT_TRUE(isnan(ht_top_event_at(&m, 0)->when));
    for (int i = 0; i < 2 * HT_TOP_EVENTS_MAX; i++) {
        char line[64];
        snprintf(line, sizeof line, "2026-11-26T12:04:33Z r1 line %d", i);
        ht_top_take_event(&m, line);
    }
    CU_ASSERT_EQUAL(m.n_events, HT_TOP_EVENTS_MAX);
    CU_ASSERT_STRING_EQUAL(ht_top_event_at(&m, 0)->text, "line 255");
    tell(&m, HT_TOP_APPLIED,
         "{'module':'tune','op':'set','decision':'failed','error':'pooled_run: no','wall_time':5.0}");
    CU_ASSERT_STRING_EQUAL(m.answer, "tune set: failed; pooled_run: no");
    CU_ASSERT_EQUAL(m.answers, 1);
    ht_top_take_event(&m, "2026-11-26T12:04:33Z r1 warning: the disk is full");
    CU_ASSERT_TRUE(ht_top_event_at(&m, 0)->warning);
    ht_top_model_release(&m);
}

static void what_is_over_takes_no_longer(void)
{
    ht_top_model m;
    pooled_run(&m, 2);
    live(&m, HT_RUN_KILLED, 1, 1000, 1020);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_elapsed(&m, 9999), 20, 1e-9);
    CU_ASSERT_TRUE(isnan(ht_top_left(&m, 9999)));
    CU_ASSERT_DOUBLE_EQUAL(ht_top_pace(&m), 1, 1e-9); /* 20 epochs in 20 s */
    ht_top_model_release(&m);
}

static void the_pace_is_that_of_this_start(void)
{
    ht_top_model m;
    ht_top_model_init(&m);
    live(&m, HT_RUN_LIVES, 1, 1000, 1060);
    recipe(&m, "min");
    for (int i = 1; i <= 21; i++)
        epoch(&m, 1, 0, 2 * i, 1);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_pace(&m), .5, 1e-9);
    live(&m, HT_RUN_LIVES, 1, 2000, 2060); /* resumed after a while */
    CU_ASSERT_TRUE(isnan(ht_top_pace(&m)));
    for (int i = 1; i <= 5; i++)
        epoch(&m, 1, 0, 1000 + i, 1);
    CU_ASSERT_DOUBLE_EQUAL(ht_top_pace(&m), 1, 1e-9);
    ht_top_model_release(&m);
}

static void strange_content_changes_nothing(void)
{
    static const char *const texts[] = {
        "{}",
        "{'replica':-1}",
        "{'replica':1e300,'metrics':3}",
        "{'replica':0,'metrics':[1],'epoch':'x','run':'r1e99'}",
        "{'event':3,'island':1e99,'winners':4,'knobs':[1]}",
        "{'event':'segment','island':1000000,'knobs':{'a.b':1}}",
        "{'event':'tournament','islands':{'a':1}}",
        "{'status':'applied','replica':0,'actuator':'a','after':[1,2]}",
        "{'op':1,'decision':2}",
        "{'live':{'replicas':[1,{'replica':0,'doing':3}],'warnings':[1]},'win_rates':{'nocolon':1}}",
        "{'population':[],'champion':1,'segments_by_decision':'x','start':{'nodes':{'a':1}}}",
        "{'objective':1,'actuators':{'a':{'mutations':{'b':{'range':['x','y']}}}}}",
        "{'controls':[{'param_key':1},2]}",
        "{'win_rates':[1,2],'live':{'replicas':[{'replica':0,'doing':{'knobs':[1]}}]}}",
        "{'actuators':[[{'range':[0,1]}]]}"};
    ht_top_model m;
    ht_top_model_init(&m);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int log = 0; log <= HT_TOP_APPLIED; log++)
            tell(&m, (ht_top_log)log, "%s", texts[i]);
        page(&m, ht_top_take_summary, "%s", texts[i]);
        page(&m, ht_top_take_controls, "%s", texts[i]);
        page(&m, ht_top_take_recipe, "%s", texts[i]);
        page(&m, ht_top_take_asked, "%s", texts[i]);
    }
    CU_ASSERT_TRUE(m.n_replicas <= 1);
    int replica;
    CU_ASSERT_TRUE(isnan(ht_top_best(&m, &replica)));
    CU_ASSERT_EQUAL(replica, -1);
    ht_top_model_release(&m);
}

CASES("top_model", CASE(a_pooled_run_is_told_by_its_files),
      CASE(knobs_have_their_range_their_islands_and_what_won), CASE(in_a_race_the_epochs_of_all_count),
      CASE(an_independent_replica_has_the_values_of_its_mutations),
      CASE(a_later_run_in_the_directory_pushes_out_the_earlier_one),
      CASE(the_curve_is_the_best_so_far_in_either_direction), CASE(a_long_curve_keeps_its_newest_end),
      CASE(events_are_kept_newest_first_with_their_time), CASE(what_is_over_takes_no_longer),
      CASE(the_pace_is_that_of_this_start), CASE(strange_content_changes_nothing))
