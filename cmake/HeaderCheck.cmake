# The target header_check: every header of the product compiled as a file of its own, so that each
# includes what it uses. Not part of `all`; scripts/check-layers builds it.

file(GLOB_RECURSE headers RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
  core/*.h traces/*.h sim/*.h envs/*.h agents/*.h runs/*.h controller/*.h cli/*.h)
set(sources)
foreach(header IN LISTS headers)
  string(REPLACE "/" "__" name ${header})
  set(source ${CMAKE_BINARY_DIR}/header_check/${name}.cc)
  # Twice: the second time must change nothing.
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()

add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
target_include_directories(header_check PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(header_check PRIVATE -O0 -g0 -Wno-unused-function)
target_link_libraries(header_check PRIVATE absl::status absl::statusor fmt::fmt)
