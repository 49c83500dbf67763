# Draft of a Spack recipe. Put it into a repository of yours as packages/hottune/package.py.
#
# Python reads it (with stand-ins for what Spack provides); `spack install` was never tried. The names of the
# dependencies are meant to be those of Spack's own repository. Spack 1.0 and later want the line
# `from spack_repo.builtin.build_systems.cmake import CMakePackage, generator` below the other import.
from spack.package import *


class Hottune(CMakePackage):
    """Online tuning of hyperparameters in a population of trainings, over MPI."""

    license("Apache-2.0")
    # Set these two to where your copy of the sources is:
    # homepage = "https://..."
    # git = "https://..."

    version("main", branch="main")

    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("hdf5@1.8:~mpi")     # the serial one: a study is written by one rank
    depends_on("libyaml")
    depends_on("cjson")
    depends_on("sqlite@3:")
    depends_on("zlib-api")
    depends_on("openblas")          # of the built-in trainings; hottune asks for it by its pkg-config name
    depends_on("cunit", when="+tests")

    generator("ninja")

    def cmake_args(self):
        return [self.define_from_variant("BUILD_TESTING", "tests")]
