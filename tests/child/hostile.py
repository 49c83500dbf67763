#!/usr/bin/env python3
"""A child that misbehaves: hostile.py HOW REPLICA WHEN, in this replica (-1: all), from its WHEN-th training request on.

Beside that it is examples/child/bowl.py."""
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "child"))
sys.dont_write_bytecode = True
import bowl                     # noqa: E402
import hottune_child            # noqa: E402

HOW, WHO, WHEN = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
OUT = int(os.environ["HOTTUNE_CHILD_OUT"])


def sleep_long():
    time.sleep(300)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    sys.stderr.write("I have no memory \x1b[31mleft\n")
    os._exit(3)


def talk_garbage():
    os.write(OUT, b"\x1b[31m\xff {]\n")
    sleep_long()


def talk_long():
    os.write(OUT, b"x" * 10_000_000)


def talk_twice():
    os.write(OUT, b'{"ok":true}\n')


def close_end():
    os.close(OUT)
    sleep_long()


def raise_error():
    raise ValueError("no\nsuch \x1b[31mthing")


def fork_and_leave():
    """The other process holds both pipes."""
    if os.fork() == 0:
        sleep_long()
    os._exit(4)


def leave_a_daemon():
    if os.fork() == 0:
        os.setsid()
        sleep_long()


def trickle():
    """An answer that never ends, but always goes on."""
    while True:
        os.write(OUT, b"x")
        time.sleep(0.02)


ACTS = {"trickles": trickle, "silent": sleep_long, "dies": die, "leaves": leave, "garbage": talk_garbage, "long": talk_long,
        "twice": talk_twice, "closes": close_end, "raises": raise_error, "forks": fork_and_leave, "daemon": leave_a_daemon}


class Hostile(bowl.Bowl):
    trained = 0

    def hello(self, replica, **more):
        self.acts = WHO in (replica, -1)
        if self.acts and HOW == "mute":
            sleep_long()
        if self.acts and HOW == "unwilling":
            sys.exit("I do not want to")
        answer = super().hello(replica, **more)
        if self.acts and HOW == "different":
            answer["knobs"]["opt.lr"]["hi"] = 3
        if self.acts and HOW == "rearranged":
            answer = {"pid": os.getpid(), **dict(reversed(answer.items()))}
        if self.acts and HOW == "rangeless":
            del answer["knobs"]["opt.lr"]["hi"]
        return answer

    def train(self, epoch, knobs):
        self.trained += 1
        time.sleep(float(os.environ.get("SLOWLY", 0)))
        if self.acts and self.trained >= WHEN and HOW in ACTS:
            ACTS[HOW]()
        return super().train(epoch, knobs)

    def validate(self):
        if self.acts and HOW == "higher":
            return {"value": -self.loss()}
        return {"loss": self.loss()} if self.acts and HOW == "misunderstands" else super().validate()

    def save(self, path):
        if self.acts and HOW == "fifo" and self.trained >= WHEN:
            os.mkfifo(path)
            return
        super().save(path)
        if self.acts and HOW == "short":
            os.truncate(path, 10)


if __name__ == "__main__":
    hottune_child.serve(Hostile())
