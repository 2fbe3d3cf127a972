#include "tests/controller/chaos/thread_states.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "core/check.h"

namespace reeve {
namespace {

// 'R', 'S', …; '\0' when the thread is gone.
char StateIn(int file) {
  char buffer[256];
  const ssize_t size = ::pread(file, buffer, sizeof(buffer), 0);
  if (size <= 0) return '\0';
  // "ID (NAME) STATE …", where a name may have brackets.
  const std::string_view text(buffer, static_cast<size_t>(size));
  const size_t name_end = text.rfind(") ");
  return name_end + 2 < text.size() ? text[name_end + 2] : '\0';
}

}  // namespace

ThreadStates::~ThreadStates() {
  for (const auto& [thread, file] : files_) ::close(file);
}

bool ThreadStates::AllSleep() {
  const std::string own = std::to_string(::gettid());
  DIR* const folder = ::opendir("/proc/self/task");
  REEVE_CHECK(folder != nullptr);
  std::map<std::string, int> living;
  bool all = true;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string thread = entry->d_name;
    if (thread[0] == '.') continue;
    const auto known = files_.find(thread);
    int file = known == files_.end() ? -1 : known->second;
    if (known != files_.end()) files_.erase(known);
    char state = file < 0 ? '\0' : StateIn(file);
    if (state == '\0') {
      // New, or its number is another one's by now.
      if (file >= 0) ::close(file);
      const std::string path = "/proc/self/task/" + thread + "/stat";
      file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;  // gone meanwhile
      state = StateIn(file);
    }
    living[thread] = file;
    // 'D' waits for a disk, and soon runs again: for a page of the program, say.
    all = all && (thread == own || (state != 'R' && state != 'D'));
  }
  ::closedir(folder);
  for (const auto& [thread, file] : files_) ::close(file);
  files_ = std::move(living);
  return all;
}

}  // namespace reeve
