/* tests/population/test_sweep.c - the coordinator of a sweep against scripted workers, in virtual time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/sweep.h"

enum { WORKERS = 3 };

typedef struct {
    ht_space space;
    ht_sweep *sweep;
    double now;
    ht_sweep_message last[WORKERS]; /* the latest message to each worker, without params */
    char params[WORKERS][256];      /* of its latest TRIAL */
    int got[WORKERS];               /* messages to each since it was last looked at */
    unsigned long began, reported, ended;
    ht_trial latest;                /* that ended; its reports are not kept */
    size_t latest_reports;
} world;

static void begin(world *w, ht_sweep_options o)
{
    static const char space[] = "parameters:\n  x: {type: float, low: 0, high: 1}\n"
                                "  kind: {type: cat, choices: [a, b]}\n"
                                "  y: {type: int, low: 1, high: 9, when: {kind: [a]}}\n";
    *w = (world){.now = 100};
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(space, "space", &w->space, NULL), HT_OK);
    o.workers = WORKERS;
    o.patience_s = 30;
    o.seed = 7;
    if (o.pruner.reduction == 0)
        o.pruner = (ht_pruner_options){.reduction = 3, .min_resource = 1};
    CU_ASSERT_EQUAL_FATAL(ht_sweep_create(&w->space, &o, w->now, &w->sweep, NULL), HT_OK);
}

static void end(world *w)
{
    ht_sweep_destroy(w->sweep);
    ht_space_release(&w->space);
}

/* Take what the sweep has to say. */
static void drain(world *w)
{
    int to;
    ht_bytes bytes;
    ht_sweep_record r;
    while (ht_sweep_next_message(w->sweep, &to, &bytes)) {
        ht_sweep_message m;
        CU_ASSERT_EQUAL_FATAL(ht_sweep_decode(bytes.data, bytes.n, &m, NULL), HT_OK);
        free(bytes.data);
        char *text = m.params != NULL ? ht_json_line(m.params) : NULL;
        if (text != NULL)
            snprintf(w->params[to], sizeof w->params[to], "%s", text);
        free(text);
        ht_sweep_message_release(&m);
        w->last[to] = m;
        w->got[to]++;
    }
    while (ht_sweep_next_record(w->sweep, &r)) {
        w->began += r.event == HT_TRIAL_BEGAN;
        w->reported += r.event == HT_TRIAL_REPORTED;
        w->ended += r.event == HT_TRIAL_ENDED;
        if (r.event == HT_TRIAL_ENDED) {
            w->latest = *r.trial;
            w->latest_reports = r.trial->n_reports;
            w->latest.reports = NULL;
        }
    }
}

static void say(world *w, int from, ht_sweep_message m)
{
    ht_bytes bytes;
    CU_ASSERT_EQUAL_FATAL(ht_sweep_encode(&m, &bytes), HT_OK);
    CU_ASSERT_EQUAL(ht_sweep_receive(w->sweep, w->now, from, bytes.data, bytes.n), HT_OK);
    free(bytes.data);
    drain(w);
}

static void ready(world *w, int from)
{
    say(w, from, (ht_sweep_message){.kind = HT_SWEEP_READY});
}

/* A message about the trial that the worker was given last. */
static ht_sweep_message about(const world *w, int from, ht_sweep_kind kind)
{
    return (ht_sweep_message){.kind = kind, .trial = w->last[from].trial, .attempt = w->last[from].attempt,
                              .value = NAN};
}

static void report(world *w, int from, long long step, double value)
{
    ht_sweep_message m = about(w, from, HT_SWEEP_REPORT);
    m.step = step;
    m.value = value;
    say(w, from, m);
}

static void result(world *w, int from, ht_sweep_outcome outcome, double value, const char *reason)
{
    ht_sweep_message m = about(w, from, HT_SWEEP_RESULT);
    m.outcome = outcome;
    m.value = value;
    m.seconds = 2;
    snprintf(m.reason, sizeof m.reason, "%s", reason);
    say(w, from, m);
}

