/* tests/fuzz/damage/damage.c - damage files that the program reads, and see what every verb that reads them
 * does.
 *
 *     damage FOLDER VARIANTS [SEED [KEEP [ONLY]]]
 *
 * FOLDER holds what run.sh made: directories of runs and sweeps. Each variant is one file with one kind of
 * damage; the verbs run in a child of this process, so the program is started once. Wrong is: a signal, a
 * report of a sanitizer, more than CPU_S seconds of the processor, messages of HDF5, a refusal without a
 * message; and of files whose checksums find everything: success with another output than that of the
 * undamaged file and no warning. Of the others that is counted, and whether `study check` finds it: SQLite,
 * lists that several programs or people write, and ends of files of which nobody knows where they were.
 * With KEEP, files that are met by something wrong are kept in that directory, and what is silent is listed.
 * With ONLY, files are tried in whose names it occurs, each as often as without.
 *
 * To add a file or a verb: a row in `specimens`. A verb that begins with ! is a function of `calls`. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "search/space.h"
#include "store/optuna.h"
#include "store/run_dir.h"
#include "store/study.h"
#include "store/sweep_log.h"

int ht_program_main(int argc, char **argv); /* src/cli/main.c */

enum { CPU_S = 10, VERBS_MAX = 8, WORDS_MAX = 16 };

/* ---- what is damaged, and who reads it ------------------------------------------------------------- */

typedef struct {
    const char *dir, *file; /* in FOLDER */
    bool summed;            /* all damage can be found */
    const char
        *verbs[VERBS_MAX + 1]; /* %d its directory, %f the file, %b a recipe, %o what the verb may write */
} specimen;

#define READS_STUDY                                                                                          \
    "study ls %f", "study show %f --json", "study export %f --format json", "recipe evolve --base %b %f",    \
        "study upgrade %f", "study merge %o %f", "!recipe", "study check %f"
#define READS_RUN                                                                                            \
    "--dir %d status --json", "--dir %d recipe export --out %o", "--dir %d export-recipe --out %o",          \
        "recipe evolve --base %b %d", "!history", "study check %d"
#define READS_SWEEP "study show %f --json", "study export %f --format json", "study check %f"

static const specimen specimens[] = {
    {"one", HT_FILE_MUTATIONS, true, {READS_RUN}},
    {"one", HT_FILE_SEGMENTS, true, {READS_RUN}},
    {"one", HT_FILE_METRICS, true, {"study check %d"}},
    {"one", HT_FILE_APPLIED, true, {READS_RUN}},
    /* several programs append: the same line twice is asked twice, and nobody knows where it ended */
    {"one", HT_FILE_COMMANDS, false, {"!inbox", "study check %d"}},
    {"one", HT_FILE_SUMMARY, true, {READS_RUN}},
    {"one", HT_FILE_EFFECTIVE, true, {READS_RUN, "recipe diff %b %f"}},
    {"one", HT_FILE_FREEZE, true, {"--dir %d status --json", "!inbox", "study check %d"}},
    {"one",
     "hottune.lock",
     true,
     {"--dir %d status --json", "recipe evolve --base %b %d", "study check %d"}},
    /* people may take lines out */
    {"one", HT_FILE_OPLIST, false, {"recipe validate %f", "study check %d"}},
    {"pooled", HT_FILE_POPULATION, true, {"study check %d"}},
    {"pooled", HT_FILE_SUMMARY, true, {READS_RUN}},
    {"pooled", HT_FILE_SEGMENTS, true, {READS_RUN}},
    /* lines that are gone after the checkpoint: as if it had been killed before it wrote them */
    {"killed", HT_FILE_MUTATIONS, false, {READS_RUN}},
    {"killed", HT_FILE_SEGMENTS, false, {READS_RUN}},
    {"killed", "checkpoint/commit.json", true, {"study check %d", "--dir %d status --json"}},
    {"killed", "checkpoint/inputs.journal", false, {"study check %d"}},     /* a record cut off at the end is none */
    {"killed", "state.image", true, {"study check %d"}},                    /* the same file as one in checkpoint/ */
    {"sweep", HT_FILE_TRIALS, true, {"!trials", "study check %d"}},
    {"sweep", HT_FILE_OPTUNA, false, {"study check %d", "!optuna"}},
    /* HDF5, which takes longest */
    {"one", "study.h5", true, {READS_STUDY}},
    {"pooled", "study.h5", true, {READS_STUDY}},
    {"sweep", "study.h5", true, {READS_SWEEP}},
    {"pooled", "study.parts/part.h5", true, {"study ls %f", "study check %f"}},
    {"pooled", "champion.h5", true, {"study check %f"}},
    /* Without a seal HDF5 itself meets the damage; its checksums miss a block that lies whole in the place of
     * another one. So verbs warn of the seal that is missing. */
    {"open", "one.h5", false, {READS_STUDY}},
    {"open", "pooled.h5", false, {READS_STUDY}},
    {"open", "sweep.h5", false, {READS_SWEEP}},
};
enum { N_SPECIMENS = sizeof specimens / sizeof *specimens };

