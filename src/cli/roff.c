/* src/cli/roff.c - manual pages; the contract is in roff.h.
 *
 * All texts go through add_text: a dash stays a dash (copied from the page it is what the program reads),
 * quotes stay straight, and no line of a text is taken for a request. Pages say no date, so that the same
 * source gives the same bytes. May touch: the heap. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <hottune/version.h>

#include "cli/roff.h"

static const char *escape(char c)
{
    switch (c) {
    case '\\': return "\\e";
    case '-': return "\\-";
    case '\'': return "\\(aq";
    case '`': return "\\(ga";
    case '^': return "\\(ha";
    case '~': return "\\(ti";
    default: return NULL;
    }
}

static void add_text(ht_string *page, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        const char *escaped = escape(*c);
        if (*c == '.' && (c == text || c[-1] == '\n'))
            ht_string_add(page, "\\&");
        if (escaped != NULL)
            ht_string_add(page, "%s", escaped);
        else
            ht_string_add_bytes(page, c, 1);
    }
}

static void add_in_font(ht_string *page, char font, const char *text)
{
    ht_string_add(page, "\\f%c", font);
    add_text(page, text);
    ht_string_add(page, "\\fR");
}

static void add_paragraph(ht_string *page, const char *text, const char *end)
{
    add_text(page, text);
    ht_string_add(page, "%s\n", end);
}

static void add_title(ht_string *page, const char *name, const char *about)
{
    char title[64];
    snprintf(title, sizeof title, "%s", name);
    for (char *c = title; *c != 0; c++)
        *c = (char)toupper((unsigned char)*c);
    ht_string_add(page, ".TH \"");
    add_text(page, title);
    ht_string_add(page, "\" 1 \"\" \"hottune %s\" \"hottune manual\"\n.SH NAME\n", HT_VERSION);
    add_text(page, name);
    ht_string_add(page, " \\- ");
    add_paragraph(page, about, "");
}

static void add_options(ht_string *page, const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", table->name);
        ht_string_add(page, ".TP\n");
        add_in_font(page, 'B', name);
        if (table->value != NULL) {
            ht_string_add(page, " ");
            add_in_font(page, 'I', table->value);
        }
        ht_string_add(page, "\n");
        add_paragraph(page, table->about, "");
    }
}

static void add_exit_codes(ht_string *page)
{
    ht_string_add(page, ".SH EXIT STATUS\n");
    for (const ht_exit_code *e = ht_exit_codes; e->meaning != NULL; e++) {
        ht_string_add(page, ".TP\n%d\n", e->code);
        add_paragraph(page, e->meaning, "");
    }
}

static void add_see(ht_string *page, const char *name)
{
    add_in_font(page, 'B', name);
    ht_string_add(page, "(1)");
}

void ht_roff_name(ht_string *name, const ht_verb *verb)
{
    ht_string_add(name, "hottune-");
    for (const char *c = verb->name; *c != 0; c++)
        ht_string_add_bytes(name, *c == ' ' ? "-" : c, 1);
}

/* The verbs that share the first of two words with this one, after the page of the program. */
static void add_relatives(ht_string *page, const ht_verb *verb)
{
    size_t n = strcspn(verb->name, " ");
    ht_string_add(page, ".SH SEE ALSO\n");
    add_see(page, "hottune");
    for (const ht_verb *v = ht_verbs; verb->name[n] == ' ' && v->name != NULL; v++) {
        ht_string name = {0};
        if (v == verb || strncmp(v->name, verb->name, n + 1) != 0)
            continue;
        ht_roff_name(&name, v);
        ht_string_add(page, ",\n");
        add_see(page, ht_string_peek(&name));
        ht_string_release(&name);
    }
    ht_string_add(page, "\n");
}

void ht_roff_verb(ht_string *page, const ht_verb *verb)
{
    ht_string name = {0};
    ht_roff_name(&name, verb);
    add_title(page, ht_string_peek(&name), verb->about);
    ht_string_release(&name);

    ht_string_add(page, ".SH SYNOPSIS\n\\fBhottune ");
    add_text(page, verb->name);
    ht_string_add(page, "\\fR ");
    add_paragraph(page, verb->words, verb->words[0] != 0 ? " [options]" : "[options]");

    ht_string_add(page, ".SH DESCRIPTION\n");
    add_paragraph(page, verb->about, ".");
    if (verb->details[0] != 0) {
        ht_string_add(page, ".PP\n");
        add_paragraph(page, verb->details, "");
    }
    ht_string_add(page, ".SH OPTIONS\n");
    add_options(page, verb->options);
    ht_string_add(page, ".SS Options of every verb\n");
    add_options(page, ht_common_options);
    add_exit_codes(page);
    ht_string_add(page, ".SH EXAMPLES\n.nf\n");
    add_paragraph(page, verb->example, "");
    ht_string_add(page, ".fi\n");
    add_relatives(page, verb);
}

void ht_roff_program(ht_string *page)
{
    add_title(page, "hottune", "tunes hyperparameters while a population of trainings runs");
    ht_string_add(page, ".SH SYNOPSIS\n");
    add_in_font(page, 'B', "hottune");
    add_paragraph(page, " [--dir DIR] [--json] [--quiet] VERB ...", "");
    ht_string_add(page, ".SH DESCRIPTION\n");
    add_paragraph(page,
                  "Results go to stdout, refusals to stderr as `hottune: what: why; what to do`.\n"
                  "The word `tune` before a verb is accepted: `hottune --dir D tune enable`.",
                  "");
    ht_string_add(page, ".SH VERBS\n");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        ht_string name = {0};
        ht_roff_name(&name, v);
        ht_string_add(page, ".TP\n");
        add_see(page, ht_string_peek(&name));
        ht_string_add(page, "\n");
        add_paragraph(page, v->about, "");
        ht_string_release(&name);
    }
    ht_string_add(page, ".SH OPTIONS\nOf every verb, before or after it:\n");
    add_options(page, ht_common_options);
    add_exit_codes(page);
}
