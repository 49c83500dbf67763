/* examples/child/bowl.c - a whole child program in C: a noisy descent into a bowl with two knobs, as bowl.py.
 *
 * It answers JSON lines of `hottune run -- ./bowl` (docs/child-protocol.md) with the help of cJSON:
 *
 *     cc bowl.c -lcjson -o bowl && mpirun -n 5 hottune run -- ./bowl
 *
 * `bowl alone` leaves out state, init and validation: then the replicas are independent, and it reports val/loss itself. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 4, PER_EPOCH = 4, EPOCHS = 12 };

typedef struct {
    double w[D], momentum[D], lr, aux;
    unsigned long long noise;
} training;

static double uniform(unsigned long long *s)    /* in [0, 1): SplitMix64 */
{
    unsigned long long z = *s += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static void init(training *t, unsigned long long seed)
{
    for (int i = 0; i < D; i++) {
        t->w[i] = 2 * uniform(&seed) - 1;
        t->momentum[i] = 0;
    }
}

/* Steeper along each axis than along the one before, with noise in its slope. */
static double train_step(training *t)
{
    double loss = 0;
    for (int i = 0; i < D; i++) {
        double steep = (i + 1) * t->w[i], slope = steep + 0.5 * (uniform(&t->noise) - 0.5);
        loss = loss + steep * t->w[i];
        t->momentum[i] = 0.5 * t->momentum[i] + slope;
        t->w[i] = t->w[i] - t->lr * (t->momentum[i] + 0.01 * t->aux * t->w[i]);
    }
    return loss;
}

static double validate(const training *t)
{
    double loss = 0;
    for (int i = 0; i < D; i++)
        loss = loss + (i + 1) * t->w[i] * t->w[i];
    return loss;
}

/* Between the training and a file: the parts of `state` in hello, one after another. */
static int move(training *t, const char *path, const char *mode)
{
    FILE *f = path != NULL ? fopen(path, mode) : NULL;
    if (f == NULL)
        return 0;
    size_t n = mode[0] == 'w' ? fwrite(t->w, sizeof t->w, 1, f) + fwrite(t->momentum, sizeof t->momentum, 1, f)
                              : fread(t->w, sizeof t->w, 1, f) + fread(t->momentum, sizeof t->momentum, 1, f);
    return fclose(f) == 0 && n == 2;
}

static double number(const cJSON *o, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(o, name));
}

/* cJSON reads numbers as doubles, and a seed has 64 bits: its digits are read from the line. */
static unsigned long long seed_in(const char *line)
{
    const char *at = strstr(line, "\"seed\":");
    return at != NULL ? strtoull(at + strlen("\"seed\":"), NULL, 10) : 0;
}

static void answer(training *t, int is_alone, const char *line, const cJSON *request, FILE *out)
{
    const char *what = cJSON_GetStringValue(cJSON_GetObjectItem(request, "do"));
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItem(request, "path"));
    const cJSON *knobs = cJSON_GetObjectItem(request, "knobs");
    if (what != NULL && strcmp(what, "hello") == 0) {
        t->noise = (unsigned long long)(number(request, "replica") + 2) << 32;
        init(t, 5);
        fprintf(out, "{\"ok\":true,\"name\":\"bowl\",\"epochs\":%d,\"steps_per_epoch\":%d,\"knobs\":{"
                     "\"opt.lr\":{\"value\":0.02,\"lo\":0.001,\"hi\":2,\"scale\":\"log\"},"
                     "\"loss.aux\":{\"value\":1,\"lo\":0,\"hi\":100}}%s}\n", EPOCHS, PER_EPOCH,
                is_alone ? "" : ",\"can\":[\"init\",\"validate\"],\"state\":["
                                "{\"name\":\"w\",\"type\":\"float64\",\"count\":4,\"average\":true,\"weights\":true},"
                                "{\"name\":\"momentum\",\"type\":\"float64\",\"count\":4,\"average\":true}]");
    } else if (what != NULL && strcmp(what, "train") == 0) {
        double loss = 0;
        t->lr = number(knobs, "opt.lr");
        t->aux = number(knobs, "loss.aux");
        for (int i = 0; i < PER_EPOCH; i++)
            loss = train_step(t);
        fprintf(out, "{\"ok\":true,\"loss\":%.17g,\"metrics\":{%s", loss, is_alone ? "\"val/loss\":" : "");
        if (is_alone)
            fprintf(out, "%.17g", validate(t));
        fputs("}}\n", out);
    } else if (what != NULL && strcmp(what, "init") == 0) {
        init(t, seed_in(line));
        fputs("{\"ok\":true}\n", out);
    } else if (what != NULL && strcmp(what, "validate") == 0) {
        fprintf(out, "{\"ok\":true,\"value\":%.17g}\n", validate(t));
    } else if (what != NULL && (strcmp(what, "save") == 0 || strcmp(what, "load") == 0)) {
        fputs(move(t, path, what[0] == 's' ? "wb" : "rb") ? "{\"ok\":true}\n" : "{\"ok\":false,\"error\":\"no such file\"}\n", out);
    } else {
        fputs("{\"ok\":false,\"error\":\"unknown request\"}\n", out);
    }
    fflush(out);
}

int main(int argc, char **argv)
{
    const char *in_fd = getenv("HOTTUNE_CHILD_IN"), *out_fd = getenv("HOTTUNE_CHILD_OUT");
    FILE *in = in_fd != NULL ? fdopen(atoi(in_fd), "r") : NULL, *out = out_fd != NULL ? fdopen(atoi(out_fd), "w") : NULL;
    training t = {.lr = 0.02, .aux = 1};
    char line[65536];
    if (in == NULL || out == NULL) {
        fputs("start me with: hottune run -- ./bowl\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof line, in) != NULL) {
        cJSON *request = cJSON_Parse(line);
        const char *what = cJSON_GetStringValue(cJSON_GetObjectItem(request, "do"));
        int stops = what != NULL && strcmp(what, "stop") == 0;
        if (!stops)
            answer(&t, argc > 1 && strcmp(argv[1], "alone") == 0, line, request, out);
        cJSON_Delete(request);
        if (stops)
            break;
    }
    return 0;
}
