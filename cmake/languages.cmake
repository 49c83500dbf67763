# Fortran (bindings/fortran) and C++ (tests and an example only), where there are compilers for them.
option(HT_FORTRAN "Build the Fortran module where there are a Fortran compiler and Open MPI" ON)
option(HT_CXX "Build the tests for C++ where there is a compiler" ON)
include(CheckLanguage)
include(CheckFunctionExists)

# The sanitizers of two compilers do not go together in one program.
function(ht_languages_mix language out)
    set(${out} TRUE PARENT_SCOPE)
    if(HT_SANITIZE AND NOT CMAKE_${language}_COMPILER_ID STREQUAL CMAKE_C_COMPILER_ID)
        set(${out} FALSE PARENT_SCOPE)
    endif()
endfunction()

set(HT_HAVE_CXX FALSE)
if(HT_CXX AND BUILD_TESTING)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
        ht_languages_mix(CXX HT_HAVE_CXX)
    endif()
endif()

set(HT_HAVE_FORTRAN FALSE)
if(HT_FORTRAN)
    check_language(Fortran)
    set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
    check_function_exists(MPI_Comm_f2c HT_COMM_F2C)     # elsewhere a macro, which Fortran cannot call
    unset(CMAKE_REQUIRED_LIBRARIES)
    if(CMAKE_Fortran_COMPILER AND HT_COMM_F2C)
        enable_language(Fortran)
        find_package(MPI QUIET COMPONENTS Fortran)
        if(MPI_Fortran_HAVE_F90_MODULE)
            ht_languages_mix(Fortran HT_HAVE_FORTRAN)
        endif()
    endif()
endif()

# What a Fortran target of ours is compiled with. -fwrapv and -ffp-contract: generators of random numbers that wrap around,
# and the same decisions as in C.
if(HT_HAVE_FORTRAN)
    add_library(ht_fortran_options INTERFACE)
    if(CMAKE_Fortran_COMPILER_ID STREQUAL "GNU")
        target_compile_options(ht_fortran_options INTERFACE $<$<COMPILE_LANGUAGE:Fortran>:-std=f2018;-Wall;-Wextra;-Wpedantic;-fwrapv;-ffp-contract=off>
            $<$<AND:$<COMPILE_LANGUAGE:Fortran>,$<BOOL:${HT_WERROR}>>:-Werror>)
    endif()
    if(HT_SANITIZE)
        target_compile_options(ht_fortran_options INTERFACE
            $<$<COMPILE_LANGUAGE:Fortran>:-fsanitize=address,undefined;-fno-sanitize-recover=undefined>)
        target_link_options(ht_fortran_options INTERFACE -fsanitize=address,undefined)
    endif()
    add_subdirectory(bindings/fortran)
endif()
message(STATUS "Fortran module: ${HT_HAVE_FORTRAN}; tests for C++: ${HT_HAVE_CXX}")
