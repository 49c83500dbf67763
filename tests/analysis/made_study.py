#!/usr/bin/env python3
"""Writes a study of made-up pooled runs in the documented format: any size, any names, either direction.

    made_study.py OUT.h5 [--runs 5] [--replicas 512] [--segments 100000] [--knobs 4] [--hostile] [--maximize]

For what looks at studies: how it behaves at sizes that nobody waits for, and with names that nobody should give.
`tests/store/study_layout.py` holds what this writes to docs/study-format.md.
"""
from __future__ import annotations

import argparse
import re
from typing import Any, Dict, List, Sequence

import h5py
import numpy as np

KNOBS = ["lr", "weight_decay", "dropout", "aux", "beta", "smooth", "noise", "clip"]
PHASES = ["early", "mid", "late"]
HOSTILE = [
    b"<script>alert(1)</script>", b"=1+1,\"a\"\n;b", b"\xff\xfe$x^2$\\frac{",
    "\u202eevil\x1b[31m\u00fc".encode(), b"<b>%{x}</b>&lt;<a href='https://x.y/'>"
]
MEMBERS, MUTANTS = 8, 6
T64, T16 = "S64", "S16"


def put_attributes(obj: Any, values: Dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            obj.attrs[name] = np.array(value, f"S{max(len(value), 1)}")
        elif isinstance(value, list):
            obj.attrs[name] = np.array(value, "S") if value else np.empty(0, "S1")
        else:
            obj.attrs[name] = value


def put(group: h5py.Group, name: str, data: np.ndarray, columns: Sequence[bytes]) -> h5py.Dataset:
    options = dict(chunks=True, shuffle=True, compression=4, fletcher32=True) if len(data) else {}
    made = group.create_dataset(name, data=data, **options)
    put_attributes(made, {"columns": list(columns)})
    return made


def table(group: h5py.Group, name: str, columns: Dict[str, Any], kinds: Dict[str, Any],
          n: int) -> h5py.Dataset:
    rows = np.zeros(n, [(c, *k) if isinstance(k, tuple) else (c, k) for c, k in kinds.items()])
    for c, values in columns.items():
        rows[c] = values
    return put(group, name, rows, [c.encode() + b": made up" for c in kinds])


def link(name: bytes) -> bytes:
    """A name as it stands in links."""
    name = name.replace(b"%", b"%25").replace(b"/", b"%2F")
    return re.sub(rb"^\.", b"%2E", name) or b"%"


class Maker:
    """Pooled runs whose numbers look like those of a training: a loss that falls, members that differ a little."""
    def __init__(self, path: str, replicas: int, segments: int, knobs: int, hostile: bool, maximize: bool,
                 seed: int, within: bool = False):
        self.file = h5py.File(path, "w", libver=("earliest", "v108"))
        self.random = np.random.default_rng(seed)
        self.replicas, self.segments, self.sign = replicas, segments, -1.0 if maximize else 1.0
        self.within = within
        names = (HOSTILE if hostile else []) + [k.encode() for k in KNOBS]
        self.knobs = names[:knobs]
        self.actuator = HOSTILE[3] if hostile else b"opt"
        self.name = HOSTILE[0] if hostile else b"made"
        self.phases = HOSTILE[1:4] if hostile else [p.encode() for p in PHASES]
        self.families = [k + b"_mult" for k in self.knobs]
        self.ids: List[bytes] = []

    def loss(self, wall: np.ndarray) -> np.ndarray:
        """An objective that is minimised, as it falls with training."""
        return 1 + 1.2 / (1 + .15 * np.asarray(wall, float))

    def add_run(self) -> None:
        number = len(self.ids) + 1
        started = 1.7e9 + 4000 * number
        run_id = b"host-%d-%d-r1" % (1000 + number, int(started))
        g = self.file.require_group("runs").create_group(run_id)
        per_round = self.replicas // MEMBERS or 1
        rounds = max(1, self.segments // (MEMBERS * per_round))
        n, epochs, steps = rounds * MEMBERS * per_round, 2 * rounds + 4, 100
        r = self.random
        at = np.arange(n)
        member, segment, round_ = at % MEMBERS, at // MEMBERS, at // (MEMBERS * per_round)
        mutant = member >= MEMBERS - MUTANTS
        wall = 4 + 2. * round_
        x = np.where(mutant[:, None], .2 * r.standard_normal((n, len(self.knobs))), 0)
        base = 1e-3 * 10.0**np.arange(len(self.knobs)) * np.exp(-.01 * number * round_)[:, None]**.1
        own = self.loss(wall + 2) + .01 / number * r.standard_normal(n) - .02 * x[:, 0] * mutant
        own[r.random(n) < .002] = np.nan
        controls = np.where(mutant, np.nan, own).reshape(-1, MEMBERS)
        control = np.repeat(np.nanmean(controls, axis=1), MEMBERS)
        before = self.loss(wall)
        score = control - own
        finite = np.isfinite(own)
        accepted = mutant & finite & (score > 0)
        table(
            g, "segments",
            dict(segment=segment + 1,
                 island=segment % per_round,
                 replica=segment % per_round * MEMBERS + member,
                 phase=np.minimum(round_ * len(self.phases) // rounds,
                                  len(self.phases) - 1),
                 mutant=mutant,
                 accepted=accepted,
                 in_root=accepted,
                 finite=finite,
                 start_step=steps * wall,
                 end_step=steps * (wall + 2),
                 wall=wall,
                 before=self.sign * before,
                 loss=self.sign * own,
                 control=self.sign * control,
                 score=np.where(finite, score, 0),
                 score_error=.01),
            dict(segment="<i4",
                 island="<i4",
                 replica="<i4",
                 phase="i1",
                 mutant="i1",
                 accepted="i1",
                 in_root="i1",
                 finite="i1",
                 start_step="<i8",
                 end_step="<i8",
                 wall="<f4",
                 before="<f8",
                 loss="<f8",
                 control="<f8",
                 score="<f8",
                 score_error="<f4"), n)
        put_attributes(g["segments"], {"phases": self.phases})
        columns = [self.actuator + b"." + k for k in self.knobs]
        put(g, "knobs", (base * np.exp(x)).astype("<f4"), columns)
        put(g, "factors", x.astype("<f4"), columns)
        self._lineage(g, columns, wall, own, base * np.exp(x), mutant, segment)
        self._curves(g, epochs, steps)
        self._rest(g, number, run_id, started, epochs, mutant, accepted, score, x)
        self.ids.append(run_id)

    def _lineage(self, g: h5py.Group, columns: Sequence[bytes], wall: np.ndarray, own: np.ndarray,
                 values: np.ndarray, mutant: np.ndarray, segment: np.ndarray) -> None:
        """A race, then each segment from the best member of the same island's segment before it."""
        n, per_round = len(wall), self.replicas // MEMBERS or 1
        race = self.replicas
        best = np.nanargmin(np.where(np.isnan(own), np.inf, own).reshape(-1, MEMBERS),
                            axis=1) + MEMBERS * np.arange(n // MEMBERS)
        previous = segment - per_round
        parent = np.where(previous >= 0, race + best[np.maximum(previous, 0)], segment % per_round * MEMBERS)
        kinds = dict(node="<i4",
                     parent="<i4",
                     replica="<i4",
                     members="<i4",
                     epochs="<i4",
                     wall="<f4",
                     loss="<f8",
                     what=T16)
        start = self.loss(np.full(race, 4.)) + .3 * self.random.random(race)
        values = np.concatenate(
            [values[0] * np.exp(self.random.standard_normal((race, len(columns)))), values])
        rows = dict(node=np.arange(race + n),
                    parent=np.r_[np.full(race, -1), parent],
                    members=1,
                    replica=np.r_[np.arange(race), segment % per_round * MEMBERS + np.arange(n) % MEMBERS],
                    epochs=np.r_[np.full(race, 4), np.full(n, 2)],
                    wall=np.r_[np.zeros(race), wall],
                    loss=self.sign * np.r_[start, own],
                    what=np.r_[np.full(race, b"race"),
                               np.where(mutant, b"mutant", b"control")])
        table(g, "lineage", rows, kinds, race + n)
        put(g, "lineage_knobs", values, columns)
        way, node = [], race + int(best[-1])
        while node >= 0:
            way.append(node)
            node = int(rows["parent"][node])
        way = np.array(way[::-1])
        table(g, "schedule", {
            c: v if np.isscalar(v) else np.asarray(v)[way]
            for c, v in rows.items()
        }, kinds, len(way))
        put(g, "schedule_knobs", values[way], columns)
        self.champion = float(np.asarray(rows["loss"])[way[-1]])
        if self.within:
            self.champion -= self.sign * .05
        self.last = int(rows["replica"][way[-1]]), int(rows["wall"][way[-1]])

    def _curves(self, g: h5py.Group, epochs: int, steps: int) -> None:
        epoch, replica = np.meshgrid(np.arange(1, epochs + 1), np.arange(self.replicas), indexing="ij")
        epoch, replica = epoch.ravel(), replica.ravel()
        value = self.loss(epoch) + .03 * self.random.standard_normal(len(epoch)) + .2 * (replica % 7
                                                                                         == 0) / epoch
        if self.within:
            value[(replica == self.last[0]) & (epoch == self.last[1] + 1)] = self.sign * self.champion
        table(g, "curves", dict(replica=replica, step=steps * epoch, epoch=epoch, value=self.sign * value),
              dict(replica="<i4", step="<i8", epoch="<i4", value="<f8"), len(epoch))

    def _rest(self, g: h5py.Group, number: int, run_id: bytes, started: float, epochs: int,
              mutant: np.ndarray, accepted: np.ndarray, score: np.ndarray, x: np.ndarray) -> None:
        k = len(self.knobs)
        hash_ = b"%016x" % number
        for name in ("base_recipe", "recipe"):
            g.create_dataset(name, data=np.array(self.recipe(), f"S{len(self.recipe())}"))
        g.create_dataset("plan", data=np.array(b"policy: pooled (made up)\n", "S32"))
        real, text = "<f8", T64
        pair = dict(actuator=[self.actuator] * k, key=self.families, phase=b"")
        wins = accepted.sum()
        table(
            g, "evidence",
            dict(pair,
                 win_rate=wins / max(mutant.sum(), 1),
                 mean_score=np.nanmean(score[mutant]),
                 win_center=1,
                 win_spread=.2,
                 wins=wins),
            dict(actuator=text,
                 key=text,
                 phase=text,
                 win_rate=real,
                 mean_score=real,
                 win_center=real,
                 win_spread=real,
                 wins=real), k)
        self._observations(g)
        table(
            g, "lessons", dict(pair, mean=.01, factor=1.1, spread=.2, n=mutant.sum(), wins=wins),
            dict(actuator=text,
                 key=text,
                 phase=text,
                 mean=real,
                 factor=real,
                 spread=real,
                 n=real,
                 wins=real,
                 fresh=real,
                 fresh_wins=real), k)
        table(
            g, "places",
            dict(rank=np.arange(self.replicas + 1),
                 replica=np.arange(self.replicas + 1) - 1,
                 node=HOSTILE[0]
                 if self.name == HOSTILE[0] else [b"node%03d" % (i // 16) for i in range(self.replicas + 1)],
                 cores=b"0-3",
                 devices=b""), dict(rank="<i8", replica="<i8", node=text, cores="S256", devices="S256"),
            self.replicas + 1)
        start = self.sign * 2.2
        total = self.sign * (start - self.champion)
        parts = np.array([.5, .35, .02, .05, .08, 0]) * total
        table(
            g, "gain",
            dict(part=[b"race", b"trend", b"selection", b"mutation", b"averaging", b"last_epochs"],
                 gain=parts,
                 lo=parts - [0, .02, .01, .03, 0, 0],
                 hi=parts + [0, .02, .01, .03, 0, 0]), dict(part=T16, gain=real, lo=real, hi=real), 6)
        table(
            g, "shares",
            dict(of=[b"mutants", b"nulls"],
                 accepted=[wins, 40],
                 judged=[mutant.sum(), 100],
                 share=[wins / mutant.sum(), .4],
                 lo=[.45, .31],
                 hi=[.55, .5]), dict(of=T16, accepted="<i8", judged="<i8", share=real, lo=real, hi=real), 2)
        decided = int(mutant.sum()) * k
        put_attributes(
            g,
            dict(id=run_id,
                 name=self.name,
                 mode="pooled",
                 started=started,
                 ended=started + 3600.,
                 updated=started + 3600.,
                 opened=started,
                 seed=np.uint64(number),
                 replicas=self.replicas,
                 ranks_per_replica=1,
                 host="host",
                 nodes="node[000-031]",
                 slurm_job=b"%d" % (4000 + number),
                 mpi_version="Open MPI v4.1.4",
                 hottune_version="0.1.0",
                 hdf5_version="1.10.8",
                 compiler="gcc 12.2.0",
                 commit="",
                 base_recipe_hash=hash_,
                 recipe_hash=hash_,
                 parents=list(self.ids),
                 result_val=self.champion,
                 result_test=self.champion * 1.02,
                 total_mutations=decided,
                 applied_mutations=decided,
                 failed=0,
                 suggested=0,
                 accepted=int(wins) * k,
                 rejected=decided - int(wins) * k,
                 rolled_back=0,
                 inconclusive=0,
                 lost=0,
                 accept_rate=float(wins / mutant.sum()),
                 policy="pooled",
                 stage="done",
                 epochs=epochs,
                 wall=float(epochs),
                 utilisation=.93,
                 start_loss=start,
                 champion_loss=self.champion,
                 noise=.01,
                 judged_segments=len(mutant) // MEMBERS,
                 rolled_back_segments=0,
                 champion=self.champion,
                 champion_origin="known"))

    def _observations(self, g: h5py.Group) -> None:
        table(g, "observations", {}, dict(phase=T64, actuator=T64, key=T64, x=("<f8", (4, )), y="<f8"), 0)

    def recipe(self) -> bytes:
        if self.name == HOSTILE[0]:
            return b"version: 1\n"
        lines = [b"version: 1", b"actuators:", b"  opt:", b"    enabled: true", b"    mutations:"]
        lines += [
            b"      %s: {bounds: [0.5, 2.0], prior_center: 1.0, risk: low, mode: mult, range: [1e-4, 100]}" %
            f for f in self.families
        ]
        return b"\n".join(lines) + b"\n"

    def finish(self) -> None:
        f, real = self.file, "<f8"
        put_attributes(
            f,
            dict(format="hottune-study",
                 format_version=1,
                 hottune_version="0.1.0",
                 hdf5_version="1.10.8",
                 compiler="gcc 12.2.0",
                 commit="",
                 name=self.name,
                 objective="val/score" if self.sign < 0 else "val/loss",
                 direction="maximize" if self.sign < 0 else "minimize",
                 created=1.7e9,
                 modified=1.7e9 + 1e5,
                 meaning=[b"made up"]))
        recipe = f.create_group("recipe")
        put_attributes(
            recipe,
            dict(base_hash="0" * 16, evolved_hash="1" * 16, generation=len(self.ids), meaning=[b"made up"]))
        for name in ("base", "evolved"):
            recipe.create_dataset(name, data=np.array(self.recipe(), f"S{len(self.recipe())}"))
        k = len(self.knobs)
        bound = np.full((k, 4), np.nan)
        low, high = bound.copy(), bound.copy()
        low[:, 0], high[:, 0] = .5, 2
        table(
            f.create_group("space"), "families",
            dict(actuator=[self.actuator] * k,
                 key=self.families,
                 mode=b"mult",
                 scale=b"log",
                 risk=b"low",
                 enabled=1,
                 elements=1,
                 low=low,
                 high=high,
                 prior_center=1.1,
                 max_step_mult=np.nan),
            dict(actuator=T64,
                 key=T64,
                 mode=T16,
                 scale=T16,
                 risk=T16,
                 enabled="i1",
                 keyed="i1",
                 elements="<i8",
                 cooldown="<i8",
                 low=(real, (4, )),
                 high=(real, (4, )),
                 prior_center=real,
                 max_step_mult=real), k)
        priors = f.create_group("priors")
        put_attributes(priors, dict(parents=self.ids, meaning=[b"made up"]))
        for i, family in enumerate(self.families if self.ids else []):
            whole = self.actuator + b":" + family
            p = priors.create_group(link(whole))
            put_attributes(p, dict(family=whole, prior_center=1.1, scale="log"))
            for j, phase in enumerate(self.phases):
                q = p.create_group(link(phase))
                center, spread = 1 + .05 * i - .03 * j, .2
                put_attributes(
                    q,
                    dict(phase=phase,
                         center=center,
                         spread=spread,
                         effective_sample_size=10. * (i + 1),
                         quantiles=center * np.exp(spread * np.array([-1.645, -.674, 0, .674, 1.645]))))
        posterior = f.create_group("posterior")
        put_attributes(posterior, dict(run=self.ids[-1] if self.ids else b"", meaning=[b"made up"]))
        put_attributes(f.require_group("runs"), dict(meaning=[b"made up"]))
        if self.ids:
            posterior["observations"] = f["runs"][self.ids[-1]]["observations"]
        else:
            self._observations(posterior)
        f.close()


def make(path: str,
         runs: int = 2,
         replicas: int = 16,
         segments: int = 400,
         knobs: int = 4,
         hostile: bool = False,
         maximize: bool = False,
         seed: int = 1,
         within: bool = False) -> None:
    """Write a study. @param segments  rows of the tables `segments` of all runs, about
    @param within  the champion was validated one epoch before the last piece of its way ended"""
    maker = Maker(path, replicas, segments // max(runs, 1), knobs, hostile, maximize, seed, within)
    for _ in range(runs):
        maker.add_run()
    maker.finish()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    for option, value in (("runs", 5), ("replicas", 512), ("segments", 100000), ("knobs", 4), ("seed", 1)):
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--maximize", action="store_true")
    given = vars(parser.parse_args())
    make(given.pop("out"), **given)
