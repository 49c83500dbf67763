/* src/cli/submit_plan.c - the options of `hottune submit`, checked; the contract is in submit_plan.h.
 *
 * May touch: the environment (PATH), the file system to look for programs. */
#include "cli/submit_plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/quote.h"
#include "cli/slurm.h"
#include "store/run_dir.h"

static const long long warn_most_s = 120, warn_least_s = 10;

/* ---- programs and paths ----------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

char *ht_program_find(const char *name)
{
    if (strchr(name, '/') != NULL)
        return is_program(name) ? strdup(name) : NULL;
    for (const char *at = getenv("PATH"); at != NULL && *at != '\0';) {
        ht_string path = {0};
        size_t n = strcspn(at, ":");
        ht_string_add(&path, "%.*s/%s", n > 0 ? (int)n : 1, n > 0 ? at : ".", name);
        if (!path.failed && is_program(path.s))
            return ht_string_take(&path);
        ht_string_release(&path);
        at += n + (at[n] == ':');
    }
    return NULL;
}

/* Relative paths count from `from`. Links stay as they are: people know their directories by these names. */
static char *absolute(const char *from, const char *path)
{
    ht_string s = {0};
    while (strncmp(path, "./", 2) == 0)
        path += 2 + strspn(path + 2, "/");
    if (path[0] == '/')
        ht_string_add(&s, "%s", path);
    else if (strcmp(path, ".") == 0 || path[0] == '\0')
        ht_string_add(&s, "%s", from);
    else
        ht_string_add(&s, "%s/%s", strcmp(from, "/") == 0 ? "" : from, path);
    while (s.n > 1 && s.s[s.n - 1] == '/')
        s.s[--s.n] = '\0';
    return ht_string_take(&s);
}

/* The name alone if a shell would find this program by it, else its path: that of another directory of PATH
 * would be another version. */
static char *own_name(void)
{
    char own[PATH_MAX];
    struct stat a, b;
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n <= 0)
        return strdup("hottune");
    own[n] = '\0';
    char *found = ht_program_find("hottune");
    bool same = found != NULL && found[0] == '/' && stat(found, &a) == 0 && stat(own, &b) == 0 &&
                a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    free(found);
    return strdup(same ? "hottune" : own);
}

char *ht_submit_run_dir(const ht_submit_plan *p, long long generation, long long run)
{
    ht_string s = {0};
    ht_string_add(&s, "%s", p->dir);
    if (p->chain > 0)
        ht_string_add(&s, "/gen-%lld", generation);
    if (p->array > 0)
        ht_string_add(&s, "/run-%lld", run);
    return ht_string_take(&s);
}

/* ---- options ---------------------------------------------------------------------------------- */

/* A line of a script ends at a line feed, and nobody wants the other control characters in one. */
static int check_text(const ht_cli *cli, const char *what, const char *text)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: %s has a %s, which cannot stand in a job script",
                               what, *c == '\n' ? "line feed" : "control character");
    return HT_EXIT_DONE;
}

static int check_texts(const ht_cli *cli, const ht_args *args)
{
    char option[HT_NAME_MAX + 4];
    int code = HT_EXIT_DONE;
    for (size_t i = 0; i < args->n_options && code == HT_EXIT_DONE; i++) {
        snprintf(option, sizeof option, "--%s", args->options[i]->name);
        code = check_text(cli, option, args->values[i]);
    }
    for (size_t i = 0; i < args->n_words && code == HT_EXIT_DONE; i++)
        code = check_text(cli, "the command", args->words[i]);
    return code;
}

/* Slurm takes a number alone for minutes. */
static int read_time(const ht_cli *cli, ht_submit_plan *p)
{
    double seconds = 0;
    ht_error err = {""};
    p->warn_s = warn_most_s;
    if (p->time == NULL || strcasecmp(p->time, "UNLIMITED") == 0 || strcasecmp(p->time, "INFINITE") == 0)
        return HT_EXIT_DONE;
    bool minutes = strspn(p->time, "0123456789") == strlen(p->time);
    if (ht_slurm_duration(p->time, &seconds, &err) != HT_OK || (!minutes && strpbrk(p->time, ":-") == NULL))
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --time: '%s' is no time as Slurm has them; write minutes, MM:SS, "
                           "HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS or UNLIMITED",
                           p->time);
    long long tenth = (long long)(minutes ? 60 * seconds : seconds) / 10;
    p->warn_s = tenth < warn_least_s ? warn_least_s : tenth < warn_most_s ? tenth : warn_most_s;
    return HT_EXIT_DONE;
}

