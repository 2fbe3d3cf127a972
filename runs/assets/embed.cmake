# cmake -DOUTPUT=assets.cc -DFUNCTION=EmbeddedAsset -DHEADER=runs/assets/assets.h -DFILES="a;b" -P embed.cmake
# Writes a C++ file that defines that function, which the header declares, over the given files.
set(arrays "")
set(cases "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  get_filename_component(name "${file}" NAME)
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${bytes}0};\n")
  string(APPEND cases "  if (name == \"${name}\") return View(kFile${number}, sizeof(kFile${number}) - 1);\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include \"${HEADER}\"

#include <cstddef>

namespace reeve {
namespace {

${arrays}
std::string_view View(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::string_view ${FUNCTION}(std::string_view name) {
${cases}  return {};
}

}  // namespace reeve
")
