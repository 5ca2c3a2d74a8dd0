# Run by cpack: a source archive leaves out what git does not track.
if(CPACK_SOURCE_INSTALLED_DIRECTORIES)
  execute_process(COMMAND git -C ${CPACK_ESPALIER_SOURCE_DIR} ls-files --others --directory --no-empty-directory
                  OUTPUT_VARIABLE untracked OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "([][+.*()^$?|\\{}])" "\\\\\\1" untracked "${untracked}")
  string(REPLACE "\n" ";" untracked "${untracked}")
  set(CPACK_PACKAGING_INSTALL_PREFIX "")
  set(CPACK_IGNORE_FILES "/[.]git(/|$)")
  foreach(name IN LISTS untracked)
    list(APPEND CPACK_IGNORE_FILES "^${CPACK_ESPALIER_SOURCE_DIR}/${name}")
  endforeach()
endif()
