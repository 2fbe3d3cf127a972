#include "controller/bus/curve_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr size_t kKeyCharacters = 40;
constexpr size_t kMostBytes = 64 << 10;  // of a key file

bool IsKey(const std::string& text) {
  std::array<uint8_t, 32> bytes;
  // zmq_z85_decode reads on past what is no Z85.
  constexpr std::string_view kLetters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
  return text.size() == kKeyCharacters && text.find_first_not_of(kLetters) == std::string::npos &&
         zmq_z85_decode(bytes.data(), text.c_str()) != nullptr;
}

std::string_view Strip(std::string_view text, std::string_view what) {
  const size_t begin = text.find_first_not_of(what);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}

std::string FileText(const CurveKeys& keys, bool secret) {
  std::string text = secret ? "# A secret key of ZeroMQ CURVE: keep it to yourself.\n"
                            : "# A public key of ZeroMQ CURVE: give it to your peers.\n";
  text += fmt::format("metadata\ncurve\n    public-key = \"{}\"\n", keys.public_key);
  if (secret) text += fmt::format("    secret-key = \"{}\"\n", keys.secret_key);
  return text;
}

// Not by core/files.h, whose files anybody may read and whose renaming would replace a key.
absl::Status WriteNewFile(const std::string& path, std::string_view text, mode_t mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    return FromErrno(errno, path, errno == EEXIST ? "will not replace a key" : "cannot create");
  }
  const ssize_t written = ::write(fd, text.data(), text.size());
  const bool fine = written == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = written >= 0 && !fine && errno == 0 ? ENOSPC : errno;
  ::close(fd);
  if (fine) return absl::OkStatus();
  ::unlink(path.c_str());
  return FromErrno(error, path, "cannot write");
}

}  // namespace

absl::StatusOr<CurveKeys> MakeCurveKeys() {
  std::array<char, kKeyCharacters + 1> public_key{}, secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return absl::UnimplementedError("this libzmq was built without CURVE: install libzmq5");
  }
  return CurveKeys{public_key.data(), secret_key.data()};
}

absl::Status WriteCurveKeys(const CurveKeys& keys, const std::string& folder,
                            const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' cannot be the name of a key: it becomes the name of a file", name));
  }
  RETURN_IF_ERROR(MakeDirectories(folder));
  const std::string path = (std::filesystem::path(folder) / (name + ".key")).string();
  std::error_code ignored;
  // The public one is looked at first, so that a pair is never half replaced.
  if (std::filesystem::exists(path, ignored)) {
    return absl::AlreadyExistsError(path + ": will not replace a key");
  }
  RETURN_IF_ERROR(WriteNewFile(path + "_secret", FileText(keys, true), 0600));
  absl::Status status = WriteNewFile(path, FileText(keys, false), 0644);
  if (!status.ok()) ::unlink((path + "_secret").c_str());
  return status;
}

absl::StatusOr<CurveKeys> ParseCurveKeys(std::string_view text, const std::string& path) {
  if (text.size() > kMostBytes) return absl::InvalidArgumentError(path + ": too long for a key");
  CurveKeys keys;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Strip(text.substr(0, end), " \t\r");
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view name = Strip(line.substr(0, equals), " \t");
    std::string value(Strip(line.substr(equals + 1), " \t\"'"));
    if (name == "public-key") keys.public_key = std::move(value);
    if (name == "secret-key") keys.secret_key = std::move(value);
  }
  if (!IsKey(keys.public_key) || (!keys.secret_key.empty() && !IsKey(keys.secret_key))) {
    return absl::InvalidArgumentError(
        path +
        ": not a key file: a line 'public-key = \"…\"' with 40 characters of Z85 is needed "
        "(see `reeve bus keygen`)");
  }
  return keys;
}

absl::StatusOr<CurveKeys> ReadSecretKey(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return FromErrno(errno, path, "cannot open");
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(path + ": not a regular file");
  if ((info.st_mode & 0077) != 0) {
    return absl::PermissionDeniedError(
        fmt::format("{}: others may read this secret key (mode {:o}): chmod 600", path,
                    static_cast<unsigned>(info.st_mode & 0777)));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(CurveKeys keys, ParseCurveKeys(text, path));
  if (keys.secret_key.empty()) {
    return absl::InvalidArgumentError(path + ": holds no secret key: NAME.key_secret does");
  }
  std::array<char, kKeyCharacters + 1> derived{};
  if (zmq_curve_public(derived.data(), keys.secret_key.c_str()) != 0 ||
      keys.public_key != derived.data()) {
    return absl::InvalidArgumentError(path + ": the secret key does not belong to the public one");
  }
  return keys;
}

absl::StatusOr<std::string> ReadPublicKey(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(CurveKeys keys, ParseCurveKeys(text, path));
  return keys.public_key;
}

absl::StatusOr<std::map<std::string, std::string>> ReadAllowedKeys(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".key") paths.push_back(at->path());
  }
  if (error) return FromErrno(error.value(), folder, "cannot read the folder of allowed keys");
  std::sort(paths.begin(), paths.end());
  std::map<std::string, std::string> allowed;
  for (const std::filesystem::path& path : paths) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path.string()));
    ASSIGN_OR_RETURN(CurveKeys keys, ParseCurveKeys(text, path.string()));
    if (!keys.secret_key.empty()) {
      return absl::InvalidArgumentError(path.string() + ": a secret key among the public ones");
    }
    allowed.emplace(keys.public_key, path.stem().string());
  }
  return allowed;
}

}  // namespace reeve
