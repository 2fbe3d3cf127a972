// The files of the page, from within the program. They hold no data: the page fetches what it
// shows, as whoever looks at it.
#pragma once

#include <optional>
#include <string>

#include "controller/serve/http_listener.h"

namespace reeve {

// "/" and what it loads. Nothing for any other path.
bool IsPageFile(const std::string& path);
std::optional<ServedAnswer> PageFile(const std::string& path);

}  // namespace reeve
