// A folder that lives as long as a test.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace reeve {

struct ScratchFolder {
  ScratchFolder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  static inline int serial = 0;
  const std::string path =
      (std::filesystem::temp_directory_path() /
       ("reeve-bus-" + std::to_string(::getpid()) + "-" + std::to_string(serial++)))
          .string();
};

}  // namespace reeve
