/* tests/cli/test_top_screen.c - the picture of a run at several sizes (src/cli/top_screen.h). */
#include "cases.h"
#include "cli/top_screen.h"
#include "top_case.h"

static ht_top_screen picture(const ht_top_model *m, ht_top_view *v)
{
    ht_top_screen s;
    v->dir = v->dir != NULL ? v->dir : "runs/f1";
    v->trouble = v->trouble != NULL ? v->trouble : "";
    v->now = v->now > 0 ? v->now : 1062;
    v->share = v->share > 0 ? v->share : 1;
    ht_top_screen_make(m, v, &s);
    CU_ASSERT_FALSE_FATAL(s.failed);
    return s;
}

/* Which line holds the text; -1 = none. */
static int line_with(const ht_top_screen *s, const char *text)
{
    for (size_t i = 0; i < s->n; i++)
        if (strstr(ht_string_peek(&s->lines[i].text), text) != NULL)
            return (int)i;
    return -1;
}

#define HAS(s, text) CU_ASSERT_TRUE(line_with(s, text) >= 0)
#define LACKS(s, text) CU_ASSERT_TRUE(line_with(s, text) < 0)

static void at_80_by_24_everything_has_its_place(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 80, .height = 24};
    pooled_run(&m, 4);
    ht_top_take_event(&m, "2026-11-26T12:04:33Z r1 run begins");
    ht_top_screen s = picture(&m, &v);
    CU_ASSERT_EQUAL(s.n, 24);
    CU_ASSERT_EQUAL(
        line_with(&s, "lives, seen 2 s ago   r1   pooled, segments   mode active   runs/f1 on node1"), 0);
    CU_ASSERT_EQUAL(
        line_with(&s, "[####------------] 25 %  epoch 10 of 40  for 1 min 02 s, about 3 min 06 s left"), 1);
    CU_ASSERT_EQUAL(line_with(&s, "best val/loss 0.2 by replica 0"), 2);
    CU_ASSERT_EQUAL(line_with(&s, "4 replicas: 4 training   2 islands   accepted 3, rejected 5"), 3);
    HAS(&s, "   * 0   0 control     10       0.2     0.01          0.1      0.2");
    HAS(&s, "     1   0 mutant      10       1.2     0.02          0.2      1.2");
    HAS(&s, "x 1.50 +- 20 %");
    HAS(&s, "now      the disk is full");
    HAS(&s, "run begins");
    CU_ASSERT_EQUAL(line_with(&s, "q quit"), 23);
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void no_line_is_wider_or_higher_than_the_terminal(void)
{
    static const size_t widths[] = {1, 2, 20, 40, 80, 200}, heights[] = {1, 2, 5, 11, 24, 60};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t h = 0; h < sizeof heights / sizeof *heights; h++)
            for (int n = 0; n <= 8; n += 8) {
                ht_top_model m;
                ht_top_view v = {.width = widths[w], .height = heights[h], .utf8 = h % 2, .help = w == 3};
                pooled_run(&m, n);
                ht_top_screen s = picture(&m, &v);
                CU_ASSERT_EQUAL(s.n, v.height);
                for (size_t i = 0; i < s.n; i++)
                    CU_ASSERT_TRUE(s.lines[i].columns <= v.width);
                ht_top_screen_release(&s);
                ht_top_model_release(&m);
            }
}

