# `cmake --install`: the program, the public headers, and one static library with its CMake package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(objects "")
foreach(room IN LISTS ESPALIER_ROOMS)
  list(APPEND objects $<TARGET_OBJECTS:espalier_${room}>)
endforeach()
add_library(espalier STATIC ${objects})
add_library(espalier::espalier ALIAS espalier)
set_target_properties(espalier PROPERTIES LINKER_LANGUAGE CXX EXCLUDE_FROM_ALL ON)
target_include_directories(espalier INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(espalier INTERFACE cxx_std_20)

install(TARGETS espalier_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