/* HDF5 breaks down on some damage. Ours reads such files in a child and says so, but a sanitizer in that child takes it for
 * a fault: what HDF5 itself must meet is tried without sanitizers only. */
static bool is_tried(const specimen *s, const char *verb)
{
#ifdef __SANITIZE_ADDRESS__
    bool hdf5 = strlen(s->file) > 3 && strcmp(s->file + strlen(s->file) - 3, ".h5") == 0;
    return !hdf5 || (s->summed && strncmp(verb, "study check", 11) != 0);
#else
    (void)s;
    (void)verb;
    return true;
#endif
}

/* What became of the variants of one specimen. */
typedef struct {
    size_t runs, refused, same, warned, silent, silent_found, wrong;
} tally;

/* ---- calls of the library that no verb makes without a training -------------------------------------- */

static int fail_with(const ht_error *err)
{
    fprintf(stderr, "hottune: %s\n", err->text);
    return 2;
}

static void count_operation(void *ctx, ht_operation *o)
{
    ++*(int *)ctx;
    ht_operation_release(o);
}

static void see_freeze(void *ctx, const ht_freeze *f)
{
    (void)ctx;
    printf("freeze %s\n", ht_freeze_mode_text(f->mode));
}

static int call_inbox(const char *dir, const char *file)
{
    ht_inbox *in = NULL;
    ht_error err = {""};
    int n = 0;
    (void)file;
    if (ht_inbox_open(dir, 0, &in, &err) != HT_OK)
        return fail_with(&err);
    ht_status st = ht_inbox_poll(in, count_operation, see_freeze, &n, &err);
    if (st == HT_OK)        /* what is not finished at the second look is not being written */
        st = ht_inbox_poll(in, count_operation, see_freeze, &n, &err);
    printf("%d operations\n", n);
    ht_inbox_close(in);
    return st == HT_OK ? 0 : fail_with(&err);
}

static int call_history(const char *dir, const char *file)
{
    ht_run_history h;
    ht_error err = {""};
    (void)file;
    if (ht_run_dir_history(dir, &h, &err) != HT_OK)
        return fail_with(&err);
    return 0; /* passes over lines by contract: only whether it comes back */
}

static int call_recipe(const char *dir, const char *file)
{
    char *yaml = NULL;
    ht_error err = {""};
    (void)dir;
    if (ht_study_recipe(file, &yaml, &err) != HT_OK)
        return fail_with(&err);
    puts(yaml);
    free(yaml);
    return 0;
}

static ht_status print_trial(void *ctx, const ht_trial *t, double started, double ended, ht_error *err)
{
    (void)ctx;
    (void)err;
    printf("%lu %.17g %.17g %.17g\n", t->number, t->value, started, ended);
    return HT_OK;
}

static int call_trials(const char *dir, const char *file)
{
    char *text = NULL, *path = ht_path_join(dir, "../space.yaml");
    ht_space space;
    ht_error err = {""};
    size_t bad = 0;
    (void)file;
    if (ht_file_read(path, &text, NULL, &err) != HT_OK ||
        ht_space_parse(text, "space", &space, &err) != HT_OK)
        abort();
    ht_sweep_log *log = NULL; /* as `sweep --resume` */
    ht_status st = ht_sweep_log_open(dir, &space, false, true, 0, &log, &err);
    if (st == HT_OK)
        st = ht_sweep_log_each(dir, &space, print_trial, NULL, &bad, &err);
    if (st == HT_OK && ht_sweep_log_lost(log) > 0)
        fprintf(stderr, "%zu trials are lost\n", ht_sweep_log_lost(log));
    ht_sweep_log_close(log);
    ht_space_release(&space);
    free(text);
    free(path);
    if (bad > 0)
        fprintf(stderr, "%zu lines cannot be read\n", bad);
    return st == HT_OK ? 0 : fail_with(&err);
}

