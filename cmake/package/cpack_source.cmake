# Run by cpack: a source archive holds the files that git tracks; made from an archive, all but the build folder.
if(CPACK_SOURCE_INSTALLED_DIRECTORIES)
  set(CPACK_PACKAGING_INSTALL_PREFIX "")
  set(source ${CPACK_ESPALIER_SOURCE_DIR})
  if(EXISTS ${source}/.git)
    # A copy of them: among all files cpack chooses by regular expressions, which a name may be too odd for.
    set(tracked ${CPACK_ESPALIER_BINARY_DIR}/package/tracked)
    file(REMOVE_RECURSE ${tracked})
    file(MAKE_DIRECTORY ${tracked})
    execute_process(COMMAND git -C ${source} ls-files -z COMMAND tar -C ${source} --null --files-from=- -cf -
                    COMMAND tar -C ${tracked} -xf - COMMAND_ERROR_IS_FATAL ANY)
    set(CPACK_INSTALLED_DIRECTORIES "${tracked};/")
    set(CPACK_IGNORE_FILES "")
  else()
    string(REGEX REPLACE "([][+.*()^$?|\\{}])" "\\\\\\1" build "${CPACK_ESPALIER_BINARY_DIR}")
    set(CPACK_IGNORE_FILES "^${build}(/|$)")
  endif()
endif()
