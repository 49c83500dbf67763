#!/usr/bin/env python3
"""Search bench: drives an ask/tell program over JSON lines and compares it with stored Optuna runs.

  run.py --cmd "hottune ask-tell --space {space} --seed {seed}" [--n 200] [--workers 1]
         [--seeds 1-20] [--problems a,b] [--budgets 50,100,200] [--base optuna-5.0.0.dev]
         [--out runs.jsonl] [--ref runs.jsonl]
  run.py --random                 uniform random search instead of a program (a check of the bench)

One process per (problem, seed); protocol: hottune ask-tell --help.  Standard library only.
Workers are virtual: evaluation i (in ask order) lasts exp(0.5 * normal(seed, i)) units of virtual
time and carries the noise normal(seed, i) * sd, the same for every optimiser, so runs are paired.
Regret after k results = f(best observed so far) - fmin, f without noise.
Printed per budget: the score (mean log10 of regret / yardstick, floored at 1e-3, where the
yardstick is the median regret of random search after 50 evaluations), and the geometric mean
over problems of the regret ratio to the baseline with a 95 % bootstrap interval (over seeds,
within problems), same floor.  Below 1 = better than the baseline.
"""
import argparse
import heapq
import json
import math
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import problems as P  # noqa: E402

FLOOR = 1e-3


def num(v):
    """a YAML 1.1 and 1.2 safe number"""
    s = repr(v)
    if isinstance(v, float) and "e" in s:
        m, e = s.split("e")
        s = (m if "." in m else m + ".0") + "e" + ("" if e[0] in "+-" else "+") + e
    return s


def space_yaml(space):
    out = ["parameters:"]
    for q in space:
        if q["type"] == "cat":
            f = ["type: cat", "choices: [%s]" % ", ".join('"%s"' % c for c in q["choices"])]
        else:
            f = ["type: " + q["type"], "low: " + num(q["low"]), "high: " + num(q["high"])]
            if q.get("log"):
                f.append("log: true")
        if q.get("cond"):
            f.append("when: {%s: [%s]}" % (q["cond"]["param"], ", ".join('"%s"' % c for c in q["cond"]["in"])))
        out.append("  %s: {%s}" % (q["name"], ", ".join(f)))
    return "\n".join(out) + "\n"


