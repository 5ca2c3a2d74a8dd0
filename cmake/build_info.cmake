# What `espalier --version --verbose` says of the build.
#
# espalier_build_info(TARGET): its sources get the compiler, its flags, the libraries' versions, and at each build what
# git calls the checkout (a commit links the program again, nothing more).
function(espalier_build_info target)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" flags)
  if(ESPALIER_SANITIZE)
    string(APPEND flags " -fsanitize=${ESPALIER_SANITIZE}")
  endif()
  # oneDNN is found without its CMake package.
  file(STRINGS ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h numbers REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" numbers "${numbers}")
  list(JOIN numbers . dnnl_version)
  # What is compiled in where it is found joins the list here.
  set(libraries "oneDNN ${dnnl_version}" "oneTBB ${TBB_VERSION}" "Highway ${hwy_VERSION}" "HDF5 ${hdf5_VERSION}"
                "fmt ${fmt_VERSION}" "yaml-cpp ${yaml-cpp_VERSION}" "nlohmann-json ${nlohmann_json_VERSION}"
                "CLI11 ${CLI11_VERSION}" "utf8proc ${utf8proc_VERSION}" "zlib ${ZLIB_VERSION_STRING}"
                "zstd ${libzstd_VERSION}" "libzip ${libzip_VERSION}" "xxHash ${xxhash_VERSION}")
  list(JOIN libraries ", " libraries)
  set(folder ${PROJECT_BINARY_DIR}/generated/cli)
  configure_file(${PROJECT_SOURCE_DIR}/src/cli/build_info.cc.in ${folder}/build_info.cc @ONLY)

  find_package(Git QUIET)
  # Its file is written only where it changes, which the generator sees: nothing else is built again.
  add_custom_target(espalier_git_description
    COMMAND ${CMAKE_COMMAND} -D GIT=${GIT_EXECUTABLE} -D SOURCE_DIR=${PROJECT_SOURCE_DIR}
            -D FILE=${folder}/git_description.cc -P ${PROJECT_SOURCE_DIR}/cmake/git_description.cmake
    BYPRODUCTS ${folder}/git_description.cc
    COMMENT "" VERBATIM)
  add_dependencies(${target} espalier_git_description)
  target_sources(${target} PRIVATE ${folder}/build_info.cc ${folder}/git_description.cc)
  # Changes with every commit: not in a batch with others.
  set_source_files_properties(${folder}/git_description.cc PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
