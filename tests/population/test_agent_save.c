/* tests/population/test_agent_save.c - an agent that is saved, destroyed, made anew and loaded sends the same
 * bytes.
 *
 * The coordinator lives on, as one does that was rebuilt from its inputs. */
#include "cases.h"

#include "population/agent_save.h"
#include "population/agent_state.h"
#include "population/agent_world.h"

enum { N = 40 };

/* ---- every byte that goes to the coordinator ------------------------------------------------ */

static ht_string *sent; /* by whichever agent speaks; set by each test */

static ht_status send_and_note(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    ht_string_add(sent, "%zu:", n);
    ht_string_add_bytes(sent, bytes, n);
    return link_send(ctx, bytes, n, err);
}

/* The agent of set_up, with a link that notes. */
static void listen_in(training *t)
{
    const ht_agent_options o = {.link = {t, send_and_note, link_receive},
                                .metrics = t->metrics,
                                .actuators = t->actuators,
                                .knobs = t->knobs,
                                .effector = ht_effector_local(t->actuators),
                                .patience_s = 2,
                                .auto_disable_on_error = true,
                                .warning = warn,
                                .warning_ctx = t};
    ht_agent_destroy(t->agent);
    CU_ASSERT_EQUAL_FATAL(ht_agent_create(&o, &t->agent, NULL), HT_OK);
}

static const char list_text[] =
    "{\"at\":{\"step\":3,\"event\":\"train_batch_end\"},\"module\":\"opt\",\"op\":\"set_params\",\"params\":{"
    "\"lr\":0.3}}\n"
    "{\"at\":{\"step\":85,\"event\":\"val_epoch_end\"},\"module\":\"opt\",\"op\":\"set_params\",\"params\":{"
    "\"lr\":0.02}}\n"
    "{\"at\":{\"step\":9999},\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}\n";

static world *begin(ht_mode mode, bool with_list)
{
    ht_coordinator_options o = {.mode = mode};
    if (with_list)
        o.freeze = (ht_freeze){.mode = HT_FREEZE_REPLAY, .recipe_path = "l", .list = list_text};
    world *w = world_with(1, o, true);
    listen_in(&w->at[0]);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    return w;
}

/* What is asked before each epoch; some of it comes while the agent looks, and waits for the next safe point.
 */
static void epoch(world *w, int i)
{
    training *t = &w->at[0];
    if (i == 7)
        operate(w,
                "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.horizon\":\"val_epochs:2\"}}");
    if (i == 12)
        operate(w, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"key\":\"lr\",\"value\":0.5},"
                   "\"id\":\"a\"}");
    bool has_list = t->agent->list != NULL;
    if (i == 15 && !has_list)
        operate(w, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}");
    if (i == 18 && !has_list)
        operate(w, "{\"module\":\"core\",\"op\":\"unfreeze\"}");
    if (i == 24)
        operate(w, "{\"module\":\"tune\",\"op\":\"disable\"}");
    if (i == 27)
        operate(w, "{\"module\":\"tune\",\"op\":\"enable\"}");
    ht_agent_drain(t->agent);
    train(t);
    if (i == 20 || i == 21)
        t->loss = NAN;
    validate(t);
    if (i % 6 == 0) /* so that orders wait in the agent where it is cut */
        operate(w, "{\"module\":\"tune\",\"op\":\"status\"}");
    ht_agent_drain(t->agent);
    if (i % 10 == 9) { /* what is closed between two safe points waits for the next REPORT */
        ht_op_result result;
        ht_tuner_operate(t->agent->tuner, "disable", NULL, NULL, &result);
        cJSON_Delete(result.payload);
        ht_tuner_operate(t->agent->tuner, "enable", NULL, NULL, &result);
        cJSON_Delete(result.payload);
    }
}

static void finish(world *w)
{
    ht_agent_result(w->at[0].agent, .5, .6);
    CU_ASSERT_EQUAL(ht_agent_close(w->at[0].agent, NULL), HT_OK);
}

/* ---- another process ------------------------------------------------------------------------ */

static char *saved_text(const ht_agent *a)
{
    cJSON *tree = ht_agent_save(a, NULL);
    char *text = tree != NULL ? ht_json_line(tree) : NULL;
    cJSON_Delete(tree);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static ht_status load_text(ht_agent *a, const char *text, ht_error *err)
{
    cJSON *tree = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &tree, NULL, NULL), HT_OK);
    ht_status st = ht_agent_load(a, tree, err);
    cJSON_Delete(tree);
    return st;
}

/* The replica of `w` dies and comes back: a new training, whose agent is made welcome by a coordinator of its
 * own. */
static void replace(world *w)
{
    training *t = &w->at[0], before = *t;
    world *other = begin(HT_MODE_ACTIVE, false);
    ht_agent_destroy(t->agent);
    ht_actuators_destroy(t->actuators);
    ht_knobs_destroy(t->knobs);
    ht_metrics_destroy(t->metrics);
    set_up(w, 0, true);
    listen_in(t);
    ht_coordinator *real = w->c;
    size_t records = w->n_records;
    w->c = other->c;
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(t->agent, NULL), HT_OK);
    for (; w->n_records > records; w->n_records--)
        ht_record_release(&w->records[w->n_records - 1]);
    w->c = real;
    t->step = before.step; /* the program's own state comes back; its knob does not */
    t->loss = before.loss;
    t->lr = .77;
    memcpy(t->queue, before.queue, sizeof t->queue);
    t->n_queue = before.n_queue;
    end(other);
}

