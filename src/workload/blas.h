/** @file src/workload/blas.h
 *  Which kernels OpenBLAS uses. */
#ifndef HT_WORKLOAD_BLAS_H
#define HT_WORKLOAD_BLAS_H

/** OpenBLAS chooses its kernels when it is loaded, by a list of processor models; a processor newer than the list
 *  gets those of 2004, two to three times slower. Where that happened and OPENBLAS_CORETYPE is not set, set it by
 *  what the processor can do and start the program again; so call this first in main. Returns otherwise, also
 *  when starting again fails. */
void ht_blas_choose_kernels(char **argv);

#endif
