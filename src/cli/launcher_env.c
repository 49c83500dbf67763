/* src/cli/launcher_env.c - variables of launchers; the contract is in launcher_env.h. */
#include "cli/launcher_env.h"

#include <stddef.h>
#include <string.h>

static const char *const launchers[] = {
    "PMIX_", "PMI_", "PMI2_", "OMPI_COMM_", "OMPI_UNIVERSE", "OMPI_APP", "OMPI_FILE", "OMPI_FIRST", "OMPI_NUM",
    "OMPI_WORLD", "OMPI_ARGV", "OMPI_COMMAND", "OMPI_MCA_ess", "OMPI_MCA_orte", "OMPI_MCA_pmix", "OMPI_MCA_initial",
    "PRTE_", "HYDI_", "MPI_LOCAL",
};

bool ht_launcher_env_has(const char *entry)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (strncmp(entry, launchers[i], strlen(launchers[i])) == 0)
            return true;
    return false;
}
