# What `cmake --install` puts where: program, libraries, headers, CMake package, pkg-config file, recipes, manual.
include(CMakePackageConfigHelpers)

set(ht_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hottune)
install(TARGETS hottune_shared hottune_static EXPORT hottuneTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET hottune)
    install(TARGETS hottune RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
    install(FILES ${PROJECT_BINARY_DIR}/manual/hottune.bash RENAME hottune
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${PROJECT_BINARY_DIR}/manual/_hottune DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
install(FILES include/hottune/hottune.h include/hottune/types.h include/hottune/search.h include/hottune/recipe.h ${PROJECT_BINARY_DIR}/include/hottune/version.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hottune)
if(TARGET hottune_fortran)      # the source as well: a module file is good for one compiler only
    install(TARGETS hottune_fortran EXPORT hottuneTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(FILES bindings/fortran/hottune.f90 ${HT_FORTRAN_MODULES}/hottune.mod DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hottune/fortran)
endif()
install(DIRECTORY recipes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/hottune/recipes FILES_MATCHING PATTERN *.yaml)
install(DIRECTORY analysis/hottune_analysis DESTINATION ${CMAKE_INSTALL_DATADIR}/hottune/analysis
    FILES_MATCHING PATTERN *.py PATTERN *.css PATTERN *.js PATTERN __pycache__ EXCLUDE)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT hottuneTargets NAMESPACE hottune:: DESTINATION ${ht_package_dir})
configure_package_config_file(cmake/hottuneConfig.cmake.in ${PROJECT_BINARY_DIR}/hottuneConfig.cmake
    INSTALL_DESTINATION ${ht_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hottuneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hottuneConfig.cmake ${PROJECT_BINARY_DIR}/hottuneConfigVersion.cmake
    DESTINATION ${ht_package_dir})

# From the file to the prefix, so that the package can be installed and moved anywhere.
file(RELATIVE_PATH ht_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/hottune.pc.in ${PROJECT_BINARY_DIR}/hottune.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hottune.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
