# Every library comes from the system's packages; each is used by one room only. Also part of the installed package.
#
# Nothing stops here: espalier_MISSING names what is not found, for the build to stop and for find_package(espalier) to
# tell its caller. Who includes this sets espalier_WANTS_MPI (ON, OFF or AUTO) and may set espalier_QUIET to QUIET.
# espalier_LIBRARIES are those that a program links beside ours, with MPI if espalier_HAS_MPI.
find_package(TBB ${espalier_QUIET})
find_package(fmt ${espalier_QUIET})
find_package(Threads ${espalier_QUIET})
# oneDNN's own CMake package on Debian asks for OpenCL, which we do not use.
find_library(DNNL_LIBRARY dnnl)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h)
# oneDNN's threads are those of GNU's OpenMP, whatever compiler we are built with: -fopenmp would bring clang's own
# runtime, a second one, which oneDNN does not listen to.
find_library(GOMP_LIBRARY NAMES libgomp.so.1)
find_package(yaml-cpp ${espalier_QUIET})
find_package(nlohmann_json ${espalier_QUIET})
find_package(ZLIB ${espalier_QUIET})
find_package(PkgConfig ${espalier_QUIET})
# GLOBAL: known to a project that includes this one too.
pkg_check_modules(xxhash ${espalier_QUIET} IMPORTED_TARGET GLOBAL libxxhash)
pkg_check_modules(utf8proc ${espalier_QUIET} IMPORTED_TARGET GLOBAL libutf8proc)
pkg_check_modules(hwy ${espalier_QUIET} IMPORTED_TARGET GLOBAL libhwy)
pkg_check_modules(libzstd ${espalier_QUIET} IMPORTED_TARGET GLOBAL libzstd)
# libzip's own CMake package asks for its command-line tools.
pkg_check_modules(libzip ${espalier_QUIET} IMPORTED_TARGET GLOBAL libzip)
# CMake's own module wants the language C enabled (3.25 stops without it), and asks the wrapper h5cc. Debian's serial
# package is named hdf5-serial; where only one build of the library is installed its name is hdf5.
pkg_search_module(hdf5 ${espalier_QUIET} IMPORTED_TARGET GLOBAL hdf5-serial hdf5)

set(espalier_MISSING "")
foreach(library TBB fmt Threads DNNL_LIBRARY DNNL_INCLUDE_DIR GOMP_LIBRARY yaml-cpp nlohmann_json ZLIB PkgConfig xxhash
                utf8proc hwy libzstd libzip hdf5)
  if(NOT ${library}_FOUND AND NOT ${library})
    list(APPEND espalier_MISSING ${library})
  endif()
endforeach()
set(espalier_LIBRARIES TBB::tbb fmt::fmt PkgConfig::xxhash Threads::Threads espalier_dnnl PkgConfig::hwy
                       PkgConfig::utf8proc yaml-cpp::yaml-cpp PkgConfig::hdf5 nlohmann_json::nlohmann_json ZLIB::ZLIB
                       PkgConfig::libzstd PkgConfig::libzip)
# Only the C functions: no library of the C++ bindings, which MPI 3 removed.
set(espalier_HAS_MPI OFF)
if(NOT espalier_WANTS_MPI STREQUAL "OFF")
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(espalier_HAS_MPI ON)
    list(APPEND espalier_LIBRARIES MPI::MPI_CXX)
  elseif(espalier_WANTS_MPI STREQUAL "ON")
    list(APPEND espalier_MISSING MPI)
  endif()
endif()
list(JOIN espalier_MISSING ", " espalier_MISSING)

# Guarded: a project may look for the installed package in more than one folder.
if(TARGET yaml-cpp AND NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp) # its name before 0.8
endif()
if(NOT espalier_MISSING AND NOT TARGET espalier_dnnl)
  add_library(espalier_dnnl INTERFACE)
  target_include_directories(espalier_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
  target_link_libraries(espalier_dnnl INTERFACE ${DNNL_LIBRARY} ${GOMP_LIBRARY})
endif()
