/* src/cli/place.c - the verb `place`: one rank of a job gets its processors and devices, then becomes a
 * command.
 *
 * It runs before MPI does, so that libraries which look at processors and devices when they start see the
 * share and no more; what share that is population/placement.h works out. Where something cannot be found out
 * or set, the command runs all the same: badly placed is better than not at all.
 * May touch: the environment, the affinity of this process, /sys, /dev. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <errno.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kernel/place.h"
#include "population/placement.h"
#include "store/file.h"

enum { EXIT_CANNOT_RUN = 126, EXIT_NO_COMMAND = 127 }; /* as shells say it */

/* ---- what the launcher says ------------------------------------------------------------------ */

/* A number of the environment. @return false: it is missing, or is none */
static bool read_env(const char *name, int *out)
{
    const char *text = getenv(name);
    double x = 0;
    bool is_int = false;
    if (text == NULL || !ht_parse_number(text, &x, &is_int) || !is_int || !(x >= 0 && x < 1e9))
        return false;
    *out = (int)x;
    return true;
}

/* Ranks of mpirun are placed in order, unless somebody asked for another mapping: then rank 0 is not noticed
 * here. */
static bool read_open_mpi(ht_seat *s)
{
    bool found = read_env("OMPI_COMM_WORLD_RANK", &s->rank) && read_env("OMPI_COMM_WORLD_SIZE", &s->size) &&
                 read_env("OMPI_COMM_WORLD_LOCAL_RANK", &s->local_rank) &&
                 read_env("OMPI_COMM_WORLD_LOCAL_SIZE", &s->local_size);
    s->coordinator_is_here = found && (s->rank == s->local_rank || s->local_size == s->size);
    return found;
}

/* Slurm's default and its common distributions put rank 0 on the first node. */
static ht_status read_slurm(ht_seat *s, bool *found, ht_error *err)
{
    int node = 0;
    const char *tasks = getenv("SLURM_STEP_TASKS_PER_NODE");
    *found = tasks != NULL && read_env("SLURM_PROCID", &s->rank) &&
             read_env("SLURM_LOCALID", &s->local_rank) && read_env("SLURM_NODEID", &node);
    s->coordinator_is_here = node == 0;
    return *found ? ht_seat_read_tasks(tasks, node, &s->local_size, &s->size, err) : HT_OK;
}

/* Under mpirun in a job of Slurm what Slurm says is about mpirun's own helpers. */
typedef struct {
    bool by_slurm, by_open_mpi;
    ht_seat seat;
} launch;

static ht_status read_launch(launch *l, ht_error *err)
{
    l->by_open_mpi = read_open_mpi(&l->seat);
    if (!l->by_open_mpi)
        HT_TRY(read_slurm(&l->seat, &l->by_slurm, err));
    return l->by_open_mpi || l->by_slurm ? ht_seat_check(&l->seat, err) : HT_OK;
}

/* ---- processors ------------------------------------------------------------------------------ */

/* "none" and "" mean that nobody bound anything. */
static bool are_bound(const launch *l)
{
    const char *type = getenv("SLURM_CPU_BIND_TYPE"), *at_launch = getenv("OMPI_MCA_orte_bound_at_launch");
    if (l->by_open_mpi)
        return at_launch != NULL && strcmp(at_launch, "0") != 0;
    return type != NULL && type[0] != '\0' && strncmp(type, "none", 4) != 0;
}

/* The first hyperthread of the core that a processor belongs to; itself if nobody tells. */
static size_t core_of(size_t number)
{
    char path[96], *text = NULL;
    size_t core = HT_CORES_MAX;
    ht_cores siblings = {0};
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", number);
    if (ht_file_read(path, &text, NULL, NULL) == HT_OK && ht_cores_parse(&siblings, text, NULL) == HT_OK)
        core = ht_cores_next(&siblings, 0);
    free(text);
    ht_cores_release(&siblings);
    return core < HT_CORES_MAX ? core : number;
}

