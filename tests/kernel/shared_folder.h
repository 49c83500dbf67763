/* tests/kernel/shared_folder.h - a folder that all ranks of a test use as run directory, and that goes at its end. */
#ifndef TESTS_KERNEL_SHARED_FOLDER_H
#define TESTS_KERNEL_SHARED_FOLDER_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Collective. dir is "" if none could be made. */
static inline void agree_on_directory(MPI_Comm comm, int rank, char dir[64])
{
    if (rank == 0) {
        strcpy(dir, "kernel-XXXXXX");
        if (mkdtemp(dir) == NULL)
            dir[0] = '\0';
    }
    MPI_Bcast(dir, 64, MPI_CHAR, 0, comm);
}

/* Collective. */
static inline void remove_directory(MPI_Comm comm, int rank, const char *dir)
{
    char command[160];
    MPI_Barrier(comm);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (rank == 0 && system(command) != 0)
        fprintf(stderr, "%s stays\n", dir);
}

#endif
