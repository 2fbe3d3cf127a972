// Files of runs/assets, and the chart library, inside the program.
#pragma once

#include <string_view>

namespace reeve {

// The content of an embedded file by its name ("report.css"); empty when there is none.
std::string_view EmbeddedAsset(std::string_view name);

}  // namespace reeve
