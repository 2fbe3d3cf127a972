# The target header_check: headers of the product compiled as files of their own, so that each includes
# what it uses. Those with a source of the same name are left out: that source includes its header
# first (scripts/check-layers sees to it), so the build has compiled it that way already.
# Not part of `all`; scripts/check-layers builds it.

set(CMAKE_UNITY_BUILD OFF)  # by itself is the point

file(GLOB_RECURSE headers RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
  core/*.h traces/*.h sim/*.h envs/*.h agents/*.h runs/*.h controller/*.h cli/*.h)

# Headers that include torch's, themselves or through others, are compiled on the precompiled header
# of reeve_nn: a second each instead of fifteen, at the price that a standard header which torch
# includes as well is not missed.
set(torch_headers)
foreach(header IN LISTS headers)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(STRINGS ${header} includes_${header} REGEX "^#include [<\"][a-zA-Z0-9]+/")
  if(includes_${header} MATCHES "<(torch|ATen|c10)/")
    list(APPEND torch_headers ${header})
  endif()
endforeach()
set(unseen ${torch_headers})
while(unseen)
  list(POP_FRONT unseen included)
  foreach(header IN LISTS headers)
    if("${includes_${header}}" MATCHES "\"${included}\"")
      list(APPEND torch_headers ${header})
      list(APPEND unseen ${header})
    endif()
  endforeach()
endwhile()

set(sources)
set(torch_sources)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.h$" ".cc" own_source ${header})
  if(EXISTS ${CMAKE_SOURCE_DIR}/${own_source})
    continue()
  endif()
  string(REPLACE "/" "__" name ${header})
  set(source ${CMAKE_BINARY_DIR}/header_check/${name}.cc)
  # Twice: the second time must change nothing.
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
  if(header IN_LIST torch_headers)
    list(APPEND torch_sources ${source})
  else()
    list(APPEND sources ${source})
  endif()
endforeach()

add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
target_include_directories(header_check PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(header_check PRIVATE -O0 -g0 -Wno-unused-function)
# The messages of the bus are made by protoc.
target_link_libraries(header_check PRIVATE reeve_bus_proto reeve_learner_proto absl::status absl::statusor fmt::fmt)

if(torch_sources)
  # Compiled as reeve_nn is, or the precompiled header would not be taken.
  add_library(header_check_torch OBJECT EXCLUDE_FROM_ALL ${torch_sources})
  target_include_directories(header_check_torch PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(header_check_torch PRIVATE -Wno-unused-function)
  target_link_libraries(header_check_torch PRIVATE reeve_torch absl::status absl::statusor fmt::fmt)
  target_precompile_headers(header_check_torch REUSE_FROM reeve_nn)
  add_dependencies(header_check header_check_torch)
endif()