static void cut_after(int cut, bool with_list, const ht_string *wanted, size_t after)
{
    ht_string bytes = {0}, ignored = {0};
    sent = &bytes;
    world *w = begin(HT_MODE_ACTIVE, with_list);
    for (int i = 0; i < cut; i++)
        epoch(w, i);
    char *text = saved_text(w->at[0].agent);
    CU_ASSERT_EQUAL(bytes.n, after);
    ht_error err = {""};
    sent = &ignored;
    replace(w);
    sent = &bytes;
    CU_ASSERT_EQUAL(load_text(w->at[0].agent, text, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    char *again = saved_text(w->at[0].agent);
    CU_ASSERT_STRING_EQUAL(again, text);
    for (int i = cut; i < N; i++)
        epoch(w, i);
    finish(w);
    CU_ASSERT_EQUAL(bytes.n, wanted->n);
    CU_ASSERT(bytes.n == wanted->n && memcmp(bytes.s, wanted->s, bytes.n) == 0);
    free(again);
    free(text);
    end(w);
    ht_string_release(&bytes);
    ht_string_release(&ignored);
}

static void the_same_bytes_go_out(bool with_list)
{
    ht_string wanted = {0};
    size_t after[N + 1];
    sent = &wanted;
    world *w = begin(HT_MODE_ACTIVE, with_list);
    for (int i = 0; i < N; i++) {
        after[i] = wanted.n;
        epoch(w, i);
    }
    finish(w);
    if (!with_list) /* it tries what it says it tries */
        CU_ASSERT(mutations(w, HT_MUTATION_ACCEPTED) > 2 && mutations(w, HT_MUTATION_ROLLED_BACK) > 2);
    end(w);
    for (int cut = 0; cut < N; cut++)
        cut_after(cut, with_list, &wanted, after[cut]);
    ht_string_release(&wanted);
}

static void an_agent_goes_on_from_every_safe_point_with_the_same_bytes(void)
{
    the_same_bytes_go_out(false);
}

static void an_operation_list_goes_on_where_it_was(void)
{
    the_same_bytes_go_out(true);
}

/* ---- damage --------------------------------------------------------------------------------- */

/* Take out each member in turn. */
static void damage_all(ht_agent *to, cJSON *root, cJSON *at, const char *before, unsigned *tried)
{
    for (cJSON *item = at->child; item != NULL; item = item->next) {
        char *name = item->string;
        if (name != NULL) {
            ht_error err = {""};
            item->string = (char *)"elsewhere";
            CU_ASSERT_EQUAL(ht_agent_load(to, root, &err), HT_EFORMAT);
            CU_ASSERT_EQUAL(strncmp(err.text, "agent", 5), 0);
            item->string = name;
            char *after = saved_text(to);
            CU_ASSERT_STRING_EQUAL(after, before);
            free(after);
            (*tried)++;
        }
        if (name == NULL ||
            (strcmp(name, "recipe") != 0 && strcmp(name, "body") != 0 && strcmp(name, "params") != 0))
            damage_all(to, root, item, before, tried);
    }
}

static void damage_to_agent(bool with_list, const char *has)
{
    ht_string ignored = {0};
    unsigned tried = 0;
    sent = &ignored;
    world *w = begin(HT_MODE_ACTIVE, with_list), *other = begin(HT_MODE_ACTIVE, false);
    for (int i = 0; i < 7; i++)
        epoch(w, i); /* an order waits, unless a list drives the run */
    cJSON *tree = ht_agent_save(w->at[0].agent, NULL);
    char *before = saved_text(other->at[0].agent);
    CU_ASSERT(ht_json_member(tree, has)->child != NULL);
    damage_all(other->at[0].agent, tree, tree, before, &tried);
    CU_ASSERT(tried > 100);
    CU_ASSERT_EQUAL(ht_agent_load(other->at[0].agent, NULL, NULL), HT_EFORMAT);
    free(before);
    cJSON_Delete(tree);
    end(w);
    end(other);
    ht_string_release(&ignored);
}

static void damage_is_named_and_changes_nothing(void)
{
    damage_to_agent(false, "orders");
    damage_to_agent(true, "list");
}

static void an_agent_that_has_not_begun_has_no_state(void)
{
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_ACTIVE}, true);
    ht_error err = {""};
    CU_ASSERT_PTR_NULL(ht_agent_save(w->at[0].agent, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "an agent that has not begun cannot be saved");
    CU_ASSERT_EQUAL(ht_agent_load(w->at[0].agent, NULL, &err), HT_EINVAL);
    end(w);
}

CASES("agent_save", CASE(an_agent_goes_on_from_every_safe_point_with_the_same_bytes),
      CASE(an_operation_list_goes_on_where_it_was), CASE(damage_is_named_and_changes_nothing),
      CASE(an_agent_that_has_not_begun_has_no_state))
