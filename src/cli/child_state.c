/* src/cli/child_state.c - a child's state through files; the contract is in child_state.h.
 *
 * May touch: the child, files in a scratch directory of its own. */
#include "cli/child_state.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "state/state.h"
#include "store/run_dir.h"

enum { BOUNDARY = 64 };

static size_t part_bytes(const ht_child_part *p)
{
    return p->count * ht_element_bytes(p->element);
}

static size_t padded(size_t n)
{
    return (n + BOUNDARY - 1) / BOUNDARY * BOUNDARY;
}

/* ---- its life -------------------------------------------------------------------------------- */

ht_status ht_child_state_begin(ht_child_peer *peer, ht_child_state *s, ht_error *err)
{
    const char *tmp = getenv("TMPDIR");
    ht_string path = {0};
    *s = (ht_child_state){.peer = peer, .begun_from = peer->o.seed};
    ht_string_add(&path, "%s/hottune-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    s->scratch = ht_string_take(&path);
    if (s->scratch == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (mkdtemp(s->scratch) == NULL) {
        ht_status st = ht_fail(err, HT_EIO, "cannot make a directory for states: '%s': %s; TMPDIR may name another place",
                               s->scratch, strerror(errno));
        free(s->scratch);
        s->scratch = NULL;
        return st;
    }
    s->file = ht_path_join(s->scratch, "state");
    return s->file != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
}

ht_status ht_child_state_settle(ht_child_state *s, const ht_child_hello *hello, ht_error *err)
{
    s->hello = hello;
    for (size_t i = 0; i < hello->n_parts; i++)
        s->image_bytes += padded(part_bytes(&hello->parts[i]));
    s->image = aligned_alloc(BOUNDARY, s->image_bytes + BOUNDARY);
    if (s->image == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the state of a replica: %zu bytes", s->image_bytes);
    memset(s->image, 0, s->image_bytes + BOUNDARY);
    s->must_init = hello->inits;
    s->known = s->peer->started;
    return HT_OK;
}

void ht_child_state_release(ht_child_state *s)
{
    if (s->file != NULL)
        remove(s->file);
    if (s->scratch != NULL)
        rmdir(s->scratch);
    free(s->image);
    free(s->file);
    free(s->scratch);
    *s = (ht_child_state){0};
}

ht_status ht_child_state_offer(const ht_child_state *s, ht_kernel *k)
{
    size_t at = 0;
    for (size_t i = 0; i < s->hello->n_parts; i++) {
        const ht_child_part *p = &s->hello->parts[i];
        const ht_state_buffer b = {.name = p->name, .data = s->image + at, .count = p->count, .element = p->element,
                                   .use = p->averages ? HT_AVERAGE : HT_COPY, .is_weights = p->is_weights};
        HT_TRY(ht_training_state(k, &b, 1));
        at += padded(part_bytes(p));
    }
    return HT_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Before anything of the image is overwritten: half a state is none. What is no regular file could keep us for ever. */
static ht_status check_saved(const ht_child_state *s, ht_error *err)
{
    struct stat is;
    if (lstat(s->file, &is) != 0 || !S_ISREG(is.st_mode))
        return ht_fail(err, HT_EFORMAT, "it saved no state: '%s' is no regular file", s->file);
    uintmax_t bytes = (uintmax_t)is.st_size;
    return bytes == s->hello->state_bytes
               ? HT_OK
               : ht_fail(err, HT_EFORMAT, "it saved a state that is %s than the %zu bytes that its hello promised",
                         bytes > s->hello->state_bytes ? "longer" : "shorter", s->hello->state_bytes);
}

/* Between the file, which has no gaps, and the image. */
static ht_status copy_file(ht_child_state *s, const char *mode, ht_error *err)
{
    bool writes = mode[0] == 'w';
    FILE *f = fopen(s->file, mode);
    size_t at = 0;
    bool fine = f != NULL;
    for (size_t i = 0; i < s->hello->n_parts && fine; i++) {
        size_t n = part_bytes(&s->hello->parts[i]);
        fine = (writes ? fwrite(s->image + at, 1, n, f) : fread(s->image + at, 1, n, f)) == n;
        at += padded(n);
    }
    if (f != NULL && fclose(f) != 0)
        fine = false;
    return fine ? HT_OK
                : ht_fail(err, HT_EIO, "its state cannot be %s '%s': %s", writes ? "written to" : "read from", s->file,
                          strerror(errno));
}

static ht_status ask_with_path(ht_child_state *s, const char *word, ht_error *err)
{
    cJSON *o = ht_child_request(word);
    ht_json_put_text(o, "path", s->file);
    return ht_child_peer_ask(s->peer, o, s->peer->o.reply_s, NULL, err);
}

/* ---- moving ---------------------------------------------------------------------------------- */

/* A new child has nothing yet: it gets the image, or begins from the last seed. */
static void meet(ht_child_state *s)
{
    if (s->known == s->peer->started)
        return;
    s->known = s->peer->started;
    s->must_load = s->has_image;
    s->must_init = !s->has_image && s->hello->inits;
    s->is_behind = !s->has_image && s->hello->n_parts > 0;
}

void ht_child_state_moved_on(ht_child_state *s)
{
    s->is_behind = s->hello->n_parts > 0;
}

void ht_child_state_store(ht_child_state *s)
{
    s->known = s->peer->started;
    s->has_image = s->must_load = true;
    s->must_init = s->is_behind = false;
}

static ht_status ask_init(ht_child_state *s, ht_error *err)
{
    cJSON *o = ht_child_request("init");
    ht_child_put_seed(o, s->begun_from);
    HT_TRY(ht_child_peer_ask(s->peer, o, s->peer->o.reply_s, NULL, err));
    s->known = s->peer->started;
    s->must_init = s->must_load = false;
    ht_child_state_moved_on(s);
    return HT_OK;
}

ht_status ht_child_state_bring(ht_child_state *s, ht_error *err)
{
    meet(s);
    if (s->must_init)
        HT_TRY(ask_init(s, err));
    HT_TRY(ht_child_peer_check(s->peer, err));
    if (!s->must_load)
        return HT_OK;
    ht_status st = copy_file(s, "w", err);
    if (st == HT_OK)
        st = ask_with_path(s, "load", err);
    else
        ht_child_peer_blame(s->peer, err->text);
    remove(s->file);
    s->must_load = st != HT_OK;
    return st;
}

ht_status ht_child_state_fetch(ht_child_state *s, ht_error *err)
{
    meet(s);
    if (!s->is_behind)
        return HT_OK;
    ht_status st = ht_child_state_bring(s, err);    /* a new child has to begin before it has a state */
    if (st == HT_OK)
        st = ask_with_path(s, "save", err);
    if (st == HT_OK && ((st = check_saved(s, err)) != HT_OK || (st = copy_file(s, "r", err)) != HT_OK))
        ht_child_peer_replace(s->peer, err);
    remove(s->file);
    if (st == HT_OK) {              /* else what the image has is still not what the child has */
        s->is_behind = false;
        s->has_image = true;
    }
    return st;
}

ht_status ht_child_state_init(ht_child_state *s, unsigned long long seed)
{
    ht_error err = {""};
    ht_status st;
    s->begun_from = seed;
    s->must_load = s->has_image = false;
    do
        st = ask_init(s, &err);
    while (st != HT_OK && st != HT_EREFUSED && !s->peer->is_given_up);
    return st == HT_OK ? HT_OK : HT_EFAILED;
}

ht_status ht_child_state_export(ht_child_state *s, const char *name, ht_error *err)
{
    char *to = ht_path_join(s->peer->o.dir, name), *bytes = NULL;
    size_t n = 0;
    ht_status st = to != NULL ? ask_with_path(s, "save", err) : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK)
        st = check_saved(s, err);
    if (st == HT_OK)
        st = ht_file_read(s->file, &bytes, &n, err);
    if (st == HT_OK)
        st = ht_file_replace(to, bytes, n, err);
    remove(s->file);
    free(bytes);
    free(to);
    return st;
}
