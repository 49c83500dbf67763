/* tests/comm/mpi_case.h - main() and CHECK for tests of several ranks: each case gets a communicator with
 * reversed ranks (nobody may assume WORLD), and all ranks end with one verdict. */
#ifndef TESTS_MPI_CASE_H
#define TESTS_MPI_CASE_H

#include <mpi.h>
#include <stdio.h>

typedef struct {
    const char *name;
    void (*run)(MPI_Comm comm, int rank, int size, int *failures);
} mpi_case;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ++*failures;                                                                           \
            fprintf(stderr, "%s:%d: rank %d of %d: %s\n", __FILE__, __LINE__, rank, size, #condition); \
        }                                                                                          \
    } while (0)

static int mpi_cases_run(int argc, char **argv, const mpi_case *cases, size_t n)
{
    MPI_Init(&argc, &argv);
    int world, size, failed = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &world);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (size_t i = 0; i < n; i++) {
        int failures = 0, rank;
        MPI_Comm reversed;
        MPI_Comm_split(MPI_COMM_WORLD, 0, size - world, &reversed);
        MPI_Comm_rank(reversed, &rank);
        cases[i].run(reversed, rank, size, &failures);
        MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        MPI_Comm_free(&reversed);
        if (world == 0)
            printf("%s %s\n", failures == 0 ? "passed" : "FAILED", cases[i].name);
        failed += failures > 0;
    }
    if (world == 0)
        printf("%zu passed, %d failed\n", n - (size_t)failed, failed);
    MPI_Finalize();
    return failed > 0;
}

#define MPI_CASE(function) {#function, function}
#define MPI_CASES(...)                                                                             \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const mpi_case cases[] = {__VA_ARGS__};                                             \
        return mpi_cases_run(argc, argv, cases, sizeof cases / sizeof *cases);                     \
    }

#endif