static ht_sweep_view view(const world *w)
{
    ht_sweep_view v;
    ht_sweep_peek(w->sweep, &v);
    return v;
}

static void every_ready_worker_gets_a_trial_of_its_own(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 10});
    for (int i = 0; i < WORKERS; i++)
        ready(&w, i);
    for (int i = 0; i < WORKERS; i++) {
        CU_ASSERT_EQUAL(w.last[i].kind, HT_SWEEP_TRIAL);
        CU_ASSERT_EQUAL(w.last[i].trial, (unsigned long)i);
        CU_ASSERT_EQUAL(w.last[i].attempt, 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(w.params[i], "\"x\":"));
        CU_ASSERT_PTR_NOT_NULL(strstr(w.params[i], strstr(w.params[i], "\"b\"") != NULL ? "\"y\":null" : "\"y\":"));
    }
    CU_ASSERT_EQUAL(w.began, 3);
    CU_ASSERT_EQUAL(view(&w).running, 3);
    end(&w);
}

static void nobody_waits_for_a_slow_worker(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 6});
    ready(&w, 0);
    ready(&w, 1);
    for (int i = 0; i < 5; i++)
        result(&w, 1, HT_SWEEP_VALUE, i, "");
    CU_ASSERT_EQUAL(view(&w).complete, 5);
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_GOING);
    result(&w, 0, HT_SWEEP_VALUE, -1, "");
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_DONE);
    CU_ASSERT_EQUAL(view(&w).best->number, 0);
    for (int i = 0; i < WORKERS; i++)
        CU_ASSERT_EQUAL(w.last[i].kind, HT_SWEEP_QUIT);
    end(&w);
}

static void no_more_trials_run_than_were_asked_for(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 2});
    for (int i = 0; i < WORKERS; i++)
        ready(&w, i);
    CU_ASSERT_EQUAL(w.got[2], 0);
    result(&w, 0, HT_SWEEP_FAILED, NAN, "exit code 1");
    result(&w, 1, HT_SWEEP_VALUE, 1, "");
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_DONE);
    CU_ASSERT_EQUAL(w.began, 2);
    CU_ASSERT_EQUAL(w.ended, 2);
    end(&w);
}

static void with_max_the_largest_value_is_best(void)
{
    world w;
    const ht_trial *top[2];
    begin(&w, (ht_sweep_options){.trials = 3, .maximize = true});
    ready(&w, 0);
    result(&w, 0, HT_SWEEP_VALUE, 1, "");
    result(&w, 0, HT_SWEEP_VALUE, 3, "");
    result(&w, 0, HT_SWEEP_VALUE, 2, "");
    CU_ASSERT_EQUAL(ht_sweep_top(w.sweep, 2, top), 2);
    CU_ASSERT_EQUAL(top[0]->value, 3);
    CU_ASSERT_EQUAL(top[1]->value, 2);
    end(&w);
}

static void a_failed_trial_is_started_again_and_then_told_why(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4, .retries = 1});
    ready(&w, 0);
    char params[256];
    memcpy(params, w.params[0], sizeof params);
    result(&w, 0, HT_SWEEP_FAILED, NAN, "exit code 3");
    CU_ASSERT_EQUAL(w.ended, 0);
    CU_ASSERT_EQUAL(w.last[0].trial, 0);
    CU_ASSERT_EQUAL(w.last[0].attempt, 2);
    CU_ASSERT_STRING_EQUAL(w.params[0], params);
    result(&w, 0, HT_SWEEP_FAILED, NAN, "signal 11");
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_FAILED);
    CU_ASSERT_STRING_EQUAL(w.latest.reason, "signal 11");
    CU_ASSERT_EQUAL(w.latest.attempts, 2);
    CU_ASSERT_EQUAL(w.latest.seconds, 4);
    CU_ASSERT_EQUAL(w.last[0].trial, 1);
    end(&w);
}