static int call_optuna(const char *dir, const char *file)
{
    ht_optuna *o = NULL;
    ht_error err = {""};
    size_t n = 0;
    long long trial = 0;
    (void)dir;
    ht_status st = ht_optuna_open(file, HT_STUDY_NAME_OPTUNA, false, &o, &err);
    if (st == HT_OK)
        st = ht_optuna_abandon(o, 1e9, &n, &err);
    if (st == HT_OK)
        st = ht_optuna_begin(o, 1e9, &trial, &err);
    if (st == HT_OK)
        st = ht_optuna_commit(o, &err);
    ht_optuna_close(o);
    printf("%zu %lld\n", n, trial);
    return st == HT_OK ? 0 : fail_with(&err);
}

static const struct {
    const char *name;
    int (*call)(const char *dir, const char *file);
} calls[] = {{"!inbox", call_inbox},
             {"!history", call_history},
             {"!recipe", call_recipe},
             {"!trials", call_trials},
             {"!optuna", call_optuna}};

/* ---- damage ------------------------------------------------------------------------------------------- */

typedef struct {
    char *bytes;
    size_t n;
} content;

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    uint64_t z = random_state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

/* A copy of `good` with one kind of damage; `what` tells which. */
static content damage(const content *good, char what[96])
{
    content c = {malloc(2 * good->n + 1), good->n};
    if (c.bytes == NULL)
        abort();
    memcpy(c.bytes, good->bytes, good->n);
    size_t at = draw(good->n), most = good->n - at, n = 1 + draw(most < 4096 ? most : 4096);
    switch (draw(7)) {
    case 0: {
        unsigned bits = 1 + (unsigned)draw(8);
        for (unsigned i = 0; i < bits; i++)
            c.bytes[draw(c.n)] ^= (char)(1u << draw(8));
        snprintf(what, 96, "%u bits turned round", bits);
        break;
    }
    case 1:
        n = n > 64 ? 1 + n % 64 : n;
        for (size_t i = 0; i < n; i++)
            c.bytes[at + i] = (char)draw(256);
        snprintf(what, 96, "%zu bytes overwritten at %zu", n, at);
        break;
    case 2:
        c.n = at;
        snprintf(what, 96, "cut to %zu of %zu bytes", at, good->n);
        break;
    case 3:
        c.n -= 1 + draw(good->n < 40 ? good->n : 40);
        snprintf(what, 96, "the last %zu bytes cut", good->n - c.n);
        break;
    case 4:
        memset(c.bytes + at, 0, n);
        snprintf(what, 96, "%zu bytes zeroed at %zu", n, at);
        break;
    case 5:
        memcpy(c.bytes + c.n, good->bytes, good->n);
        c.n *= 2;
        snprintf(what, 96, "doubled");
        break;
    default: /* a block of it once more in another place */
        memcpy(c.bytes + draw(good->n - n + 1), good->bytes + at, n);
        snprintf(what, 96, "%zu bytes at %zu copied elsewhere", n, at);
        break;
    }
    return c;
}

static content slurp(const char *path)
{
    content c = {NULL, 0};
    if (ht_file_read(path, &c.bytes, &c.n, NULL) != HT_OK)
        c = (content){calloc(1, 1), 0};
    return c;
}

static void spill(const char *path, const content *c)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(c->bytes, 1, c->n, f) != c->n || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

/* ---- one verb in a child --------------------------------------------------------------------------------
 */

typedef struct {
    int status;             /* of waitpid */
    content out, err, file; /* what it printed, and what it wrote as %o */
} answer;

static void release(answer *a)
{
    free(a->out.bytes);
    free(a->err.bytes);
    free(a->file.bytes);
}

/* Where things are while a variant is tried. */
typedef struct {
    const char *folder, *keep;
    char *dir, *file, *out, *err, *written, *recipe;
} places;

