# Installs the built project into a scratch folder, builds the program beside this file against it, and runs it.
# cmake -D BUILD_DIR=... -D SCRATCH=... -D CXX=... -D GENERATOR=... -P install_test.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "failed (${status}): ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${SCRATCH}/prefix)
run(${SCRATCH}/prefix/bin/espalier --version)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${SCRATCH}/build -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/two_spirals)

# Without a library that it needs it is not found, which is no error for who can do without.
file(WRITE ${SCRATCH}/without/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(without LANGUAGES CXX)
find_package(espalier QUIET)
if(espalier_FOUND OR NOT espalier_CONSIDERED_CONFIGS)
  message(FATAL_ERROR \"found, or not looked at: \${espalier_CONSIDERED_CONFIGS}\")
endif()
")
run(${CMAKE_COMMAND} -E env PKG_CONFIG_LIBDIR=${SCRATCH} ${CMAKE_COMMAND} -S ${SCRATCH}/without -B ${SCRATCH}/without/build
    -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix -DCMAKE_CXX_COMPILER=${CXX})

# As a part of another project, which links it from a folder of its own: that all targets are known there.
file(WRITE ${SCRATCH}/host/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(host LANGUAGES CXX)
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../.. espalier EXCLUDE_FROM_ALL)
add_executable(two_spirals ${CMAKE_CURRENT_LIST_DIR}/two_spirals.cc)
target_link_libraries(two_spirals PRIVATE espalier::espalier)
if(CPACK_PACKAGE_NAME)
  message(FATAL_ERROR \"the host's package is ours\")
endif()
")
run(${CMAKE_COMMAND} -S ${SCRATCH}/host -B ${SCRATCH}/host/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX})
