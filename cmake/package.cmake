# `cpack` in the build folder makes a Debian package of the program, `cpack --config CPackSourceConfig.cmake` an archive
# of the sources. What the package has beside the program is made by the program: the manual page and what shells
# complete.
set(files ${PROJECT_BINARY_DIR}/package)
set(source ${PROJECT_SOURCE_DIR}/cmake/package)
file(MAKE_DIRECTORY ${files})
set(made "")
foreach(format bash zsh man)
  add_custom_command(OUTPUT ${files}/espalier.${format}
    COMMAND espalier_cli completion ${format} > ${files}/espalier.${format}
    DEPENDS espalier_cli COMMENT "Writing espalier.${format}" VERBATIM)
  list(APPEND made ${files}/espalier.${format})
endforeach()
# A page and a log are compressed in Debian, without the time.
foreach(page espalier.1:${files}/espalier.man changelog:${source}/changelog)
  string(REPLACE ":" ";" page ${page})
  list(GET page 0 name)
  list(GET page 1 from)
  add_custom_command(OUTPUT ${files}/${name}.gz COMMAND gzip -9nc ${from} > ${files}/${name}.gz DEPENDS ${from} VERBATIM)
  list(APPEND made ${files}/${name}.gz)
endforeach()
add_custom_target(espalier_package_files ALL DEPENDS ${made})

set(documents ${CMAKE_INSTALL_DATADIR}/doc/espalier)
install(FILES ${files}/espalier.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${files}/espalier.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME espalier
        COMPONENT program)
install(FILES ${files}/espalier.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _espalier
        COMPONENT program)
install(FILES ${source}/copyright ${files}/changelog.gz README.md DESTINATION ${documents} COMPONENT program)
install(DIRECTORY configs DESTINATION ${documents} COMPONENT program)

set(CPACK_PACKAGE_NAME espalier)
set(CPACK_PACKAGE_VENDOR "the Espalier authors")
set(CPACK_PACKAGE_CONTACT "The Espalier authors <espalier@espalier.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "train BERT models whose feedforward layers are trees")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "\
Prepares text, pretrains, fine-tunes, scores and uses BERT models whose
feedforward layers are fast feedforward trees: soft at first, hard at the end,
so that a token pays for a dozen neurons out of thousands. Reads and writes
the folders of Hugging Face's transformers. For CPUs.")
set(CPACK_GENERATOR DEB)
# The headers and the library are for those who build from source.
set(CPACK_COMPONENTS_ALL program)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME espalier)
set(CPACK_DEBIAN_PROGRAM_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_SOURCE_GENERATOR TXZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME espalier-${PROJECT_VERSION})
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/package/cpack_source.cmake)
set(CPACK_ESPALIER_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_ESPALIER_BINARY_DIR ${PROJECT_BINARY_DIR})
include(CPack)
