# Every library comes from the system's packages; each is used by one room only. Also part of the installed package.
find_package(TBB REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
# oneDNN's own CMake package on Debian asks for OpenCL, which we do not use.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h REQUIRED)
# oneDNN's threads are those of GNU's OpenMP. clang's own runtime would be a second one, which oneDNN does not listen to.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(OpenMP_CXX_FLAGS -fopenmp=libgomp)
  set(OpenMP_CXX_LIB_NAMES gomp)
  find_library(OpenMP_gomp_LIBRARY NAMES libgomp.so.1 REQUIRED)
endif()
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
# libzip's own CMake package asks for its command-line tools.
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)

add_library(espalier_dnnl INTERFACE)
target_include_directories(espalier_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(espalier_dnnl INTERFACE ${DNNL_LIBRARY} OpenMP::OpenMP_CXX)

add_library(espalier_hdf5 INTERFACE)
target_include_directories(espalier_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(espalier_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