static void to_file(int fd, const char *path)
{
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (to < 0 || dup2(to, fd) < 0)
        _exit(98);
    close(to);
}

static void run_in_child(const places *p, const char *verb)
{
    char *line = strdup(verb), *argv[WORDS_MAX + 1] = {"hottune"};
    int argc = 1;
    struct rlimit limit = {CPU_S, CPU_S + 1};
    setrlimit(RLIMIT_CPU, &limit);
    to_file(STDOUT_FILENO, p->out);
    to_file(STDERR_FILENO, p->err);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(verb, calls[i].name) == 0)
            exit(calls[i].call(p->dir, p->file));
    for (char *word = strtok(line, " "); word != NULL && argc < WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "%d") == 0   ? p->dir
                       : strcmp(word, "%f") == 0 ? p->file
                       : strcmp(word, "%b") == 0 ? p->recipe
                       : strcmp(word, "%o") == 0 ? p->written
                                                 : word;
    int code = ht_program_main(argc, argv);
    free(line);
    exit(code);
}

static answer ask(const places *p, const char *verb)
{
    answer a = {0};
    unlink(p->written);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run_in_child(p, verb);
    if (child < 0 || waitpid(child, &a.status, 0) < 0)
        abort();
    a.out = slurp(p->out);
    a.err = slurp(p->err);
    a.file = slurp(p->written);
    return a;
}

static bool has(const content *c, const char *text)
{
    return memmem(c->bytes, c->n, text, strlen(text)) != NULL;
}

