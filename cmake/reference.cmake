# The reference of the public headers as web pages, where there is Doxygen: the target `reference`.
find_program(HT_DOXYGEN doxygen)
configure_file(docs/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
if(HT_DOXYGEN)
    add_custom_target(reference COMMAND ${HT_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile VERBATIM
        COMMENT "Reference: ${PROJECT_BINARY_DIR}/reference/html/index.html")
endif()