class Program:
    def __init__(self, cmd, space, seed):
        self.f = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
        self.f.write(space_yaml(space))
        self.f.close()
        a = [w.format(space=self.f.name, seed=seed) for w in shlex.split(cmd)]
        self.p = subprocess.Popen(a, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.secs = 0.0

    def call(self, req):
        t = time.perf_counter()
        self.p.stdin.write(json.dumps(req) + "\n")
        self.p.stdin.flush()
        r = self.p.stdout.readline()
        self.secs += time.perf_counter() - t
        if not r:
            raise SystemExit("the program ended early")
        r = json.loads(r)
        if "error" in r:
            raise SystemExit("program: " + r["error"])
        return r

    def ask(self):
        r = self.call({"ask": 1})
        return r["id"], r["params"]

    def tell(self, h, y):
        self.call({"tell": h, "value": y})

    def close(self):
        self.p.stdin.close()
        self.p.wait()
        os.unlink(self.f.name)


class Random:
    secs = 0.0

    def __init__(self, space, seed):
        self.space, self.r = space, random.Random(seed)

    def ask(self):
        x = {}
        for q in self.space:
            if not P.active(q, x):
                continue
            u = self.r.random()
            if q["type"] == "cat":
                x[q["name"]] = q["choices"][int(u * len(q["choices"]))]
                continue
            lo, hi = q["low"], q["high"]
            if q["type"] == "int":
                lo, hi = lo - .5, hi + .5
            v = math.exp(math.log(lo) + u * math.log(hi / lo)) if q.get("log") else lo + u * (hi - lo)
            x[q["name"]] = min(q["high"], max(q["low"], int(math.floor(v + .5)) if q["type"] == "int" else v))
        return None, x

    def tell(self, h, y):
        pass

    def close(self):
        pass


def check(p, x):
    """the program's answer must lie in the space: raises if not"""
    for q in p["space"]:
        if P.active(q, x) != (q["name"] in x):
            raise SystemExit("%s: activity of %s is wrong in %s" % (p["name"], q["name"], x))
        if q["name"] in x:
            v = x[q["name"]]
            if q["type"] == "cat":
                assert v in q["choices"], (q, v)
            else:
                assert q["low"] <= v <= q["high"] and (q["type"] == "float" or v == int(v)), (q, v)


def simulate(p, seed, n, W, opt, budgets):
    heap, nxt, done, curve = [], 0, 0, {}
    best, best_true, t = math.inf, math.inf, 0.0

    def issue():
        nonlocal nxt
        h, x = opt.ask()
        check(p, x)
        tv = p["f"](x, seed)
        y = tv + (p["noise"] * P.gauss(seed, nxt) if p["noise"] else 0.0)
        heapq.heappush(heap, (t + (math.exp(.5 * P.gauss(seed, nxt + 7000001)) if W > 1 else 1.0), nxt, h, tv, y))
        nxt += 1

    for _ in range(min(W, n)):
        issue()
    while heap:
        t, _, h, tv, y = heapq.heappop(heap)
        opt.tell(h, y)
        done += 1
        if y < best:
            best, best_true = y, tv
        if done in budgets or done == n:
            curve[done] = best_true - p["fmin"]
        if nxt < n:
            issue()
    return curve


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cmd")
    a.add_argument("--random", action="store_true")
    a.add_argument("--n", type=int, default=200)
    a.add_argument("--workers", type=int, default=1)
    a.add_argument("--seeds", default="1-20")
    a.add_argument("--problems")
    a.add_argument("--budgets")
    a.add_argument("--base", default="optuna-5.0.0.dev")
    a.add_argument("--ref", help="compare with this file of an earlier --out instead")
    a.add_argument("--out")
    o = a.parse_args()
    if not o.cmd and not o.random:
        a.error("--cmd or --random")
    lo, _, hi = o.seeds.partition("-")
    seeds = range(int(lo), int(hi or lo) + 1)
    budgets = [int(b) for b in (o.budgets or ("50,100,200" if o.workers == 1 else "128,256")).split(",")]
    budgets = [b for b in budgets if b <= o.n]
    with open(os.path.join(HERE, "optuna_baseline.json")) as f:
        B = json.load(f)
    if o.ref:
        rows = [json.loads(x) for x in open(o.ref)]
        base = {(r["problem"], r["seed"]): r["curve"] for r in rows if r["workers"] == o.workers}
    else:
        base = {(r["problem"], r["seed"]): r["curve"] for r in B["runs"] if r["opt"] == o.base and r["workers"] == o.workers}
    names = o.problems.split(",") if o.problems else list(P.PROBLEMS)
    out = open(o.out, "w") if o.out else None
    ratio = {b: {} for b in budgets}
    score = {b: [] for b in budgets}
    secs = asks = 0
    print("%-17s %s" % ("problem", "  ".join("%22s" % ("k=%d: median, ratio" % b) for b in budgets)))
    for nm in names:
        p, R = P.PROBLEMS[nm], B["yardstick"][nm]
        cs = {}
        for s in seeds:
            opt = Random(p["space"], s) if o.random else Program(o.cmd, p["space"], s)
            cs[s] = simulate(p, s, o.n, o.workers, opt, budgets)
            opt.close()
            secs += opt.secs
            asks += o.n
            if out:
                out.write(json.dumps({"problem": nm, "seed": s, "workers": o.workers, "curve": cs[s]}) + "\n")
        row = []
        for b in budgets:
            lr = [math.log(max(cs[s][b] / R, FLOOR)) - math.log(max(base[(nm, s)][str(b)] / R, FLOOR))
                  for s in seeds if (nm, s) in base and str(b) in base[(nm, s)]]
            if lr:
                ratio[b][nm] = lr
            score[b].append(sum(math.log10(max(c[b] / R, FLOOR)) for c in cs.values()) / len(cs))
            row.append("%12.4g %9s" % (statistics.median(c[b] for c in cs.values()), "%.3f" % math.exp(sum(lr) / len(lr)) if lr else "-"))
        print("%-17s %s" % (nm, "  ".join(row)), flush=True)
    rng = random.Random(1)
    for b in budgets:
        if not ratio[b]:
            continue
        g = []
        for _ in range(1000):
            g.append(sum(sum(rng.choice(l) for _ in l) / len(l) for l in ratio[b].values()) / len(ratio[b]))
        g.sort()
        m = sum(sum(l) / len(l) for l in ratio[b].values()) / len(ratio[b])
        print("k=%-4d score %.3f   regret ratio to the baseline %.3f [%.3f, %.3f] over %d problems"
              % (b, sum(score[b]) / len(score[b]), math.exp(m), math.exp(g[25]), math.exp(g[975]), len(ratio[b])))
    if asks and secs:
        print("time per ask+tell including the pipe: %.1f us" % (1e6 * secs / asks))


main()