static void a_value_that_is_not_finite_is_a_failure(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4});
    ready(&w, 0);
    result(&w, 0, HT_SWEEP_VALUE, NAN, "");
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_FAILED);
    CU_ASSERT_STRING_EQUAL(w.latest.reason, "the value is not finite");
    result(&w, 0, HT_SWEEP_VALUE, INFINITY, "");
    CU_ASSERT_EQUAL(view(&w).failed, 2);
    CU_ASSERT_PTR_NULL(view(&w).best);
    end(&w);
}

static const ht_pruner_options asha = {.rule = HT_PRUNE_ASHA, .reduction = 3, .min_resource = 1};

static void a_trial_that_falls_behind_is_stopped_and_counts_as_pruned(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4, .pruner = asha});
    ready(&w, 0);
    ready(&w, 1);
    report(&w, 0, 1, 5);
    report(&w, 1, 1, 6);
    CU_ASSERT_EQUAL(w.last[1].kind, HT_SWEEP_STOP);
    report(&w, 1, 2, 0.1); /* on its way before it heard: costs, but does not save it */
    result(&w, 1, HT_SWEEP_STOPPED, NAN, "");
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_PRUNED);
    CU_ASSERT_EQUAL(w.latest.value, 6);
    CU_ASSERT_EQUAL(w.latest.steps, 2);
    CU_ASSERT_STRING_EQUAL(w.latest.reason, "successive halving at step 1");
    CU_ASSERT_EQUAL(w.latest_reports, 1);
    for (long long step = 2; step <= 9; step++)
        report(&w, 0, step, 5);
    result(&w, 0, HT_SWEEP_VALUE, 5, "");
    CU_ASSERT_EQUAL(view(&w).spent_steps, 11);
    CU_ASSERT_EQUAL(view(&w).full_steps, 18);
    end(&w);
}

static void a_value_that_came_before_the_stop_counts(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4, .pruner = asha});
    ready(&w, 0);
    ready(&w, 1);
    report(&w, 0, 1, 5);
    report(&w, 1, 1, 6);
    result(&w, 1, HT_SWEEP_VALUE, 4, "");
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_COMPLETE);
    CU_ASSERT_EQUAL(w.latest.value, 4);
    end(&w);
}

static void steps_that_do_not_grow_are_no_news(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4});
    ready(&w, 0);
    report(&w, 0, 3, 1);
    report(&w, 0, 3, 2);
    report(&w, 0, 2, 2);
    report(&w, 0, -1, 2);
    CU_ASSERT_EQUAL(w.reported, 1);
    result(&w, 0, HT_SWEEP_VALUE, 1, "");
    CU_ASSERT_EQUAL(w.latest.steps, 3);
    end(&w);
}

static void the_trial_of_a_silent_worker_goes_to_another(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 2});
    ready(&w, 0);
    ready(&w, 1);
    report(&w, 0, 1, 5);
    w.now += 20;
    result(&w, 1, HT_SWEEP_VALUE, 1, "");
    ready(&w, 2);
    w.got[1] = 0;
    w.now += 11; /* worker 0 has been silent for 31 s */
    CU_ASSERT_EQUAL(ht_sweep_tick(w.sweep, w.now), HT_OK);
    drain(&w);
    CU_ASSERT_EQUAL(view(&w).workers_lost, 1);
    CU_ASSERT_EQUAL(w.got[1], 1);
    CU_ASSERT_EQUAL(w.last[1].kind, HT_SWEEP_TRIAL);
    CU_ASSERT_EQUAL(w.last[1].trial, 0);
    CU_ASSERT_EQUAL(w.last[1].attempt, 2);

    ht_sweep_message late = {.kind = HT_SWEEP_REPORT, .trial = 0, .attempt = 1, .step = 2, .value = 4};
    say(&w, 0, late); /* it was only slow: told to stop, and it counts as living again */
    CU_ASSERT_EQUAL(w.last[0].kind, HT_SWEEP_STOP);
    CU_ASSERT_EQUAL(view(&w).workers_lost, 0);
    late.kind = HT_SWEEP_RESULT;
    late.outcome = HT_SWEEP_VALUE;
    say(&w, 0, late);
    CU_ASSERT_EQUAL(w.ended, 1); /* the old attempt decides nothing */
    result(&w, 1, HT_SWEEP_VALUE, 3, "");
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_DONE);
    CU_ASSERT_EQUAL(view(&w).lost, 0);
    end(&w);
}

