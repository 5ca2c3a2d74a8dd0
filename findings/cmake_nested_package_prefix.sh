#!/usr/bin/env bash
# In a package's configuration file made by configure_package_config_file, a nested find_package of another such package
# overwrites PACKAGE_PREFIX_DIR: every @PACKAGE_...@ after it points into the other package's prefix, without a word.
# Seen with CMake 3.25.0 to 3.28.4; 3.31.6 restores the variable, so a developer with a new CMake never sees it.
#   Way out: set_and_check all paths before the first find_package or find_dependency.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

mkdir packages project
cat >packages/CMakeLists.txt <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(packages LANGUAGES NONE)
include(CMakePackageConfigHelpers)
set(LIBRARIES lib)
foreach(name inner outer)
  configure_package_config_file(${name}-config.cmake.in ${name}/lib/cmake/${name}/${name}-config.cmake
    INSTALL_DESTINATION lib/cmake/${name} INSTALL_PREFIX ${CMAKE_CURRENT_BINARY_DIR}/${name} PATH_VARS LIBRARIES)
endforeach()
TEXT
echo '@PACKAGE_INIT@' >packages/inner-config.cmake.in
cat >packages/outer-config.cmake.in <<'TEXT'
@PACKAGE_INIT@
message(STATUS "before: @PACKAGE_LIBRARIES@")
find_package(inner REQUIRED)
message(STATUS "after: @PACKAGE_LIBRARIES@")
TEXT
cat >project/CMakeLists.txt <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES NONE)
find_package(outer REQUIRED)
TEXT
for version in 3.25.0 3.28.4 3.31.6; do
  python_packages "v$version" "cmake==$version" ninja==1.11.1
  (
    PATH=$work/v$version/bin:$PATH
    cmake -S packages -B "$version-packages" -G Ninja
    cmake -S project -B "$version-project" -G Ninja \
      "-DCMAKE_PREFIX_PATH=$work/$version-packages/outer;$work/$version-packages/inner"
  ) 2>&1 | sed "s,$work/$version-packages/,," >"$version"
done
expect "CMake 3.25.0" 3.25.0 'before: outer/lib'
expect "CMake 3.25.0" 3.25.0 'after: inner/lib'
expect "CMake 3.28.4" 3.28.4 'after: inner/lib'
expect "CMake 3.31.6" 3.31.6 'after: outer/lib'
