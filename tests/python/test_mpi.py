"""Who takes part: alone, by mpirun, with and without mpi4py."""
import unittest

from case import Case

try:
    import mpi4py
except ImportError:
    mpi4py = None

BEGIN = """
import sys, hottune
from hottune._library import library
def train(k):
    if k.is_replica:
        k.knob("opt", "lr", 0.1, lo=1e-3, hi=1, log=True)
    step = 0
    while k.running():
        step += 1
        k.metric("val/loss", 1 / step)
        k.apply("val_epoch_end", step, epoch=step)
    return step
options = dict(recipe={"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 2.0]}}}}}, max_steps=6)
"""


class Mpi(Case):
    def say(self, text, ranks=0):
        done = self.run_python(BEGIN + text, self.dir, ranks=ranks, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted(done.stdout.split("\n"))[1:]

    def test_a_process_alone_does_not_touch_mpi(self):
        said = self.say("k = hottune.open(sys.argv[1], **options); print(train(k), k.replicas, library().mpi_runs())")
        self.assertEqual(said, ["6 1 False"])

    def test_a_process_that_was_launched_alone_is_coordinator_and_replica(self):
        said = self.say("k = hottune.open(sys.argv[1], **options); print(train(k), k.replica, library().mpi_runs())", 1)
        self.assertEqual(said, ["6 0 True"])

    def test_ranks_find_each_other(self):
        said = self.say("k = hottune.open(sys.argv[1], **options); print(k.replica, k.replicas, train(k))", 4)
        self.assertEqual(said, ["-1 3 0", "0 3 6", "1 3 6", "2 3 6"])

    def test_ranks_may_each_train_for_themselves(self):
        said = self.say("import os\n"
                        "own = sys.argv[1] + os.environ['OMPI_COMM_WORLD_RANK']\n"
                        "k = hottune.open(own, comm=False, **options)\n"
                        "print(k.replica, train(k))", 2)
        self.assertEqual(said, ["0 6", "0 6"])

    def test_a_wrong_number_of_ranks_is_said_on_all_of_them(self):
        said = self.say("try: hottune.open(sys.argv[1], ranks_per_replica=2, **options)\n"
                        "except hottune.InvalidArgument as e: print('1 + 2*n' in str(e))", 4)
        self.assertEqual(said, ["True"] * 4)

    @unittest.skipUnless(mpi4py, "no mpi4py here")
    def test_ranks_of_a_replica_train_together(self):
        said = self.say("""
with hottune.open(sys.argv[1], ranks_per_replica=2, **options) as k:
    team = k.replica_comm
    if not k.is_replica:
        print("coordinator", team)
    else:
        lr = k.knob("opt", "lr", 0.1, lo=1e-3, hi=1, log=True)
        step, moved = 0, False
        while k.running():
            step += 1
            k.metric("val/loss", 1 / step)
            k.apply("val_epoch_end", step, epoch=step)
            moved = moved or lr.value != 0.1
            assert len(set(team.allgather(lr.value))) == 1
        print(k.replica, team.size, step, moved)
""", 5)
        self.assertEqual(said, ["0 2 6 True", "0 2 6 True", "1 2 6 True", "1 2 6 True", "coordinator None"])

    @unittest.skipUnless(mpi4py, "no mpi4py here")
    def test_a_communicator_of_mpi4py_is_used(self):
        said = self.say("from mpi4py import MPI\n"
                        "world = MPI.COMM_WORLD; out = world.rank == 1\n"
                        "part = world.Split(1 if out else 0, -world.rank)\n"
                        "if out: print('out')\n"
                        "else:\n"
                        "    with hottune.open(sys.argv[1], comm=part, **options) as k:\n"
                        "        print(k.replica, world.rank, train(k))\n"
                        "world.Barrier()", 4)
        self.assertEqual(said, ["-1 3 0", "0 2 6", "1 0 6", "out"])

    @unittest.skipUnless(mpi4py, "no mpi4py here")
    def test_mpi4py_may_come_first_or_later_and_finalises_what_it_began(self):
        first = "from mpi4py import MPI\nk = hottune.open(sys.argv[1], **options); print(k.replicas, train(k))"
        later = ("with hottune.open(sys.argv[1], **options) as k: print(k.replicas, train(k))\n"
                 "from mpi4py import MPI; MPI.COMM_WORLD.Barrier()")
        for text in (first, later):
            with self.subTest(text):
                self.dir += "x"
                self.assertEqual(self.say(text, 3), ["2 0", "2 6", "2 6"])


if __name__ == "__main__":
    unittest.main()