static void a_trial_that_takes_two_workers_along_is_lost(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 5, .retries = 9});
    ready(&w, 0);
    say(&w, 0, (ht_sweep_message){.kind = HT_SWEEP_LEAVE});
    ready(&w, 1);
    CU_ASSERT_EQUAL(w.last[1].trial, 0);
    say(&w, 1, (ht_sweep_message){.kind = HT_SWEEP_LEAVE});
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_LOST);
    CU_ASSERT_EQUAL(view(&w).lost, 1);
    ready(&w, 2);
    CU_ASSERT_EQUAL(w.last[2].trial, 1);
    end(&w);
}

static void without_workers_the_sweep_ends_and_says_so(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 5});
    ready(&w, 0);
    w.now += 31;
    CU_ASSERT_EQUAL(ht_sweep_tick(w.sweep, w.now), HT_OK);
    drain(&w);
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_ENDED);
    CU_ASSERT_STRING_EQUAL(view(&w).reason, "all workers are lost");
    CU_ASSERT_EQUAL(w.latest.status, HT_TRIAL_LOST);
    end(&w);
}

static void a_stop_loses_what_runs_and_begins_nothing(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 5, .retries = 3});
    ready(&w, 0);
    ready(&w, 1);
    result(&w, 0, HT_SWEEP_VALUE, 1, "");
    CU_ASSERT_EQUAL(ht_sweep_stop(w.sweep, w.now, "told to end"), HT_OK);
    drain(&w);
    CU_ASSERT_EQUAL(view(&w).lost, 2);
    CU_ASSERT_EQUAL(view(&w).running, 0);
    CU_ASSERT_EQUAL(w.last[0].kind, HT_SWEEP_QUIT);
    ready(&w, 2);
    CU_ASSERT_EQUAL(w.last[2].kind, HT_SWEEP_QUIT);
    end(&w);
}

static void an_earlier_start_is_gone_on_with(void)
{
    world w;
    ht_error err = {""};
    ht_point points[2];
    begin(&w, (ht_sweep_options){.trials = 3});
    ready(&w, 0);
    ready(&w, 1);
    CU_ASSERT_STRING_NOT_EQUAL(w.params[0], w.params[1]);
    char third[256];
    ready(&w, 2);
    memcpy(third, w.params[2], sizeof third);
    result(&w, 0, HT_SWEEP_VALUE, 4, "");
    points[0] = w.latest.point;
    result(&w, 1, HT_SWEEP_FAILED, NAN, "exit code 1");
    points[1] = w.latest.point;
    end(&w);

    begin(&w, (ht_sweep_options){.trials = 3});
    ht_trial t = {.number = 0, .point = points[0], .status = HT_TRIAL_COMPLETE, .value = 4};
    CU_ASSERT_EQUAL(ht_sweep_replay(w.sweep, &t, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_sweep_replay(w.sweep, &t, &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "trial 0 is there twice");
    t = (ht_trial){.number = 1, .point = points[1], .status = HT_TRIAL_FAILED, .value = NAN};
    CU_ASSERT_EQUAL(ht_sweep_replay(w.sweep, &t, &err), HT_OK);
    t = (ht_trial){.number = 5, .point = points[1], .status = HT_TRIAL_RUNNING, .value = NAN};
    CU_ASSERT_EQUAL(ht_sweep_replay(w.sweep, &t, &err), HT_EINVAL);
    ready(&w, 0);
    CU_ASSERT_EQUAL(w.last[0].trial, 2);
    CU_ASSERT_STRING_EQUAL(w.params[0], third); /* start-up points are not proposed twice */
    CU_ASSERT_EQUAL(view(&w).best->value, 4);
    result(&w, 0, HT_SWEEP_VALUE, 5, "");
    CU_ASSERT_EQUAL(view(&w).phase, HT_SWEEP_DONE);
    end(&w);
}

static void a_sweep_that_was_done_quits_at_once(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 1});
    ht_trial t = {.number = 0, .status = HT_TRIAL_COMPLETE, .value = 4};
    CU_ASSERT_EQUAL(ht_sweep_replay(w.sweep, &t, NULL), HT_OK);
    ready(&w, 0);
    CU_ASSERT_EQUAL(w.last[0].kind, HT_SWEEP_QUIT);
    CU_ASSERT_EQUAL(w.began, 0);
    end(&w);
}