static ht_status find_processors(const launch *l, ht_processors *out, ht_error *err)
{
    ht_cores mine = {0};
    *out = (ht_processors){.are_bound = are_bound(l)};
    read_env("SLURM_CPUS_PER_TASK", &out->per_task);
    if (l->by_slurm)
        read_env("SLURM_CPUS_ON_NODE", &out->allotted);
    ht_status st = ht_place_cores(&mine, err);
    size_t n = ht_cores_count(&mine);
    out->processors = calloc(n + 1, sizeof *out->processors);
    if (st == HT_OK && out->processors == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for a list of processors");
    for (size_t i = ht_cores_next(&mine, 0); st == HT_OK && i < HT_CORES_MAX; i = ht_cores_next(&mine, i + 1))
        out->processors[out->n++] = (ht_processor){i, core_of(i)};
    ht_cores_release(&mine);
    return st;
}

static ht_status keep_to(const ht_cores *cores, ht_error *err)
{
    size_t n = cores->n_words * 64, bytes = CPU_ALLOC_SIZE(n);
    cpu_set_t *set = CPU_ALLOC(n);
    if (set == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a set of processors");
    CPU_ZERO_S(bytes, set);
    for (size_t i = ht_cores_next(cores, 0); i < HT_CORES_MAX; i = ht_cores_next(cores, i + 1))
        CPU_SET_S(i, bytes, set);
    ht_status st =
        sched_setaffinity(0, bytes, set) == 0
            ? HT_OK
            : ht_fail(err, HT_EIO, "the processors of this rank cannot be set: %s", strerror(errno));
    CPU_FREE(set);
    return st;
}

static ht_status place_cores(const launch *l, ht_error *err)
{
    ht_processors p;
    ht_core_share share = {0};
    char threads[16];
    ht_status st = find_processors(l, &p, err);
    if (st == HT_OK)
        st = ht_placement_cores(&l->seat, &p, &share, err);
    if (st == HT_OK && ht_cores_count(&share.pins) > 0)
        st = keep_to(&share.pins, err);
    snprintf(threads, sizeof threads, "%d", share.threads);
    if (st == HT_OK && share.threads > 0 && setenv("OMP_NUM_THREADS", threads, 0) != 0)
        st = ht_fail(err, HT_ENOMEM, "no memory for the environment");
    ht_cores_release(&share.pins);
    free(p.processors);
    return st;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* The variables by which runtimes are told which devices to see, and what makes them see none: HIP takes an
 * empty list for none given. */
static const struct {
    const char *name, *none;
} lists[] = {{"CUDA_VISIBLE_DEVICES", ""},
             {"HIP_VISIBLE_DEVICES", "-1"},
             {"ROCR_VISIBLE_DEVICES", ""},
             {"ZE_AFFINITY_MASK", ""}};

/* Numbers in the list for HIP (which may be CUDA's) count within ROCR's list: that one stays as it is. */
static bool is_below_another(const char *name)
{
    return strcmp(name, "ROCR_VISIBLE_DEVICES") == 0 &&
           (getenv("HIP_VISIBLE_DEVICES") != NULL || getenv("CUDA_VISIBLE_DEVICES") != NULL);
}

static int count_names(const char *list)
{
    int n = list[0] != '\0';
    for (const char *at = list; (at = strchr(at, ',')) != NULL; at++)
        n++;
    return n;
}

/* Names [first, first + n) of a list of more. */
static char *cut_names(const char *list, int first, int n)
{
    const char *end;
    for (; first > 0; first--)
        list = strchr(list, ',') + 1;
    for (end = list + strcspn(list, ","); n > 1; n--)
        end += 1 + strcspn(end + 1, ",");
    return strndup(list, (size_t)(end - list));
}

static ht_status place_list(const ht_seat *s, const char *name, const char *none, ht_error *err)
{
    const char *list = getenv(name);
    int first, n = ht_placement_devices(s, count_names(list), &first);
    char *mine = n > 0 ? cut_names(list, first, n) : strdup(none);
    bool fine = mine != NULL && setenv(name, mine, 1) == 0;
    free(mine);
    return fine ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for the environment");
}

/* Where nobody shares out a machine its devices are told by their files. */
static void find_devices(void)
{
    glob_t found;
    ht_string list = {0};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (getenv(lists[i].name) != NULL)
            return;
    if (getenv("SLURM_JOB_ID") == NULL && glob("/dev/nvidia[0-9]*", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            ht_string_add(&list, "%s%zu", i > 0 ? "," : "", i);
        setenv("CUDA_VISIBLE_DEVICES", ht_string_peek(&list), 0);
        globfree(&found);
    }
    ht_string_release(&list);
}

static ht_status place_devices(const launch *l, ht_error *err)
{
    find_devices();
    bool are_dealt = l->by_slurm && ht_place_devices_are_bound();
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *list = getenv(lists[i].name);
        bool stays = are_dealt || is_below_another(lists[i].name) || (list != NULL && list[0] == '\0');
        if (list != NULL && (ht_seat_coordinates(&l->seat) || !stays))
            HT_TRY(place_list(&l->seat, lists[i].name, lists[i].none, err));
    }
    return HT_OK;
}

/* ---- the verb -------------------------------------------------------------------------------- */

/* What goes wrong is the same on all ranks: one tells. */
static void place(const ht_cli *cli, int ranks_per_replica)
{
    launch l = {.seat = {.ranks_per_replica = ranks_per_replica}};
    ht_error err = {""};
    ht_status st = read_launch(&l, &err);
    if (st == HT_OK && (l.by_slurm || l.by_open_mpi)) {
        st = place_devices(&l, &err);
        if (st == HT_OK)
            st = place_cores(&l, &err);
    }
    if (st != HT_OK && l.seat.rank == 0)
        ht_cli_fail(cli, HT_EXIT_DONE, "place: %s; ranks run where they were started", err.text);
}

int ht_verb_place(const ht_cli *cli, const ht_args *args)
{
    ht_error err = {""};
    long long ranks_per_replica = 1;
    ht_status st = ht_args_int(args, "ranks-per-replica", 1, 100000, &ranks_per_replica, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    place(cli, (int)ranks_per_replica);
    fflush(stdout);
    execvp(args->words[0], args->words);
    int why = errno;
    return ht_cli_fail(cli, why == ENOENT ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN, "place: cannot run '%s': %s",
                       args->words[0], strerror(why));
}