static void narrow_tables_lose_columns_wide_ones_gain_them(void)
{
    ht_top_model m;
    ht_top_view narrow = {.width = 40, .height = 24}, wide = {.width = 200, .height = 60};
    pooled_run(&m, 4);
    tell(&m, HT_TOP_SEGMENTS, "{'run':'r1','replica':1,'decision':'accepted','score_delta':0.125}");
    ht_top_screen s = picture(&m, &narrow);
    HAS(&s, "   * 0 n1     0 control     10       0.2");
    LACKS(&s, "accepted   ");
    LACKS(&s, "weight_decay BEST");
    ht_top_screen_release(&s);
    s = picture(&m, &wide);
    HAS(&s, "     1 n2     0 mutant      10       1.2     0.02          0.2      1.2 accepted        +0.125");
    HAS(&s, "(o replicas, # points of islands)");
    HAS(&s, "5 (25 %)");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void values_stand_where_they_are_in_the_range_of_their_knob(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 80, .height = 24};
    pooled_run(&m, 1); /* lr 0.01 of 0.001 .. 1 is a third of the way, its island's 0.03 nearly half */
    ht_top_screen s = picture(&m, &v);
    HAS(&s, "opt.lr            0.001 -----o-#------- 1 ");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void a_table_that_is_too_long_is_scrolled_within_its_bounds(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 80, .height = 24, .scroll = 5};
    pooled_run(&m, 24);
    ht_top_screen s = picture(&m, &v);
    CU_ASSERT_TRUE(v.page >= 6 && v.page < 24);
    HAS(&s, "     5   2 mutant ");
    LACKS(&s, "     4   2 control ");
    ht_top_screen_release(&s);
    v.scroll = 1000;
    s = picture(&m, &v);
    CU_ASSERT_EQUAL(v.scroll, 24 - v.page);
    HAS(&s, "    23  11 mutant ");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void sorted_by_value_the_best_stands_above(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 80, .height = 24, .by_value = true};
    pooled_run(&m, 4);
    epoch(&m, 1, 2, 11, .1);
    tell(&m, HT_TOP_METRICS, "{'run':'r1','replica':0,'epoch':11,'metrics':{'val/loss':null}}");
    ht_top_screen s = picture(&m, &v);
    int third = line_with(&s, "   * 2   1 control");
    CU_ASSERT_TRUE(third > 0);
    CU_ASSERT_EQUAL(line_with(&s, "     1   0 mutant"), third + 1);
    CU_ASSERT_EQUAL(line_with(&s, "     0   0 control     11         -"), third + 3);
    HAS(&s, "^val/loss");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void nothing_known_is_a_picture_too(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 80, .height = 24}, plain = {.width = 100};
    ht_top_model_init(&m);
    ht_top_screen s = picture(&m, &v);
    HAS(&s, "no run began here yet   runs/f1");
    HAS(&s, "no replica was heard of yet");
    LACKS(&s, "nan");
    ht_top_screen_release(&s);
    s = picture(&m, &plain);
    HAS(&s, "no run began here yet");
    LACKS(&s, "q quit");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void how_a_run_ended_is_said_in_words(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 120, .height = 24};
    pooled_run(&m, 2);
    live(&m, HT_RUN_KILLED, 1, 1000, 1060);
    m.resumable = true;
    ht_top_screen s = picture(&m, &v);
    HAS(&s, "ended without a close (killed?) 2 s ago, unfinished: hottune resume goes on with it");
    ht_top_screen_release(&s);
    live(&m, HT_RUN_ENDED, 1, 1000, 1060);
    m.final = true;
    s = picture(&m, &v);
    HAS(&s, "ended 2 s ago   r1");
    HAS(&s, "took 1 min 00 s");
    LACKS(&s, "left");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void names_from_files_cannot_steer_the_terminal(void)
{
    ht_top_model m;
    ht_top_view v = {.width = 200, .height = 60, .utf8 = true, .dir = "runs/\x1b[2J"};
    ht_top_model_init(&m);
    page(&m, ht_top_take_recipe, "{'objective':{'primary':'v\\u001b[31m\\nx','mode':'min'}}");
    page(&m, ht_top_take_summary,
         "{'run':'r1','mode':'\\u009b1m','population':{'policy':'p\\t','stage':'\\u202e','epochs':5,'wall_"
         "epochs':1.0},"
         "'live':{'warnings':['w\\u0007'],'replicas':[{'replica':0,'state':'training','doing':{'what':'"
         "\\u001bc','knobs':"
         "{'opt.\\u001b]0;x':0.5}}}]},'start':{'nodes':['n\\r1']}}");
    tell(&m, HT_TOP_SEGMENTS, "{'run':'r1','replica':0,'decision':'a\\nb'}");
    ht_top_take_event(&m, "2026-11-26T12:04:33Z r1 \x1b[8m\xff");
    ht_top_screen s = picture(&m, &v);
    for (size_t i = 0; i < s.n; i++) {
        const char *text = ht_string_peek(&s.lines[i].text);
        CU_ASSERT_PTR_NULL(ht_utf8_fault(text));
        for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
            CU_ASSERT_TRUE(*c >= 0x20 && *c != 0x7F && !(c[0] == 0xC2 && c[1] < 0xA0));
    }
    HAS(&s, "runs/\\x1B[2J");
    HAS(&s, "\\x1B[8m\\xFF");
    HAS(&s, "\\x1Bc");
    ht_top_screen_release(&s);
    ht_top_model_release(&m);
}

static void wide_names_take_two_columns_and_a_terminal_of_ascii_gets_question_marks(void)
{
    for (int utf8 = 0; utf8 < 2; utf8++) {
        ht_top_model m;
        ht_top_view v = {.width = 120, .height = 24, .utf8 = utf8};
        ht_top_model_init(&m);
        page(&m, ht_top_take_summary,
             "{'run':'r1','live':{'replicas':[{'replica':0,'state':'training',"
             "'active_mutation':'\\u5b66gr\\u00fc'}]}}");
        ht_top_screen s = picture(&m, &v);
        HAS(&s, utf8 ? "     0 \xe5\xad\xa6gr\xc3\xbc        -" : "     0 ??gr?        -");
        ht_top_screen_release(&s);
        ht_top_model_release(&m);
    }
}

CASES("top_screen", CASE(at_80_by_24_everything_has_its_place),
      CASE(no_line_is_wider_or_higher_than_the_terminal),
      CASE(narrow_tables_lose_columns_wide_ones_gain_them),
      CASE(values_stand_where_they_are_in_the_range_of_their_knob),
      CASE(a_table_that_is_too_long_is_scrolled_within_its_bounds),
      CASE(sorted_by_value_the_best_stands_above), CASE(nothing_known_is_a_picture_too),
      CASE(how_a_run_ended_is_said_in_words), CASE(names_from_files_cannot_steer_the_terminal),
      CASE(wide_names_take_two_columns_and_a_terminal_of_ascii_gets_question_marks))