static void hostile_bytes_change_nothing(void)
{
    world w;
    begin(&w, (ht_sweep_options){.trials = 4});
    ready(&w, 0);
    ht_bytes bytes;
    ht_sweep_message m = about(&w, 0, HT_SWEEP_RESULT), out;
    CU_ASSERT_EQUAL_FATAL(ht_sweep_encode(&m, &bytes), HT_OK);
    for (size_t n = 0; n < bytes.n; n++) {
        CU_ASSERT_EQUAL(ht_sweep_decode(bytes.data, n, &out, NULL), HT_ECOMM);
        CU_ASSERT_EQUAL(ht_sweep_receive(w.sweep, w.now, 0, bytes.data, n), HT_OK);
    }
    bytes.data[1] = 99;
    CU_ASSERT_EQUAL(ht_sweep_receive(w.sweep, w.now, 0, bytes.data, bytes.n), HT_OK);
    CU_ASSERT_EQUAL(ht_sweep_receive(w.sweep, w.now, 77, bytes.data, bytes.n), HT_OK);
    free(bytes.data);
    drain(&w);
    CU_ASSERT_EQUAL(w.ended, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(view(&w).warning, "worker 0: "));
    end(&w);
}

static void a_message_reads_back_as_it_was(void)
{
    ht_bytes bytes;
    ht_sweep_message out, m = {.kind = HT_SWEEP_TRIAL, .trial = 3, .attempt = 2, .params = cJSON_CreateObject()};
    ht_json_put_real(m.params, "lr", 2);
    ht_json_put(m.params, "off", cJSON_CreateNull());
    CU_ASSERT_EQUAL_FATAL(ht_sweep_encode(&m, &bytes), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_sweep_decode(bytes.data, bytes.n, &out, NULL), HT_OK);
    CU_ASSERT_EQUAL(out.trial, 3);
    CU_ASSERT_EQUAL(out.attempt, 2);
    char *text = ht_json_line(out.params);
    CU_ASSERT_STRING_EQUAL(text, "{\"lr\":2.0,\"off\":null}");
    free(text);
    free(bytes.data);
    ht_sweep_message_release(&m);
    ht_sweep_message_release(&out);
}

CASES("sweep", CASE(every_ready_worker_gets_a_trial_of_its_own), CASE(nobody_waits_for_a_slow_worker),
      CASE(no_more_trials_run_than_were_asked_for), CASE(with_max_the_largest_value_is_best),
      CASE(a_failed_trial_is_started_again_and_then_told_why), CASE(a_value_that_is_not_finite_is_a_failure),
      CASE(a_trial_that_falls_behind_is_stopped_and_counts_as_pruned),
      CASE(a_value_that_came_before_the_stop_counts), CASE(steps_that_do_not_grow_are_no_news),
      CASE(the_trial_of_a_silent_worker_goes_to_another), CASE(a_trial_that_takes_two_workers_along_is_lost),
      CASE(without_workers_the_sweep_ends_and_says_so), CASE(a_stop_loses_what_runs_and_begins_nothing),
      CASE(an_earlier_start_is_gone_on_with), CASE(a_sweep_that_was_done_quits_at_once),
      CASE(hostile_bytes_change_nothing), CASE(a_message_reads_back_as_it_was))
