/* src/workload/glyph.c - data of the task glyph: noisy 12 x 12 pictures of seven-segment digits.
 *
 * Every draw and its order is part of the task; docs/workloads.md has the definition.
 * May touch: the heap. Not: MPI, files, clock. */
#include "workload/dataset.h"

#include <math.h>

#include "workload/splitmix.h"

enum { SIDE = 12, SEGMENTS = 7, CLASSES = 10, TARGETS = 4 };

typedef struct {
    double x, y;
} point;

typedef struct {
    point from, to;
} line;

/** How one digit is bent out of shape; lengths as shares of the picture's side, angle in radians. */
typedef struct {
    double rotation, scale, dx, dy, shear, thickness;
} distortion;

static const line segments[SEGMENTS] = {
    {{.2, .1}, {.8, .1}}, {{.8, .1}, {.8, .5}}, {{.8, .5}, {.8, .9}}, {{.2, .9}, {.8, .9}},
    {{.2, .5}, {.2, .9}}, {{.2, .1}, {.2, .5}}, {{.2, .5}, {.8, .5}},
};
static const unsigned drawn[CLASSES] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};

static distortion draw_distortion(ht_splitmix *s)
{
    distortion t;
    t.rotation = .35 * ht_splitmix_normal(s);
    t.scale = .9 + .15 * ht_splitmix_normal(s);
    t.dx = .1 * ht_splitmix_normal(s);
    t.dy = .1 * ht_splitmix_normal(s);
    t.shear = .25 * ht_splitmix_normal(s);
    t.thickness = .07 + .02 * ht_splitmix_uniform(s);
    return t;
}

/** Shaken, sheared, rotated and scaled about the middle, shifted. */
static point place(point corner, const distortion *t, ht_splitmix *s)
{
    double co = t->scale * cos(t->rotation), si = t->scale * sin(t->rotation);
    double x = corner.x - .5 + .04 * ht_splitmix_normal(s);
    double y = corner.y - .5 + .04 * ht_splitmix_normal(s);
    x += t->shear * y;
    return (point){co * x - si * y + .5 + t->dx, si * x + co * y + .5 + t->dy};
}

static double squared_distance(point p, const line *l)
{
    double ux = l->to.x - l->from.x, uy = l->to.y - l->from.y;
    double px = p.x - l->from.x, py = p.y - l->from.y;
    double length2 = ux * ux + uy * uy;
    double along = length2 > 0 ? (px * ux + py * uy) / length2 : 0;
    along = fmin(1, fmax(0, along));
    double ex = px - along * ux, ey = py - along * uy;
    return ex * ex + ey * ey;
}

static void draw_picture(float *pixel, const line *lines, size_t n, double thickness, ht_splitmix *s)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        point centre = {(i % SIDE + .5) / SIDE, (i / SIDE + .5) / SIDE};
        double nearest = INFINITY;
        for (size_t k = 0; k < n; k++)
            nearest = fmin(nearest, squared_distance(centre, &lines[k]));
        double ink = exp(-nearest / (2 * thickness * thickness));
        pixel[i] = (float)(2 * ink - .6 + .55 * ht_splitmix_normal(s));
    }
}

/** @param wrong_labels  share of the samples whose label is drawn at random */
static void draw_sample(ht_samples *to, size_t i, double wrong_labels, ht_splitmix *s)
{
    unsigned digit = (unsigned)(ht_splitmix_next(s) % CLASSES);
    distortion t = draw_distortion(s);
    line lines[SEGMENTS];
    size_t n = 0;
    for (size_t k = 0; k < SEGMENTS; k++)
        if ((drawn[digit] >> k & 1u) != 0) {
            lines[n].from = place(segments[k].from, &t, s);
            lines[n++].to = place(segments[k].to, &t, s);
        }
    draw_picture(to->x + i * SIDE * SIDE, lines, n, t.thickness, s);
    bool wrong = ht_splitmix_uniform(s) < wrong_labels;     /* drawn for every split */
    to->label[i] = (unsigned char)(wrong ? ht_splitmix_next(s) % CLASSES : digit);
    float *target = to->target + i * TARGETS;
    target[0] = (float)(t.rotation / .35);
    target[1] = (float)(t.dx / .1);
    target[2] = (float)(t.dy / .1);
    target[3] = (float)(t.shear / .25);
}

ht_status ht_glyph_load(const char *dir, ht_dataset *out, ht_error *err)
{
    (void)dir;                          /* made, not read */
    const ht_sample_shape shape = {.inputs = SIDE * SIDE, .targets = TARGETS};
    ht_dataset d = {0};
    const struct {
        ht_samples *split;
        size_t n;
        uint64_t seed;
        double wrong_labels;
    } splits[] = {{&d.train, 4000, 1001, .15}, {&d.val, 1500, 2002, 0}, {&d.test, 10000, 3003, 0}};
    for (size_t k = 0; k < sizeof splits / sizeof *splits; k++) {
        ht_splitmix s = {splits[k].seed};
        ht_status st = ht_samples_init(splits[k].split, splits[k].n, shape, err);
        if (st != HT_OK) {
            ht_dataset_release(&d);
            return st;
        }
        for (size_t i = 0; i < splits[k].n; i++)
            draw_sample(splits[k].split, i, splits[k].wrong_labels, &s);
    }
    *out = d;
    return HT_OK;
}
