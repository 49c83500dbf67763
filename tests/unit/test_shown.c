/* tests/unit/test_shown.c - what others wrote cannot steer the terminal on which it is shown. */
#include <string.h>

#include "base/shown.h"
#include "base/width.h"
#include "cases.h"

static void shows(const char *text, const char *expected)
{
    ht_string t = {0};
    ht_shown_add(&t, text);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), expected);
    CU_ASSERT_EQUAL(ht_shown_width(text), ht_shown_width(expected));
    ht_string_release(&t);
}

static void cuts(const char *text, size_t columns, const char *expected)
{
    ht_string t = {0};
    ht_shown_add_cut(&t, text, columns);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), expected);
    CU_ASSERT(ht_shown_width(expected) <= columns);
    ht_string_release(&t);
}

static void plain_text_stays_as_it_is(void)
{
    shows("", "");
    shows("opt.lr=1e-3 C:\\data '\"<b>&", "opt.lr=1e-3 C:\\data '\"<b>&");
    const char *scripts = "gr\xc3\xbc\xc3\x9f \xe5\xad\xa6\xe7\xbf\x92 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d";
    shows(scripts, scripts);
}

static void control_characters_become_visible(void)
{
    shows("\x1b[2J\x1b]0;title\x07", "\\x1B[2J\\x1B]0;title\\x07");
    shows("a\nb\r\tc\x7f", "a\\nb\\r\\tc\\x7F");
    shows("\xc2\x9b" "31m\xc2\xa0", "\\xC2\\x9B31m\xc2\xa0");  /* C1 in UTF-8; a no-break space is none */
    shows("nrt", "nrt");
}

static void bytes_that_are_no_utf_8_become_visible(void)
{
    shows("\xff \x9b" "31m \xc0\x9b \xe2\x82", "\\xFF \\x9B31m \\xC0\\x9B \\xE2\\x82");
    shows("\xed\xa0\x80", "\\xED\\xA0\\x80");   /* half of a surrogate pair */
}

static void what_turns_or_hides_letters_becomes_visible(void)
{
    shows("abc\xe2\x80\xae" "fed\xe2\x80\xac", "abc\\u202Efed\\u202C");
    shows("\xe2\x81\xa6x\xe2\x81\xa9 \xe2\x80\x8f \xd8\x9c", "\\u2066x\\u2069 \\u200F \\u061C");
    shows("a\xe2\x80\xa8" "b\xe2\x80\x8b\xef\xbb\xbf", "a\\u2028b\\u200B\\uFEFF");
    shows("\xf3\xa0\x81\x81", "\\U000E0041");
    const char *persian = "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae";  /* needs the non-joiner */
    shows(persian, persian);
}

static void every_byte_is_harmless(void)
{
    for (int a = 1; a < 256; a++)
        for (int b = 1; b < 256; b++) {
            const char text[] = {(char)a, (char)b, 0};
            ht_string t = {0};
            ht_shown_add(&t, text);
            const char *s = ht_string_peek(&t);
            CU_ASSERT_PTR_NULL(ht_utf8_fault(s));
            for (; *s != '\0'; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7F)
                    CU_FAIL("a control character is left");
            ht_string_release(&t);
        }
}

static void a_0_byte_is_shown_where_a_size_is_given(void)
{
    ht_string t = {0};
    ht_shown_add_bytes(&t, "a\0b\xe2\x82\xac", 5);  /* ends inside of a character */
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "a\\x00b\\xE2\\x82");
    ht_string_release(&t);
}

static void lines_stay_lines(void)
{
    ht_string t = {0};
    ht_shown_add_lines(&t, "\na\x1b\nb\r\n");
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "\na\\x1B\nb\\r\n");
    ht_string_release(&t);
}

static void formats(const char *expected, const char *format, ...) HT_PRINTF(2, 3);
static void formats(const char *expected, const char *format, ...)
{
    ht_string t = {0};
    va_list args;
    va_start(args, format);
    ht_shown_add_format(&t, format, args);
    va_end(args);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), expected);
    ht_string_release(&t);
}

