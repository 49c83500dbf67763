/* src/cli/doc.c - the verb `doc`: the manual in Markdown, as manual pages, and what completes command lines.
 * May touch: stdout, files by way of cli.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/roff.h"

/* Write the page of `verb`, or of the program if that is NULL. */
static int write_page(const ht_cli *cli, const char *dir, const ht_verb *verb)
{
    ht_string name = {0}, page = {0};
    char *path = NULL;
    if (verb != NULL) {
        ht_roff_name(&name, verb);
        ht_roff_verb(&page, verb);
    } else {
        ht_string_add(&name, "hottune");
        ht_roff_program(&page);
    }
    ht_string_add(&name, ".1");
    int code = ht_cli_path(cli, dir, ht_string_peek(&name), &path);
    if (code == HT_EXIT_DONE)
        code = ht_cli_write(cli, path, &page);
    free(path);
    ht_string_release(&page);
    ht_string_release(&name);
    return code;
}

static int write_pages(const ht_cli *cli, const char *dir)
{
    int code = ht_cli_make_dir(cli, dir);
    if (code == HT_EXIT_DONE)
        code = write_page(cli, dir, NULL);
    for (const ht_verb *v = ht_verbs; v->name != NULL && code == HT_EXIT_DONE; v++)
        code = write_page(cli, dir, v);
    return code;
}

int ht_verb_doc(const ht_cli *cli, const ht_args *args)
{
    const char *dir = ht_args_text(args, "man"), *shell = ht_args_text(args, "completion");
    if (dir != NULL && shell != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "doc: --man and --completion are two things; ask for one");
    if (dir != NULL)
        return write_pages(cli, dir);
    if (shell == NULL)
        ht_help_markdown();
    else if (strcmp(shell, "bash") == 0)
        ht_completion_bash();
    else if (strcmp(shell, "zsh") == 0)
        ht_completion_zsh();
    else
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--completion: '%s' is no shell of ours; it is bash or zsh",
                           shell);
    return HT_EXIT_DONE;
}
