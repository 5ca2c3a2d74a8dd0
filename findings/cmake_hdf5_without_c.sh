#!/usr/bin/env bash
# CMake 3.25's FindHDF5, asked for the C library, compiles a C file even in a project that has no C: the module itself
# says "Found HDF5" and the version, and the configuration fails all the same. 3.26 does not. Debian 12 has 3.25.1.
# HDF5 itself is the host's: seen with Debian 12's, 1.10.8.
#   Way out: pkg_search_module(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5).
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v h5cc >/dev/null || skip "there is no HDF5 (Debian: libhdf5-dev)"
mkdir project
cat >project/CMakeLists.txt <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(reader LANGUAGES CXX)
find_package(HDF5 COMPONENTS C)
TEXT
for version in 3.25.0 3.26.4; do
  python_packages "v$version" "cmake==$version" ninja==1.11.1
  PATH=$work/v$version/bin:$PATH cmake -S project -B "build-$version" -G Ninja >"$version" 2>&1
  echo "ended with status $?" >>"$version"
done
expect "CMake 3.25.0" 3.25.0 'Found HDF5: '
expect "CMake 3.25.0" 3.25.0 'Unknown extension ".c" for file'
expect "CMake 3.25.0" 3.25.0 'ended with status 1'
expect "CMake 3.26.4" 3.26.4 'Found HDF5: '
expect "CMake 3.26.4" 3.26.4 'ended with status 0'
