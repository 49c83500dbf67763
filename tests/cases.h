/* tests/cases.h - main() of a CUnit program from one list of cases, so that a test file holds only cases.
 *
 *     static void a_sentence_that_must_hold(void) { ... }
 *     CASES("posterior", CASE(a_sentence_that_must_hold), CASE(another))
 */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include <CUnit/Basic.h>

#define CASE(function) {#function, function}
#define CASES(suite, ...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        CU_TestInfo cases[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                                    \
        CU_SuiteInfo suites[] = {{suite, NULL, NULL, NULL, NULL, cases}, CU_SUITE_INFO_NULL};      \
        if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)  \
            return 2;                                                                              \
        CU_basic_set_mode(CU_BRM_NORMAL);                                                          \
        CU_basic_run_tests();                                                                      \
        unsigned failed = CU_get_number_of_failures();                                             \
        CU_cleanup_registry();                                                                     \
        return failed > 0;                                                                         \
    }

#endif
