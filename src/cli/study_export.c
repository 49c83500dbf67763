/* src/cli/study_export.c - the verb `study export`: a study as tables that other programs read.
 *
 * May touch: stdout, the files that it is to write; reads the study. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study_runs.h"
#include "cli/study_sheets.h"

static int export_csv(const ht_cli *cli, const ht_sheets *s, const char *dir)
{
    if (dir == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "study export: --out is missing: name the directory of the CSV files");
    int code = ht_cli_make_dir(cli, dir);
    for (size_t i = 0; code == HT_EXIT_DONE && i < s->n; i++) {
        ht_string text = {0}, name = {0};
        ht_error err = {""};
        char *path = NULL;
        ht_status st = ht_sheet_csv(s, &s->at[i], &text, &err);
        ht_string_add(&name, "%s.csv", s->at[i].name);
        code = st == HT_OK ? ht_cli_path(cli, dir, ht_string_peek(&name), &path)
                           : ht_cli_fail_status(cli, st, &err);
        if (code == HT_EXIT_DONE)
            code = ht_cli_write(cli, path, &text);
        free(path);
        ht_string_release(&text);
        ht_string_release(&name);
    }
    if (code == HT_EXIT_DONE)
        ht_cli_say(cli, "Wrote %zu tables -> %s\n", s->n, dir);
    return code;
}

static int export_json(const ht_cli *cli, const ht_sheets *s, const char *path)
{
    ht_string text = {0};
    ht_error err = {""};
    ht_status st = ht_sheets_json(s, &text, &err);
    int code = st != HT_OK ? ht_cli_fail_status(cli, st, &err) : HT_EXIT_DONE;
    if (code == HT_EXIT_DONE && path != NULL)
        code = ht_cli_write(cli, path, &text);
    else if (code == HT_EXIT_DONE && text.failed)
        code = ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    else if (code == HT_EXIT_DONE)
        ht_cli_print_json_text(ht_string_peek(&text));
    if (code == HT_EXIT_DONE && path != NULL)
        ht_cli_say(cli, "Wrote %zu tables -> %s\n", s->n, path);
    ht_string_release(&text);
    return code;
}

int ht_verb_study_export(const ht_cli *cli, const ht_args *args)
{
    const char *format = ht_args_text(args, "format"), *out = ht_args_text(args, "out");
    bool csv = format == NULL || strcmp(format, "csv") == 0;
    ht_study_file *f = NULL;
    ht_sheets sheets = {0};
    ht_error err = {""};
    if (!csv && strcmp(format, "json") != 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--format: '%s' is none; it is csv or json", format);
    ht_status st = ht_study_open_runs(cli, args->words[0], &f, &err);
    if (st == HT_OK)
        st = ht_sheets_gather(f, &sheets, &err);
    int code = st != HT_OK ? ht_cli_fail_status(cli, st, &err)
               : csv       ? export_csv(cli, &sheets, out)
                           : export_json(cli, &sheets, out);
    ht_sheets_release(&sheets);
    ht_study_file_close(f);
    return code;
}
