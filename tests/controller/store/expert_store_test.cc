// Libraries of experts, in a folder and in the store alike; and the two in one database.
#include "controller/store/expert_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "agents/adapt/expert_folder.h"
#include "agents/adapt/library_files.h"
#include "controller/store/schema.h"
#include "controller/store/store_reader.h"
#include "controller/store/store_writer.h"
#include "core/files.h"
#include "core/random.h"
#include "core/status.h"
#include "tests/agents/adapt/expert_testing.h"
#include "tests/killed_process.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Access = ExpertStorage::Access;

enum class Place { kFolder, kStore };

StateVectors Detector(double mark) {
  StateVectors state;
  state.reals["book.mean"] = {mark};
  return state;
}

float MarkOf(const ExpertLibrary& library, int64_t environment) {
  return library.Find(environment)->state.model.actor_parameters[0];
}

ExpertStorageOpener OpenerOf(Place place, const std::string& path) {
  return [=](Access access) {
    return place == Place::kFolder ? OpenExpertFolder(path, access) : OpenExpertStore(path, access);
  };
}

absl::StatusOr<ExpertLibrary> OpenIn(const ExpertStorageOpener& open, Access access,
                                     const ExpertLibrarySpec& spec = {}) {
  absl::StatusOr<std::unique_ptr<ExpertStorage>> storage = open(access);
  if (!storage.ok()) return storage.status();
  return ExpertLibrary::Open(*std::move(storage), spec, {});
}

class ExpertStoreTest : public ::testing::Test {
 protected:
  ExpertStoreTest() { std::filesystem::create_directories(folder_); }
  ~ExpertStoreTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = FreshFolder();
};

class ExpertsKeptTest : public ExpertStoreTest, public ::testing::WithParamInterface<Place> {
 protected:
  const std::string path_ = folder_ + (GetParam() == Place::kFolder ? "/lib" : "/reeve.db");
  const ExpertStorageOpener open_ = OpenerOf(GetParam(), path_);

  ExpertLibrary Open(Access access = Access::kWrite, const ExpertLibrarySpec& spec = {}) {
    absl::StatusOr<ExpertLibrary> library = OpenIn(open_, access, spec);
    EXPECT_TRUE(library.ok()) << library.status();
    return *std::move(library);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const LibraryFile& file : LibraryFilesAmong(*(*open_(Access::kRead))->List())) {
      names.push_back(file.name);
    }
    return names;
  }
  void Cut(const std::string& name) {
    if (GetParam() == Place::kFolder) {
      std::filesystem::resize_file(path_ + "/" + name, 100);
      return;
    }
    auto db = OpenStoreForWriting(path_);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(
        db->Execute("UPDATE blobs SET data = substr(data, 1, 100) WHERE name = '" + name + "'")
            .ok());
  }
};

INSTANTIATE_TEST_SUITE_P(In, ExpertsKeptTest, ::testing::Values(Place::kFolder, Place::kStore),
                         [](const auto& test) {
                           return test.param == Place::kFolder ? "Folder" : "Store";
                         });

TEST_P(ExpertsKeptTest, VersionsOfExpertsAndDetector) {
  {
    ExpertLibrary library = Open(Access::kWrite, {.versions = 2});
    EXPECT_EQ(library.path(), path_);
    library.Put(SmallExpert(7, 3, 20));
    for (int i = 1; i <= 5; ++i) {
      library.Put(SmallExpert(0, 0, static_cast<float>(i)));
      ASSERT_TRUE(library.Save(Detector(i)).ok());
    }
    library.Put(SmallExpert(0, 0, 99));  // never saved
  }
  const ExpertLibrary library = Open();
  EXPECT_THAT(library.warnings(), IsEmpty());
  EXPECT_EQ(library.version(), 5);
  EXPECT_EQ(MarkOf(library, 0), 5);
  EXPECT_EQ(MarkOf(library, 7), 20);
  EXPECT_EQ(library.detector(), Detector(5));
  // What did not change is written once; what the last two versions do not need is gone.
  EXPECT_THAT(Names(), ElementsAre(ExpertFileName(7, 1), ExpertFileName(0, 4), IndexFileName(4),
                                   ExpertFileName(0, 5), IndexFileName(5)));
}

