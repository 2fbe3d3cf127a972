// Files of controller/serve/page, inside the program.
#pragma once

#include <string_view>

namespace reeve {

// The content of an embedded file by its name ("index.html"); empty when there is none.
std::string_view EmbeddedPageAsset(std::string_view name);

}  // namespace reeve
