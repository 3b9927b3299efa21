# SPDX-License-Identifier: Apache-2.0
# Manual pages, made in every build from the option table and docs/man, and shell completions.

# The day of the last change to what the pages say; a build must not depend on the day that it is made.
set(RNM_MANUAL_DATE "November 23, 2026")

file(GLOB RNM_DOCGEN_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/docgen/*.c)
add_executable(rnm_docgen ${RNM_DOCGEN_SOURCES} $<TARGET_OBJECTS:rnm_cli_objects>)
set_target_properties(rnm_docgen PROPERTIES OUTPUT_NAME rnm-docgen)
target_include_directories(rnm_docgen PRIVATE include cli)
target_link_libraries(rnm_docgen PRIVATE rnm_flags rnm_static)

set(RNM_MAN_DIR ${PROJECT_BINARY_DIR}/man)
file(GLOB RNM_MAN_PARTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.mdoc)
# Which pages there are is known to the program alone, so the folder stands for them.
add_custom_command(OUTPUT ${RNM_MAN_DIR}/made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${RNM_MAN_DIR}/man1
  COMMAND ${CMAKE_COMMAND} -E make_directory ${RNM_MAN_DIR}/man1
  COMMAND rnm_docgen ${RNM_MANUAL_DATE} ${PROJECT_SOURCE_DIR}/docs/man ${RNM_MAN_DIR}/man1
  COMMAND ${CMAKE_COMMAND} -E touch ${RNM_MAN_DIR}/made
  DEPENDS rnm_docgen ${RNM_MAN_PARTS}
  COMMENT "Writing the manual pages" VERBATIM)
add_custom_target(rnm_manual ALL DEPENDS ${RNM_MAN_DIR}/made)
# The program that the page shows is the one that the tests compile.
file(READ ${PROJECT_SOURCE_DIR}/examples/digest.c RNM_EXAMPLE)
string(REPLACE "\\" "\\e" RNM_EXAMPLE "${RNM_EXAMPLE}")
string(REPLACE "-" "\\-" RNM_EXAMPLE "${RNM_EXAMPLE}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/digest.c)
configure_file(docs/man/librnm.3.in ${RNM_MAN_DIR}/man3/librnm.3 @ONLY)
install(DIRECTORY ${RNM_MAN_DIR}/man1 ${RNM_MAN_DIR}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})

# Each shell looks for the name of the command.  zsh of Debian reads site-functions below /usr/local only.
# -DRNM_ZSH_DIR names another place.
if(DEFINED RNM_ZSH_DIR)
elseif(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(RNM_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
else()
  set(RNM_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
set(RNM_LINK_DIR ${PROJECT_BINARY_DIR}/completions)
file(MAKE_DIRECTORY ${RNM_LINK_DIR})
file(CREATE_LINK rnm ${RNM_LINK_DIR}/neural_export SYMBOLIC)
file(CREATE_LINK rnm.fish ${RNM_LINK_DIR}/neural_export.fish SYMBOLIC)
install(FILES completions/rnm.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME rnm)
install(FILES ${RNM_LINK_DIR}/neural_export DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES completions/_rnm DESTINATION ${RNM_ZSH_DIR})
install(FILES completions/rnm.fish ${RNM_LINK_DIR}/neural_export.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