TEST_P(ExpertsKeptTest, OneWritesOthersRead) {
  EXPECT_EQ(OpenIn(open_, Access::kRead).status().code(), absl::StatusCode::kNotFound);
  ExpertLibrary library = Open();
  library.Put(SmallExpert(0, 0));
  ASSERT_TRUE(library.Save({}).ok());
  const absl::Status second = OpenIn(open_, Access::kWrite).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(MessageOf(second), HasSubstr(path_ + ": another process has"));
  ExpertLibrary reader = Open(Access::kRead);
  EXPECT_THAT(reader.experts(), SizeIs(1));
  EXPECT_EQ(reader.Save({}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(ExpertsKeptTest, DamageIsPassedOverForTheVersionBefore) {
  {
    ExpertLibrary library = Open();
    for (int version = 1; version <= 3; ++version) {
      library.Put(SmallExpert(0, 0, static_cast<float>(version)));
      library.Put(SmallExpert(1, 5, static_cast<float>(10 + version)));
      ASSERT_TRUE(library.Save(Detector(version)).ok());
    }
  }
  Cut(IndexFileName(3));
  Cut(ExpertFileName(0, 2));
  const ExpertLibrary library = Open();
  EXPECT_THAT(library.warnings(),
              ElementsAre(HasSubstr(IndexFileName(3)), HasSubstr(ExpertFileName(0, 2))));
  EXPECT_EQ(MarkOf(library, 0), 3);  // the newest of its own that is sound
  EXPECT_EQ(MarkOf(library, 1), 12);
  EXPECT_EQ(library.detector(), Detector(2));
}

// A process that saves as fast as it can, killed at any moment: experts and detector of one
// version.
TEST_P(ExpertsKeptTest, SurviveAKill) {
  int64_t last = 0;
  const RandomStream random(7, StreamPurpose::kFailure, 0);
  for (uint64_t round = 0; round < 15; ++round) {
    const auto then_us = static_cast<unsigned>(random.Below(round, 20'000));
    ASSERT_TRUE(KilledAfter(static_cast<int>(round % 4), then_us, [&](auto saved) {
      auto library = OpenIn(open_, Access::kWrite);
      while (library.ok()) {
        const auto mark = static_cast<float>(library->version() + 1);
        library->Put(SmallExpert(0, 0, mark));
        library->Put(SmallExpert(1, 5, mark));
        if (!library->Save(Detector(mark)).ok()) break;
        saved();
      }
    })) << "it ended by itself";
    const ExpertLibrary library = Open();
    ASSERT_GE(library.version(), last);
    last = library.version();
    if (last == 0) continue;  // killed before the first was whole
    ASSERT_THAT(library.warnings(), IsEmpty());
    const float mark = MarkOf(library, 0);
    ASSERT_EQ(MarkOf(library, 1), mark);
    ASSERT_EQ(library.detector(), Detector(mark));
  }
  EXPECT_GE(last, 21);  // 15 rounds: 3 times 1 + 2 + 3, and 1 + 2
}

// ---- in the store

// All of a version or nothing, also where the last of its files cannot be written.
TEST_F(ExpertStoreTest, AVersionIsOneTransaction) {
  const std::string path = folder_ + "/reeve.db";
  const auto open = OpenerOf(Place::kStore, path);
  absl::StatusOr<ExpertLibrary> library = OpenIn(open, Access::kWrite);
  ASSERT_TRUE(library.ok()) << library.status();
  library->Put(SmallExpert(0, 0, 1));
  {
    auto db = OpenStoreForWriting(path);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Execute("CREATE TRIGGER full BEFORE INSERT ON blobs WHEN new.name LIKE "
                            "'library%' BEGIN SELECT RAISE(ABORT, 'no room'); END")
                    .ok());
    EXPECT_THAT(MessageOf(library->Save({})), HasSubstr("no room"));
    EXPECT_EQ(*db->QueryInt("SELECT count(*) FROM blobs"), 0);
    ASSERT_TRUE(db->Execute("DROP TRIGGER full").ok());
  }
  EXPECT_EQ(library->version(), 0);
  ASSERT_TRUE(library->Save({}).ok());
  EXPECT_EQ(library->version(), 2);
  library = OpenIn(open, Access::kRead);
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ(MarkOf(*library, 0), 1);
}

// Experts stay, whatever is forgotten beside them, and cost the rest no room.
TEST_F(ExpertStoreTest, RetentionIsNotForExperts) {
  StoreSpec spec;
  spec.path = folder_ + "/reeve.db";
  spec.max_size = Mebibytes(4);
  spec.keep = SimTime::Seconds(1000);
  const std::string name = ExpertFileName(3, 1), bytes(6 << 20, 'x');
  {
    const auto storage = OpenExpertStore(spec.path, Access::kWrite);
    ASSERT_TRUE(storage.ok()) << storage.status();
    const ExpertStorage::File file = {name, [&] { return bytes; }};
    ASSERT_TRUE((*storage)->Write({&file, 1}).ok());
  }
  const auto told = [&](int from, int to) {
    auto store = StoreWriter::Open(spec);
    ASSERT_TRUE(store.ok()) << store.status();
    EventRecord event;
    event.message = std::string(50'000, 'e');
    for (int i = from; i < to; ++i) {
      event.wall_us = 1'700'000'000'000'000 + i * 10'000'000;
      (*store)->OnEvent(event);
      (*store)->Flush();
    }
  };
  const auto events = [&] {
    return *OpenStoreForReading(spec.path)->QueryInt("SELECT count(*) FROM events");
  };
  told(0, 60);  // 3 MB in 600 s
  EXPECT_EQ(events(), 60);
  told(60, 200);  // old after 100, too many before that
  EXPECT_LT(events(), 95);
  EXPECT_GT(events(), 60);
  const auto storage = OpenExpertStore(spec.path, Access::kRead);
  ASSERT_TRUE(storage.ok()) << storage.status();
  EXPECT_THAT(*(*storage)->List(), ElementsAre(name));
  EXPECT_EQ(*(*storage)->Read(name), bytes);
  EXPECT_TRUE(*ReadBlob(spec.path, "experts", name) == bytes);  // its checksum is right
}

// What the loop did and what was learned are written at the same time; neither is lost.
TEST_F(ExpertStoreTest, BothWritersWaitForEachOther) {
  StoreSpec spec;
  spec.path = folder_ + "/reeve.db";
  const auto store = StoreWriter::Open(spec);  // experts are added to a store that is there
  ASSERT_TRUE(store.ok()) << store.status();
  const auto open = OpenerOf(Place::kStore, spec.path);
  std::thread learner([&] {
    auto library = OpenIn(open, Access::kWrite);
    ASSERT_TRUE(library.ok()) << library.status();
    for (int i = 1; i <= 50; ++i) {
      library->Put(SmallExpert(0, 0, static_cast<float>(i)));
      ASSERT_TRUE(library->Save({}).ok());
    }
  });
  EventRecord event;
  for (int i = 0; i < 200; ++i) {
    event.wall_us = 1'700'000'000'000'000 + i;
    (*store)->OnEvent(event);
    (*store)->Flush();
  }
  learner.join();
  EXPECT_EQ((*store)->counts().written, 200u);
  EXPECT_EQ((*store)->counts().dropped, 0u);
  const auto library = OpenIn(open, Access::kRead);
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ(MarkOf(*library, 0), 50);
}

TEST_F(ExpertStoreTest, AFileIsAStoreAllElseAFolder) {
  const std::string noise = folder_ + "/noise.db";
  ASSERT_TRUE(WriteFileAtomically(noise, std::string(5000, 'n')).ok());
  for (const Access access : {Access::kRead, Access::kWrite}) {
    EXPECT_EQ(ExpertsAt(noise)(access).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(std::filesystem::exists(noise + "-experts.lock"));
  const std::string none = folder_ + "/none";
  EXPECT_EQ(ExpertsAt(none)(Access::kRead).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(none));
  ASSERT_TRUE(ExpertsAt(none)(Access::kWrite).ok());
  EXPECT_TRUE(std::filesystem::is_directory(none));
  // By another name it is the same store.
  const std::string path = folder_ + "/reeve.db", link = folder_ + "/link.db";
  const auto writer = OpenExpertStore(path, Access::kWrite);
  ASSERT_TRUE(writer.ok()) << writer.status();
  std::filesystem::create_symlink(path, link);
  EXPECT_EQ(ExpertsAt(link)(Access::kWrite).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(ExpertsAt(link)(Access::kRead).ok());
}

}  // namespace
}  // namespace reeve
