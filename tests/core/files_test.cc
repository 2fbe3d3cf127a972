#include "core/files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/status.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern = (fs::temp_directory_path() / "reeve-files-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FilesTest() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  size_t FilesInFolder() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

// Writing beyond `bytes` into any file fails with EFBIG while this lives, for root as well.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    handler_before_ = ::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_before_);
  }

 private:
  rlimit before_;
  sighandler_t handler_before_;
};

TEST_F(FilesTest, WrittenContentComesBack) {
  const std::string content("line\n\0byte\xff", 11);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), content).ok());
  EXPECT_EQ(*ReadFile(Path("a")), content);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "").ok());
  EXPECT_EQ(*ReadFile(Path("a")), "");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, LargeContentInPieces) {
  auto file = AtomicFile::Create(Path("large"));
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (int i = 0; i < 300'000; ++i) {
    const std::string line = std::to_string(i) + "\n";
    expected += line;
    ASSERT_TRUE(file->Append(line).ok());
  }
  EXPECT_FALSE(fs::exists(Path("large")));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(*ReadFile(Path("large")), expected);
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, WithoutCommitNothingIsLeft) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  {
    auto file = AtomicFile::Create(Path("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append(std::string(3 << 20, 'x')).ok());
  }
  EXPECT_EQ(*ReadFile(Path("a")), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, FailedWriteKeepsTheOldContent) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  {
    const FileSizeLimit limit(1 << 20);
    const absl::Status status = WriteFileAtomically(Path("a"), std::string(2 << 20, 'x'));
    EXPECT_EQ(MessageOf(status), Path("a") + ": cannot write: File too large");
  }
  EXPECT_EQ(*ReadFile(Path("a")), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, CommitAfterAFailedAppendFails) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  {
    auto file = AtomicFile::Create(Path("a"));
    ASSERT_TRUE(file.ok());
    {
      const FileSizeLimit limit(1 << 20);
      EXPECT_FALSE(file->Append(std::string(2 << 20, 'x')).ok());
    }
    // There is room again, but a part is missing.
    EXPECT_FALSE(file->Append("tail").ok() && file->Commit().ok());
  }
  EXPECT_EQ(*ReadFile(Path("a")), "old");
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, ADirectoryIsNotReplaced) {
  ASSERT_TRUE(MakeDirectories(Path("d/e")).ok());
  EXPECT_FALSE(WriteFileAtomically(Path("d"), "x").ok());
  EXPECT_TRUE(fs::is_directory(Path("d/e")));
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FilesTest, AnEmptyFileIsMadeOnce) {
  ASSERT_TRUE(MakeEmptyFile(Path("mark")).ok());
  EXPECT_EQ(*ReadFile(Path("mark")), "");
  ASSERT_TRUE(WriteFileAtomically(Path("mark"), "kept").ok());
  ASSERT_TRUE(MakeEmptyFile(Path("mark")).ok());
  EXPECT_EQ(*ReadFile(Path("mark")), "kept");
  EXPECT_EQ(FilesInFolder(), 1u);
  EXPECT_NE(MessageOf(MakeEmptyFile(Path("no/mark"))).find("no/mark"), std::string::npos);
}

TEST_F(FilesTest, MissingPlacesAreNamed) {
  const std::string missing = Path("no/such/file");
  EXPECT_TRUE(absl::IsNotFound(ReadFile(missing).status()));
  EXPECT_TRUE(absl::IsNotFound(WriteFileAtomically(missing, "x")));
  EXPECT_TRUE(absl::IsNotFound(MappedFile::Open(missing).status()));
  EXPECT_EQ(MessageOf(ReadFile(missing).status()),
            missing + ": cannot open: No such file or directory");
}

TEST_F(FilesTest, ReadingADirectoryIsAnError) {
  EXPECT_EQ(MessageOf(ReadFile(folder_.string()).status()),
            folder_.string() + ": cannot read: Is a directory");
}

TEST_F(FilesTest, MakeDirectories) {
  EXPECT_TRUE(MakeDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(MakeDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(fs::is_directory(Path("a/b/c")));
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x").ok());
  EXPECT_FALSE(MakeDirectories(Path("file")).ok());
  EXPECT_FALSE(MakeDirectories(Path("file/below")).ok());
}

TEST_F(FilesTest, MappedFileShowsTheContent) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "some bytes").ok());
  const auto mapped = MappedFile::Open(Path("a"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->bytes(), "some bytes");
  // Replaced by name, the mapping keeps the file it was made of.
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "other").ok());
  EXPECT_EQ((*mapped)->bytes(), "some bytes");
}

TEST_F(FilesTest, MappedEmptyFileIsEmpty) {
  ASSERT_TRUE(WriteFileAtomically(Path("empty"), "").ok());
  const auto mapped = MappedFile::Open(Path("empty"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->bytes(), "");
}

TEST_F(FilesTest, OnlyRegularFilesAreMapped) {
  EXPECT_TRUE(absl::IsInvalidArgument(MappedFile::Open(folder_.string()).status()));
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(MappedFile::Open(Path("pipe")).status()));  // does not wait
}

}  // namespace
}  // namespace reeve
