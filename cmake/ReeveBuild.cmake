# Options, flags and helpers shared by every folder.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(REEVE_WERROR "Treat warnings as errors" ON)
option(REEVE_BENCH "Build the benchmarks" ON)
option(REEVE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(REEVE_PRECOMPILE "Precompile what most sources include; hides a missing #include" OFF)
option(REEVE_UNITY "Compile the sources of a target a few at once, as the sanitizers' presets do: half the time from nothing, more after a change" OFF)
set(REEVE_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread; empty for none")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlapping copies inside std::string's operator+ that are not there (PR 105651).
  add_compile_options(-Wno-restrict)
endif()
if(REEVE_WERROR)
  add_compile_options(-Werror)
endif()
# Contraction into fused multiply-adds would make results depend on the processor.
add_compile_options(-ffp-contract=off)
if(REEVE_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code makes GCC see uninitialised members in std::regex and std::optional.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_compile_options(-fsanitize=${REEVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REEVE_SANITIZE})
endif()
if(REEVE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage of the libraries, for their fuzzers
endif()

# Most of what a source costs is reading the headers that its neighbours read as well. Names in unnamed
# namespaces of one target have to differ; a source where they may not is named by reeve_alone.
set(CMAKE_UNITY_BUILD ${REEVE_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)

# reeve_library(name SOURCES … DEPS …): a static library of one folder.
function(reeve_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  if(REEVE_PRECOMPILE)
    reeve_links_torch(links_torch ${ARG_DEPS})
    if(NOT links_torch)  # those have torch's
      target_precompile_headers(${name} REUSE_FROM reeve_precompiled)
    endif()
  endif()
endfunction()

# reeve_alone(SOURCE …): these are compiled by themselves with REEVE_UNITY, too.
function(reeve_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# The programs of the tests labelled `sanitize`, and nothing else: what scripts/test-sanitizers builds.
add_custom_target(sanitize_tests)

# reeve_links_torch(RESULT TARGET…): whether any of them does, itself or through others.
function(reeve_links_torch result)
  set(unseen ${ARGN})
  set(seen)
  while(unseen)
    list(POP_FRONT unseen target)
    string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" target "${target}")
    if(TARGET ${target} AND NOT target IN_LIST seen)
      list(APPEND seen ${target})
      get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
      if(libraries)
        list(APPEND unseen ${libraries})
      endif()
    endif()
  endwhile()
  if(reeve_torch IN_LIST seen)
    set(${result} TRUE PARENT_SCOPE)
  else()
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()

# reeve_test(name [SLOW] [TORCH] [GRPC] [ONE_THREAD] SOURCES … DEPS …): a GoogleTest program, run whole by ctest.
# Also run under the sanitizers by scripts/test-sanitizers, unless
#   SLOW   it takes more than about 10 s, or
#   TORCH  it links torch or starts a program that does: torch itself is not instrumented, and its
#          headers take minutes to compile once more for each sanitizer.
# ThreadSanitizer leaves out two more:
#   GRPC        gRPC is not instrumented: what its threads hand to each other and to ours looks like races.
#   ONE_THREAD  neither the test nor what it tests starts a thread.
function(reeve_test name)
  cmake_parse_arguments(ARG "SLOW;TORCH;GRPC;ONE_THREAD" "" "SOURCES;DEPS" ${ARGN})
  reeve_links_torch(links_torch ${ARG_DEPS})
  if(links_torch AND NOT ARG_TORCH)
    message(FATAL_ERROR "${name} links torch: write reeve_test(${name} TORCH ...)")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # What is tested is optimised and instrumented; to do so with GoogleTest's expansions too takes
  # most of a build's time and finds nothing.
  if(ARG_TORCH)
    target_compile_options(${name} PRIVATE -O1)  # torch's precompiled header is of an optimised build
  else()
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(REEVE_SANITIZE MATCHES "undefined")
    target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(NOT ARG_TORCH AND NOT ARG_GRPC)  # gRPC's are compiled with -pthread
    target_precompile_headers(${name} REUSE_FROM reeve_test_precompiled)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set(labels)
  if(ARG_SLOW)
    list(APPEND labels slow)
  endif()
  if(ARG_TORCH)
    list(APPEND labels torch)
  endif()
  if(REEVE_SANITIZE MATCHES "thread")
    if(ARG_GRPC)
      list(APPEND labels grpc)
    endif()
    if(ARG_ONE_THREAD)
      list(APPEND labels one_thread)
    endif()
  endif()
  if(NOT labels)
    set(labels sanitize)
    add_dependencies(sanitize_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${labels}")
endfunction()