static int read_numbers(const ht_cli *cli, const ht_args *args, ht_submit_plan *p)
{
    long long cpus = 0;
    ht_error err = {""};
    if (!ht_args_has(args, "replicas"))
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --replicas is missing: how many trainings side by side?");
    ht_status st = ht_args_int(args, "replicas", 1, 100000, &p->replicas, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "nodes", 1, 100000, &p->nodes, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "cpus-per-replica", 1, 100000, &cpus, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "ranks-per-replica", 1, 100000, &p->ranks_per_replica, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "array", 1, HT_ARRAY_MAX, &p->array, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "chain", 1, HT_CHAIN_MAX, &p->chain, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "max-requeues", 0, 1000000, &p->max_requeues, &err);
    if (st != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: %s", err.text);
    p->cpus_per_task = cpus;
    return HT_EXIT_DONE;
}

/* How ranks lie on nodes; known once the words said how many ranks a replica has. */
static int lay_out(const ht_cli *cli, ht_submit_plan *p)
{
    p->tasks = 1 + p->replicas * p->ranks_per_replica;
    if (p->nodes > p->tasks)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --nodes: %lld nodes are more than the %lld ranks (%lld of replicas "
                           "and the coordinator)",
                           p->nodes, p->tasks, p->tasks - 1);
    p->tasks_per_node = (p->tasks + p->nodes - 1) / p->nodes;
    p->cpus_per_task = (p->cpus_per_task + p->ranks_per_replica - 1) / p->ranks_per_replica;
    if (p->ranks_per_replica > 1 && p->replicas % p->nodes != 0)
        ht_cli_fail(cli, HT_EXIT_DONE,
                    "warning: %lld replicas of %lld ranks do not divide among %lld nodes: the ranks of "
                    "some lie on two",
                    p->replicas, p->ranks_per_replica, p->nodes);
    return HT_EXIT_DONE;
}

static int read_places(const ht_cli *cli, ht_submit_plan *p)
{
    char from[PATH_MAX];
    if (cli->dir == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --dir is missing: where do the files of the run go? A directory "
                           "that all nodes see");
    if (getcwd(from, sizeof from) == NULL)
        return ht_cli_fail(cli, HT_EXIT_FAILED, "submit: the current directory is gone");
    p->from = strdup(from);
    p->dir = p->from != NULL ? absolute(p->from, cli->dir) : NULL;
    p->hottune = own_name();
    if (p->dir == NULL || p->hottune == NULL)
        return ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    int code = check_text(cli, "--dir", p->dir);
    if (code == HT_EXIT_DONE)
        code = check_text(cli, "the current directory", p->from);
    if (code == HT_EXIT_DONE && strchr(p->dir, '\\') != NULL)
        code = ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --dir: '%s' has a backslash, which Slurm cannot have in the name of "
                           "a log; choose another directory",
                           p->dir);
    return code;
}

/* As it was given, in the order of the options' table. */
static char *command_of(const ht_cli *cli, const ht_args *args)
{
    ht_string s = {0};
    ht_string_add(&s, "hottune --dir ");
    ht_quote_shell(&s, cli->dir);
    ht_string_add(&s, " submit");
    for (size_t i = 0; i < args->n_options; i++) {
        const ht_option *o = args->options[i];
        if (args->values[i] == NULL || strcmp(o->name, "dir") == 0 || strcmp(o->name, "dry-run") == 0)
            continue;
        ht_string_add(&s, " --%s%s", o->name, o->value != NULL ? " " : "");
        if (o->value != NULL)
            ht_quote_shell(&s, args->values[i]);
    }
    ht_string_add(&s, " -- ");
    ht_quote_shell_words(&s, args->n_words, args->words);
    return ht_string_take(&s);
}

int ht_submit_plan_read(const ht_cli *cli, const ht_args *args, ht_submit_plan *out)
{
    *out = (ht_submit_plan){.nodes = 1,
                            .ranks_per_replica = 1,
                            .max_requeues = 5,
                            .seed = 1,
                            .no_kill = ht_args_has(args, "no-kill"),
                            .time = ht_args_text(args, "time"),
                            .partition = ht_args_text(args, "partition"),
                            .account = ht_args_text(args, "account"),
                            .gpus = ht_args_text(args, "gpus-per-node"),
                            .name = ht_args_text(args, "name"),
                            .extra = ht_args_text(args, "sbatch")};
    int code = check_texts(cli, args);
    if (code == HT_EXIT_DONE)
        code = read_places(cli, out);
    if (code == HT_EXIT_DONE)
        code = read_numbers(cli, args, out);
    if (code == HT_EXIT_DONE)
        code = read_time(cli, out);
    if (code == HT_EXIT_DONE && out->extra != NULL && out->extra[0] != '-')
        code = ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --sbatch: '%s' does not begin with a dash; write options as in a "
                           "line #SBATCH: --sbatch \"--qos=long --mem=64G\"",
                           out->extra);
    if (code == HT_EXIT_DONE)
        code = ht_submit_words_read(cli, args->n_words, args->words, out);
    if (code == HT_EXIT_DONE)
        code = lay_out(cli, out);
    if (code == HT_EXIT_DONE && (out->command = command_of(cli, args)) == NULL)
        code = ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    return code;
}

void ht_submit_plan_release(ht_submit_plan *p)
{
    for (size_t i = 0; i < p->n_words; i++)
        free(p->words[i]);
    free(p->words);
    free(p->recipe);
    free(p->title);
    free(p->command);
    free(p->hottune);
    free(p->from);
    free(p->dir);
    *p = (ht_submit_plan){0};
}