static bool equal(const content *a, const content *b)
{
    return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static const char *what_is_wrong(const answer *a)
{
    if (WIFSIGNALED(a->status))
        return WTERMSIG(a->status) == SIGXCPU ? "it does not come to an end" : "it dies by a signal";
    if (has(&a->err, "Sanitizer") || has(&a->err, "runtime error: "))
        return "a sanitizer reports";
    if (has(&a->err, "HDF5-DIAG") || has(&a->out, "HDF5-DIAG"))
        return "HDF5 speaks to the user";
    if (WEXITSTATUS(a->status) > 2)
        return "its exit code is none of ours";
    if (WEXITSTATUS(a->status) != 0 && !has(&a->err, "hottune: ") && !has(&a->out, "damaged"))
        return "it refuses and does not say why";
    return NULL;
}

static size_t count(const content *c, const char *text)
{
    size_t n = 0, m = strlen(text);
    for (const char *at = c->bytes; (at = memmem(at, c->n - (size_t)(at - c->bytes), text, m)) != NULL;
         at += m)
        n++;
    return n;
}

/* It says more of damage than of the undamaged file. */
static bool warns(const answer *good, const answer *a)
{
    static const char *const words[] = {"damaged", "cannot be read", "torn",
                                        "  note ", "bad_lines",      "\"error\":"};
    if (has(&a->err, "no checksum any more"))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (count(&a->out, words[i]) > count(&good->out, words[i]))
            return true;
    return a->err.n > 0 && !equal(&a->err, &good->err);
}

/* ---- variants -------------------------------------------------------------------------------------------
 */

static void report(const places *p, const specimen *s, size_t variant, const char *verb, const char *what,
                   const char *why, const answer *a)
{
    printf("WRONG: variant %zu: %s/%s, %s: `%s`: %s (status %#x)\n%.400s", variant, s->dir, s->file, what,
           verb, why, (unsigned)a->status, a->err.bytes);
    if (p->keep != NULL) {
        char path[4096];
        content bad = slurp(p->file);
        snprintf(path, sizeof path, "%s/%zu-%s", p->keep, variant, strrchr(p->file, '/') + 1);
        spill(path, &bad);
        free(bad.bytes);
    }
}

/* @return what the verb said is the verdict of `study check`, and that is damage */
static bool judge(const places *p, const specimen *s, size_t variant, const char *verb, const char *what,
                  const answer *good, const answer *a, tally *t, bool *silent)
{
    const char *why = what_is_wrong(a);
    bool check = strncmp(verb, "study check", 11) == 0,
         done = WIFEXITED(a->status) && WEXITSTATUS(a->status) == 0;
    bool same = equal(&good->out, &a->out) && equal(&good->file, &a->file) && equal(&good->err, &a->err);
    t->runs++;
    if (why == NULL && done && !same && !warns(good, a) && s->summed)
        why = "it succeeds with another output, and does not warn";
    if (why != NULL) {
        t->wrong++;
        report(p, s, variant, verb, what, why, a);
    } else if (!done) {
        t->refused++;
    } else if (same) {
        t->same++;
    } else if (warns(good, a)) {
        t->warned++;
    } else if (!check) {
        t->silent++;
        *silent = true;
        if (p->keep != NULL)
            printf("silent: variant %zu: %s/%s, %s: `%s`\n", variant, s->dir, s->file, what, verb);
    }
    return check && !done;
}

static void try_variant(const places *p, const specimen *s, size_t variant, const content *good,
                        const answer *answers, tally *t)
{
    char what[96];
    content bad = damage(good, what);
    bool silent = false, found = false;
    size_t before = t->silent;
    for (size_t i = 0; s->verbs[i] != NULL; i++) {
        if (!is_tried(s, s->verbs[i]))
            continue;
        spill(p->file, &bad); /* each verb meets the damage, whatever the one before wrote */
        answer a = ask(p, s->verbs[i]);
        found = judge(p, s, variant, s->verbs[i], what, &answers[i], &a, t, &silent) || found;
        release(&a);
    }
    if (silent && found)
        t->silent_found += t->silent - before;
    spill(p->file, good);
    free(bad.bytes);
}

static tally try_specimen(const places *folder, const specimen *s, size_t index, size_t variants,
                          uint64_t seed)
{
    places p = *folder;
    tally t = {0};
    answer answers[VERBS_MAX];
    p.dir = ht_path_join(p.folder, s->dir);
    p.file = ht_path_join(p.dir, s->file);
    content good = slurp(p.file);
    for (size_t i = 0; good.n > 0 && s->verbs[i] != NULL; i++) {
        answers[i] = ask(&p, s->verbs[i]);
        if (what_is_wrong(&answers[i]) != NULL || WEXITSTATUS(answers[i].status) != 0) {
            printf("WRONG: %s/%s: `%s` fails on the undamaged file\n%.600s", s->dir, s->file, s->verbs[i],
                   answers[i].err.bytes);
            t.wrong++;
        }
        spill(p.file, &good);
    }
    for (size_t v = index; good.n > 0 && v < variants; v += N_SPECIMENS) {
        random_state = seed ^ (v * 0xD1342543DE82EF95u);
        try_variant(&p, s, v, &good, answers, &t);
    }
    for (size_t i = 0; good.n > 0 && s->verbs[i] != NULL; i++)
        release(&answers[i]);
    free(good.bytes);
    free(p.dir);
    free(p.file);
    return t;
}

int main(int argc, char **argv)
{
    const char *only = argc > 5 ? argv[5] : "";
    if (argc < 3) {
        fprintf(stderr, "usage: damage FOLDER VARIANTS [SEED [KEEP [ONLY]]]\n");
        return 2;
    }
    size_t variants = strtoul(argv[2], NULL, 10), wrong = 0;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    places p = {.folder = argv[1], .keep = argc > 4 ? argv[4] : NULL};
    p.out = ht_path_join(p.folder, "stdout");
    p.err = ht_path_join(p.folder, "stderr");
    p.written = ht_path_join(p.folder, "written");
    p.recipe = ht_path_join(p.folder, "recipe.yaml");
    setenv("OPENBLAS_CORETYPE", "Prescott", 1); /* the program would start itself anew for faster kernels */
    printf("%-40s %8s %8s %8s %8s %8s %8s %8s\n", "file", "calls", "refused", "same", "warned", "silent",
           "found", "wrong");
    for (size_t i = 0; i < N_SPECIMENS; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/%s", specimens[i].dir, specimens[i].file);
        if (strstr(name, only) == NULL)
            continue;
        tally t = try_specimen(&p, &specimens[i], i, variants, seed);
        printf("%-40s %8zu %8zu %8zu %8zu %8zu %8zu %8zu\n", name, t.runs, t.refused, t.same, t.warned,
               t.silent, t.silent_found, t.wrong);
        fflush(stdout);
        wrong += t.wrong;
    }
    free(p.out);
    free(p.err);
    free(p.written);
    free(p.recipe);
    return wrong > 0;
}
