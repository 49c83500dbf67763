#!/usr/bin/env python3
"""Prints what test_data.c expects of the data sets, computed from docs/workloads.md alone.

Nothing of the C code is used. Needs the Debian packages wamerican and dataset-fashion-mnist; takes a
minute. fnv: FNV-1a, 64 bit, of labels or symbols as bytes. sum, squares: of all inputs as float32.
"""
import array
import gzip
import math

MASK = 2**64 - 1


class Random:
    def __init__(self, seed):
        self.s = seed

    def next(self):
        self.s = (self.s + 0x9E3779B97F4A7C15) & MASK
        z = self.s
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def ru(self):
        return (self.next() >> 11) * 2.0**-53

    def rn(self):
        u = self.ru()
        return math.sqrt(-2 * math.log(u + 1e-18)) * math.cos(2 * math.pi * self.ru())

    def shuffle(self, x):
        for i in range(len(x) - 1, 0, -1):
            j = self.next() % (i + 1)
            x[i], x[j] = x[j], x[i]


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & MASK
    return h


def show(name, labels, x=None, symbols=None, targets=None):
    line = f"{name}: n {len(labels)}, labels fnv 0x{fnv(labels):016x}, first {list(labels[:8])}"
    if symbols is not None:
        line += f", symbols fnv 0x{fnv(symbols):016x}"
    for what, v in (("x", x), ("targets", targets)):
        if v is not None:
            v = array.array("f", v)
            line += (f"\n  {what}: sum {math.fsum(v):.6f}, squares {math.fsum(t * t for t in v):.6f}, "
                     f"first {v[0]:.9g} {v[1]:.9g} {v[2]:.9g} {v[3]:.9g}, last {v[-1]:.9g}")
    print(line)


def charlm():
    words = []
    for line in open("/usr/share/dict/words", "rb"):
        w = line.rstrip(b"\n")
        if 3 <= len(w) <= 16 and all(97 <= c <= 122 for c in w):
            words.append(w)
    Random(12345).shuffle(words)
    at = 0
    for name, size in (("train", 16000), ("val", 4000), ("test", 40000)):
        symbols, labels = bytearray(), bytearray()
        while len(labels) < size:
            w, c = words[at], [0] * 6
            at += 1
            for t in [ch - 96 for ch in w] + [0]:
                if len(labels) == size:
                    break
                symbols += bytes(c)
                labels.append(t)
                c = c[1:] + [t]
        show("charlm " + name, labels, symbols=symbols)


def glyph():
    seg = [(.2, .1, .8, .1), (.8, .1, .8, .5), (.8, .5, .8, .9), (.2, .9, .8, .9), (.2, .5, .2, .9),
           (.2, .1, .2, .5), (.2, .5, .8, .5)]
    mask = [0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F]
    for name, n, s in (("train", 4000, 1001), ("val", 1500, 2002), ("test", 10000, 3003)):
        r = Random(s)
        xs, labels, targets = [], bytearray(), []
        for _ in range(n):
            d = r.next() % 10
            rot = .35 * r.rn()
            sc = .9 + .15 * r.rn()
            dx = .1 * r.rn()
            dy = .1 * r.rn()
            sh = .25 * r.rn()
            th = .07 + .02 * r.ru()
            co, si = sc * math.cos(rot), sc * math.sin(rot)
            lines = []
            for k in range(7):
                if mask[d] >> k & 1:
                    ends = []
                    for X, Y in (seg[k][:2], seg[k][2:]):
                        x = X - .5 + .04 * r.rn()
                        y = Y - .5 + .04 * r.rn()
                        x += sh * y
                        ends.append((co * x - si * y + .5 + dx, si * x + co * y + .5 + dy))
                    lines.append(ends)
            for py in range(12):
                for px in range(12):
                    cx, cy = (px + .5) / 12, (py + .5) / 12
                    best = 1e9
                    for (ax, ay), (bx, by) in lines:
                        ux, uy = bx - ax, by - ay
                        t = ((cx - ax) * ux + (cy - ay) * uy) / (ux * ux + uy * uy)
                        t = min(1, max(0, t))
                        best = min(best, (cx - ax - t * ux)**2 + (cy - ay - t * uy)**2)
                    xs.append(2 * math.exp(-best / (2 * th * th)) - .6 + .55 * r.rn())
            u = r.ru()
            labels.append(r.next() % 10 if name == "train" and u < .15 else d)
            targets += [rot / .35, dx / .1, dy / .1, sh / .25]
        show("glyph " + name, labels, x=xs, targets=targets)


def idx(name, header):
    with gzip.open("/usr/share/datasets/fashion-mnist/" + name) as f:
        return f.read()[header:]


def fashion():
    images, labels = idx("train-images-idx3-ubyte.gz", 16), idx("train-labels-idx1-ubyte.gz", 8)
    t_images, t_labels = idx("t10k-images-idx3-ubyte.gz", 16), idx("t10k-labels-idx1-ubyte.gz", 8)
    order = list(range(60000))
    Random(4242).shuffle(order)
    bright = [(x / 255 - .286) / .353 for x in range(256)]

    def full(p):
        return [bright[v] for v in p]

    def small(p):
        f = full(p)
        return [(f[28 * r + c] + f[28 * r + c + 1] + f[28 * r + 28 + c] + f[28 * r + 29 + c]) / 4
                for r in range(0, 28, 2) for c in range(0, 28, 2)]

    for task, n_train, picture in (("fashion", 8000, full), ("fashion-small", 2000, small)):
        for name, which, im, la in (("train", order[:n_train], images, labels),
                                    ("val", order[n_train:n_train + 2000], images, labels),
                                    ("test", range(10000), t_images, t_labels)):
            y = bytearray(la[i] for i in which)
            if task == "fashion-small" and name == "train":
                r = Random(5005)
                for i in range(len(y)):
                    if r.ru() < .2:
                        y[i] = r.next() % 10
            show(f"{task} {name}", y, x=[v for i in which for v in picture(im[784 * i:784 * i + 784])])


charlm()
glyph()
fashion()
