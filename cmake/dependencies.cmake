# Every library comes from the system's packages; each is used by one room only. Also part of the installed package.
find_package(TBB REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
# oneDNN's own CMake package on Debian asks for OpenCL, which we do not use.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h REQUIRED)
# In the library from 1.4 on, in none of its headers: without it bf16 is not available.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES ${DNNL_LIBRARY})
check_cxx_source_compiles("extern \"C\" int dnnl_gemm_bf16bf16f32(); int main() { return dnnl_gemm_bf16bf16f32(); }"
                          ESPALIER_DNNL_BF16)
unset(CMAKE_REQUIRED_LIBRARIES)
# oneDNN's threads are those of GNU's OpenMP, whatever compiler we are built with: -fopenmp would bring clang's own
# runtime, a second one, which oneDNN does not listen to.
find_library(GOMP_LIBRARY NAMES libgomp.so.1 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(libzstd IMPORTED_TARGET libzstd)
if(NOT libzstd_FOUND)
  message(FATAL_ERROR "zstd (pkg-config's libzstd) is missing: on Debian, apt install libzstd-dev")
endif()
# libzip's own CMake package asks for its command-line tools.
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
# CMake's own module wants the language C enabled (3.25 stops without it), and asks the wrapper h5cc. Debian's serial
# package is named hdf5-serial; where only one build of the library is installed its name is hdf5.
pkg_search_module(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5)
# Only the C functions: no library of the C++ bindings, which MPI 3 removed.
if(NOT ESPALIER_MPI STREQUAL "OFF")
  set(MPI_CXX_SKIP_MPICXX ON)
  if(ESPALIER_MPI STREQUAL "ON")
    find_package(MPI REQUIRED COMPONENTS CXX)
  else()
    find_package(MPI QUIET COMPONENTS CXX)
  endif()
endif()
if(ESPALIER_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

# Guarded: a project may look for the installed package in more than one folder.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp) # its name before 0.8
endif()
if(NOT TARGET espalier_dnnl)
  add_library(espalier_dnnl INTERFACE)
  target_include_directories(espalier_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
  target_link_libraries(espalier_dnnl INTERFACE ${DNNL_LIBRARY} ${GOMP_LIBRARY})
endif()
