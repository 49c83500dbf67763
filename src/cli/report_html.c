/* src/cli/report_html.c - the verb `report`: a page about a run or a study.
 *
 * The page is made by the Python package hottune_analysis.report, since Python has good packages for tables and
 * figures. This process becomes that program; what it prints and its exit code are the verb's.
 * May touch: the environment, /proc/self/exe. */
#define _XOPEN_SOURCE 700 /* readlink */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "store/file.h"

/* From the folder of the program: where `cmake --install` puts the package, and where it is beside a build. */
static const char *const places[] = {HT_ANALYSIS_FROM_BIN, "../../analysis", "../../../analysis"};

/* The folder of this program; false: nobody says. */
static bool find_self(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n <= 0 || (size_t)n >= size - 1)
        return false;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

/* The first place that has the package goes to the front of Python's path; without one Python looks itself. */
static void extend_python_path(void)
{
    char self[4096];
    const char *said = getenv("HOTTUNE_ANALYSIS"), *before = getenv("PYTHONPATH");
    ht_string found = {0};
    if (said != NULL && said[0] != '\0')
        ht_string_add(&found, "%s", said);
    else if (find_self(self, sizeof self))
        for (size_t i = 0; i < sizeof places / sizeof *places && found.n == 0; i++) {
            ht_string probe = {0};
            ht_string_add(&probe, "%s/%s/hottune_analysis/report/__main__.py", self, places[i]);
            if (!probe.failed && ht_file_look(ht_string_peek(&probe)).exists)
                ht_string_add(&found, "%s/%s", self, places[i]);
            ht_string_release(&probe);
        }
    if (found.n > 0 && before != NULL && before[0] != '\0')
        ht_string_add(&found, ":%s", before);
    if (found.n > 0 && !found.failed)
        setenv("PYTHONPATH", ht_string_peek(&found), 1);
    ht_string_release(&found);
}

int ht_verb_report(const ht_cli *cli, const ht_args *args)
{
    static const char *const options[][2] = {
        {"study", "--study"}, {"run", "--run"}, {"out", "--out"}, {"figures", "--figures"}};
    const char *python = getenv("HOTTUNE_PYTHON"), *dir = NULL;
    const char *argv[16];
    size_t n = 0;
    if (python == NULL || python[0] == '\0')
        python = "python3";
    argv[n++] = python;
    argv[n++] = "-m";
    argv[n++] = "hottune_analysis.report";
    if (cli->dir != NULL || !ht_args_has(args, "study")) {
        int code = ht_cli_dir(cli, &dir);
        if (code != HT_EXIT_DONE)
            return code;
        argv[n++] = "--dir";
        argv[n++] = dir;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (ht_args_has(args, options[i][0])) {
            argv[n++] = options[i][1];
            argv[n++] = ht_args_text(args, options[i][0]);
        }
    if (cli->json)
        argv[n++] = "--json";
    if (cli->quiet)
        argv[n++] = "--quiet";
    argv[n] = NULL;
    extend_python_path();
    fflush(stdout);
    execvp(python, (char *const *)argv);
    return ht_cli_fail(cli, HT_EXIT_FAILED,
                       "report: '%s' cannot be started: %s; the report is made by Python: install python3 with "
                       "h5py, pandas, PyYAML, matplotlib and plotly (Debian: python3-h5py python3-pandas python3-yaml "
                       "python3-matplotlib python3-plotly), or name another Python in HOTTUNE_PYTHON",
                       python, strerror(errno));
}