static void a_format_ends_its_lines_and_no_name_does(void)
{
    formats("a\\nb\n<\\x1B[2J>\n", "%s\n<%s>\n", "a\nb", "\x1b[2J");
    formats("100 %", "%d %%", 100);
    formats("[  ab|ab  |ab|\xe5\xad\xa6  |\\x1B]", "[%4s|%-4s|%.2s|%-*s|%3s]", "ab", "ab", "abc", 4, "\xe5\xad\xa6",
            "\x1b");
    formats("-1 2 -3 4 5 0.50 1e+09  7 a", "%d %u %lld %lu %zu %.*f %g %2d %x", -1, 2u, -3ll, 4ul, (size_t)5, 2,
            .5, 1e9, 7, 10u);
}

static void json_stays_the_same_data(void)
{
    ht_string t = {0};
    ht_shown_add_json(&t, "{\"a\x7f\": \"\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\xc3\xbc\\n\",\n \"b\": 1}");
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t),
                           "{\"a\\u007f\": \"\\u009b\\u202e\\udb40\\udc41\xc3\xbc\\n\",\n \"b\": 1}");
    ht_string_release(&t);
}

static void columns_are_counted_as_a_terminal_draws_them(void)
{
    CU_ASSERT_EQUAL(ht_shown_width("gr\xc3\xbc\xc3\x9f"), 4);
    CU_ASSERT_EQUAL(ht_shown_width("u\xcc\x88"), 1);                    /* u and a combining diaeresis */
    CU_ASSERT_EQUAL(ht_shown_width("\xe5\xad\xa6\xe7\xbf\x92"), 4);     /* two Han characters */
    CU_ASSERT_EQUAL(ht_shown_width("\xf0\x9f\x98\x80"), 2);             /* an emoji */
    CU_ASSERT_EQUAL(ht_shown_width("\xef\xbd\xb1"), 1);                 /* a halfwidth Katakana */
    CU_ASSERT_EQUAL(ht_shown_width("\x1b"), 4);
    CU_ASSERT_EQUAL(ht_width_of(0x0300), 0);    /* the first and last of the tables, and their neighbours */
    CU_ASSERT_EQUAL(ht_width_of(0x02FF), 1);
    CU_ASSERT_EQUAL(ht_width_of(0xE01EF), 0);
    CU_ASSERT_EQUAL(ht_width_of(0x1100), 2);
    CU_ASSERT_EQUAL(ht_width_of(0x115F), 2);
    CU_ASSERT_EQUAL(ht_width_of(0x3FFFD), 2);
    CU_ASSERT_EQUAL(ht_width_of(0x10FFFF), 1);
}

static void what_is_too_long_is_cut_between_characters(void)
{
    cuts("abcdef", 6, "abcdef");
    cuts("abcdefg", 6, "abc...");
    cuts("ab\xe5\xad\xa6\xe7\xbf\x92" "cd", 6, "ab...");        /* no room for half of a wide one */
    cuts("abu\xcc\x88" "cdef", 6, "abu\xcc\x88...");            /* an accent stays with its letter */
    cuts("ab\x1b[2Jcdefgh", 9, "ab\\x1B...");
    cuts("ab\x1b[2Jcdefgh", 8, "ab...");                        /* an escape is not cut */
    cuts("abc", 2, "..");
    cuts("abc", 0, "");
}

CASES("shown", CASE(plain_text_stays_as_it_is), CASE(control_characters_become_visible),
      CASE(bytes_that_are_no_utf_8_become_visible), CASE(what_turns_or_hides_letters_becomes_visible),
      CASE(every_byte_is_harmless), CASE(a_0_byte_is_shown_where_a_size_is_given), CASE(lines_stay_lines),
      CASE(a_format_ends_its_lines_and_no_name_does), CASE(json_stays_the_same_data),
      CASE(columns_are_counted_as_a_terminal_draws_them), CASE(what_is_too_long_is_cut_between_characters))
