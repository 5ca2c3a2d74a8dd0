# Compile options of every target of ours.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# For the sanitizers: function names and lines are all that their reports need; full symbols cost a fifth of the build.
if(ESPALIER_SANITIZE AND CMAKE_CXX_FLAGS_RELWITHDEBINFO STREQUAL "-O2 -g -DNDEBUG")
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
endif()
# Invariants stay checked in release builds, so NDEBUG is never set. All other flags are CMake's or the caller's.
foreach(type DEBUG RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REGEX REPLACE " *-DNDEBUG" "" CMAKE_CXX_FLAGS_${type} "${CMAKE_CXX_FLAGS_${type}}")
endforeach()

# A compiler cache is used where one is installed; -DCMAKE_CXX_COMPILER_LAUNCHER= does without.
find_program(ESPALIER_CCACHE ccache)
mark_as_advanced(ESPALIER_CCACHE)
if(ESPALIER_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths in the tree count as relative ones, so that another clone, wherever it lies, finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ESPALIER_CCACHE})
endif()

add_library(espalier_options INTERFACE)
# No object holds where the tree lies: it is the same on every machine, and a compiler cache finds it again.
target_compile_options(espalier_options INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
# No contraction: a fused multiply-add where the source has none would make bits depend on the compiler.
target_compile_options(espalier_options INTERFACE
  -ffp-contract=off -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
# g++ 12 warns of these inside libstdc++ and fmt at -O3, wrongly (gcc bugs 105329 and 105651).
target_compile_options(espalier_options INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread>)
# Decided here for every command alike, so that none builds again what another has built. Other compilers may warn of
# what these do not.
set(tested_compiler OFF)
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^(12|14)\\.")
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^(14|19)\\."))
  set(tested_compiler ON)
endif()
option(ESPALIER_WERROR "Treat warnings as errors (default: with the compilers that the project is tested with)"
       ${tested_compiler})
if(ESPALIER_WERROR)
  target_compile_options(espalier_options INTERFACE -Werror)
endif()
if(ESPALIER_SANITIZE)
  add_compile_options(-fsanitize=${ESPALIER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ESPALIER_SANITIZE})
  # g++ 12 takes the sanitizers' own checks in std::regex for uses of unset memory (gcc bug 105562).
  target_compile_options(espalier_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # An index beyond a vector's size but within its capacity, or beyond a span, is memory that we own.
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
# Most of a small file's compilation is its headers' and their templates': a batch pays for them once.
# Two files of a room may then not give two things one name, even in unnamed namespaces.
if(ESPALIER_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  if(ESPALIER_SANITIZE)
    # Who builds with sanitizers builds everything, once: three batches of eight take 65 s of processor time, the same
    # files as one 39 s.
    set(CMAKE_UNITY_BUILD_BATCH_SIZE 24)
  endif()
  # What a batch's file keeps in its unnamed namespace still belongs to that file alone.
  target_compile_options(espalier_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
