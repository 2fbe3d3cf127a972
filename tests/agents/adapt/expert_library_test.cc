#include "agents/adapt/expert_library.h"

#include <fstream>

#include "agents/adapt/expert_comparison.h"
#include "agents/adapt/expert_exchange.h"
#include "agents/adapt/library_files.h"
#include "core/files.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "tests/agents/adapt/expert_testing.h"
#include "tests/killed_process.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

StateVectors Detector(double mark) {
  StateVectors state;
  state.reals["book.mean"] = {mark, -mark};
  state.integers["shift.count"] = {7};
  return state;
}

float MarkOf(const Expert& expert) {
  return expert.state.model.actor_parameters[0];
}

TEST(Expert, ComesBackToTheBit) {
  Expert expert = SmallExpert(3, 0.1);
  expert.begun_from = 1;
  expert.created = SimTime::Micros(17);
  expert.exploration_steps = 500;
  expert.explored = true;
  expert.Note({SimTime::Seconds(5), -0.3, 40});
  const std::string bytes = SerialiseExpert(expert);
  const auto read = ParseExpert(bytes, "x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SerialiseExpert(*read), bytes);  // nothing is left out of what is written
  EXPECT_EQ(read->environment, 3);
  EXPECT_EQ(read->label, "e3");
  EXPECT_EQ(read->begun_from, 1);
  EXPECT_EQ(read->created, SimTime::Micros(17));
  EXPECT_EQ(read->last_used, SimTime::Seconds(3));
  EXPECT_EQ(read->exploration_steps, 500);
  EXPECT_TRUE(read->explored);
  EXPECT_EQ(read->stats.visits, 2);
  EXPECT_EQ(read->stats.contexts.mean, expert.stats.contexts.mean);
  ASSERT_THAT(read->history, SizeIs(1));
  EXPECT_EQ(read->history[0].mean_return, -0.3);
  EXPECT_EQ(read->state.actor_second_moments, expert.state.actor_second_moments);
  // It is a policy's file as well.
  EXPECT_TRUE(ParsePolicy(bytes, "x").ok());
}

TEST(ExpertLibrary, KeepsExpertsAndDetectorTogether) {
  const std::string folder = FreshFolder();
  {
    ExpertLibrary library = OpenLibrary(folder);
    library.Put(SmallExpert(0, 0, 10));
    library.Put(SmallExpert(5, 9, 20));
    ASSERT_TRUE(library.Save(Detector(0.1)).ok());
    library.Put(SmallExpert(5, 9, 21));
    ASSERT_TRUE(library.Save(Detector(0.2)).ok());
    library.Put(SmallExpert(0, 0, 99));  // never saved
  }
  const ExpertLibrary library = OpenLibrary(folder);
  EXPECT_THAT(library.warnings(), IsEmpty());
  EXPECT_EQ(library.version(), 2);
  EXPECT_EQ(MarkOf(*library.Find(0)), 10);
  EXPECT_EQ(MarkOf(*library.Find(5)), 21);
  EXPECT_EQ(library.Find(1), nullptr);
  EXPECT_EQ(library.detector(), Detector(0.2));
  // What did not change was not written again.
  EXPECT_TRUE(std::filesystem::exists(folder + "/" + ExpertFileName(0, 1)));
  EXPECT_FALSE(std::filesystem::exists(folder + "/" + ExpertFileName(0, 2)));
}

TEST(ExpertLibrary, KeepsTheLastVersions) {
  const std::string folder = FreshFolder();
  ExpertLibrary library = OpenLibrary(folder, {.versions = 2});
  library.Put(SmallExpert(7, 0));
  for (int i = 1; i <= 5; ++i) {
    library.Put(SmallExpert(0, 0, static_cast<float>(i)));
    if (i == 2) {
      ASSERT_TRUE(library.Forget(7).ok());
    }
    ASSERT_TRUE(library.Save({}).ok());
  }
  std::vector<std::string> names;
  for (const LibraryFile& file : LibraryFiles(folder)) names.push_back(file.name);
  EXPECT_THAT(names, ElementsAre(ExpertFileName(0, 4), IndexFileName(4), ExpertFileName(0, 5),
                                 IndexFileName(5)));
  EXPECT_EQ(library.Forget(7).code(), absl::StatusCode::kNotFound);
}

TEST(ExpertLibrary, TwoDoNotWriteAtOnce) {
  const std::string folder = FreshFolder();
  ExpertLibrary library = OpenLibrary(folder);
  library.Put(SmallExpert(0, 0));
  ASSERT_TRUE(library.Save({}).ok());
  const auto second = ExpertLibrary::Open(folder, {}, {}, ExpertLibrary::Access::kWrite);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(MessageOf(second.status()), HasSubstr("another process has this library"));
  auto reader = ExpertLibrary::Open(folder, {}, {}, ExpertLibrary::Access::kRead);
  ASSERT_TRUE(reader.ok());
  EXPECT_THAT(reader->experts(), SizeIs(1));
  EXPECT_EQ(reader->Save({}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ExpertLibrary::Open("/nowhere", {}, {}, ExpertLibrary::Access::kRead).status().code(),
            absl::StatusCode::kNotFound);
}

// ---- Damage

// Two versions of two experts; what a library opens with after `damage` to the file `name`.
class Damage : public ::testing::Test {
 protected:
  Damage() {
    ExpertLibrary library = OpenLibrary(folder_);
    for (int version = 1; version <= 2; ++version) {
      library.Put(SmallExpert(0, 0, static_cast<float>(version)));
      library.Put(SmallExpert(1, 5, static_cast<float>(10 + version)));
      EXPECT_TRUE(library.Save(Detector(version)).ok());
    }
  }
  // Whole, in the newest version or that before, and it says so.
  void ExpectSound(const std::string& name, const std::string& bytes) {
    std::filesystem::remove(folder_ + "/" + name);  // what is replaced in place is flushed: slow
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
    const auto library = ExpertLibrary::Open(folder_, {}, {}, ExpertLibrary::Access::kRead);
    ASSERT_TRUE(library.ok()) << library.status();
    ASSERT_THAT(library->experts(), SizeIs(2));
    ASSERT_THAT(library->warnings(), SizeIs(1));
    ASSERT_THAT(library->warnings()[0], HasSubstr(name));
    const bool index = name == IndexFileName(2);
    ASSERT_EQ(MarkOf(*library->Find(0)), 1);
    ASSERT_EQ(MarkOf(*library->Find(1)), index ? 11 : 12);
    ASSERT_EQ(library->detector(), Detector(index ? 1 : 2));
  }
  void ExpectEveryDamageIsPassedOver(const std::string& name) {
    const std::string whole = ReadFile(folder_ + "/" + name).value();
    for (size_t size = 0; size < whole.size(); ++size) {
      ExpectSound(name, whole.substr(0, size));
      if (HasFatalFailure()) FAIL() << name << " cut at " << size;
    }
    for (size_t bit = 0; bit < 8 * whole.size(); bit += 7) {
      std::string bytes = whole;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      ExpectSound(name, bytes);
      if (HasFatalFailure()) FAIL() << name << " bit " << bit;
    }
  }
  const std::string folder_ = FreshFolder();
};

TEST_F(Damage, OfTheIndexBringsTheVersionBefore) {
  ExpectEveryDamageIsPassedOver(IndexFileName(2));
}
TEST_F(Damage, OfAnExpertBringsItsVersionBefore) {
  ExpectEveryDamageIsPassedOver(ExpertFileName(0, 2));
}

TEST_F(Damage, WithoutAnIndexExpertsAreStillThere) {
  for (int version = 1; version <= 2; ++version) {
    std::filesystem::resize_file(folder_ + "/" + IndexFileName(version), 20);
  }
  ExpertLibrary library = OpenLibrary(folder_);
  EXPECT_THAT(library.experts(), SizeIs(2));
  EXPECT_EQ(MarkOf(*library.Find(0)), 2);
  EXPECT_THAT(library.warnings(), SizeIs(3));
  EXPECT_TRUE(library.detector().reals.empty());
  ASSERT_TRUE(library.Save(Detector(3)).ok());  // and it goes on from there
  EXPECT_EQ(library.version(), 3);
}

TEST_F(Damage, LossIsSaidAndDoesNotSpread) {
  std::filesystem::remove(folder_ + "/" + ExpertFileName(0, 1));
  std::filesystem::remove(folder_ + "/" + ExpertFileName(0, 2));
  const ExpertLibrary library = OpenLibrary(folder_);
  EXPECT_THAT(library.experts(), SizeIs(1));
  EXPECT_THAT(library.warnings(), Contains(HasSubstr("expert 0 is lost")));
}

// A process that saves as fast as it can, killed at any moment: experts and detector of one
// version.
TEST(ExpertLibrary, SurvivesAKill) {
  const std::string folder = FreshFolder();
  int64_t last = 0;
  for (int round = 0; round < 25; ++round) {
    // Now and then before the first is whole.
    ASSERT_TRUE(KilledAfter(round % 4, static_cast<unsigned>(700 * round), [&](auto saved) {
      auto library = ExpertLibrary::Open(folder, {}, {}, ExpertLibrary::Access::kWrite);
      while (library.ok()) {
        const auto mark = static_cast<float>(library->version() + 1);
        library->Put(SmallExpert(0, 0, mark));
        library->Put(SmallExpert(1, 5, mark));
        if (!library->Save(Detector(mark)).ok()) break;
        saved();
      }
    }));
    auto library = ExpertLibrary::Open(folder, {}, {}, ExpertLibrary::Access::kWrite);
    ASSERT_TRUE(library.ok()) << library.status();
    EXPECT_GE(library->version(), last);
    last = library->version();
    if (last == 0) continue;  // killed before the first was whole
    EXPECT_THAT(library->warnings(), IsEmpty());
    const float mark = MarkOf(*library->Find(0));
    EXPECT_EQ(MarkOf(*library->Find(1)), mark);
    EXPECT_EQ(library->detector(), Detector(mark));
  }
  EXPECT_GE(last, 36);  // 6 times 1 + 2 + 3
  OpenLibrary(folder).Save({}).IgnoreError();
  EXPECT_THAT(HalfWrittenFiles(folder), IsEmpty());
}

// ---- Closest, warm start, room

TEST(ExpertLibrary, ClosestByContexts) {
  ExpertLibrary library = OpenLibrary(FreshFolder());
  library.Put(SmallExpert(0, 0));
  library.Put(SmallExpert(1, 10));
  library.Put(SmallExpert(2, 30));
  Expert blank = SmallExpert(3, 0);
  blank.stats.contexts = {};
  library.Put(blank);
  EXPECT_EQ(library.Closest(SmallExpert(9, 13).stats.contexts), 1);
  EXPECT_EQ(library.Closest(SmallExpert(9, 25).stats.contexts), 2);
  EXPECT_EQ(library.Closest(ContextMoments(2)), std::nullopt);
  EXPECT_FALSE(library.Distance(0, 3).has_value());
  // Of equal variance v an eighth of d^2 / v; v = (100 + 20 / 4) / 120 + 1 / 16.
  EXPECT_NEAR(*library.Distance(0, 1), 100 / 8.0 / (105.0 / 120 + 1.0 / 16), 1e-9);
}

TEST(ExpertLibrary, WarmStartIsAChoice) {
  const EnvironmentStats stats = SmallExpert(4, 8).stats;
  for (const WarmStart choice : {WarmStart::kClosest, WarmStart::kScratch}) {
    ExpertLibrary library = OpenLibrary(FreshFolder() + std::to_string(static_cast<int>(choice)),
                                        {.warm_start = choice});
    library.Put(SmallExpert(0, 0, 10));
    library.Put(SmallExpert(1, 10, 20));
    const TrainerState scratch = SmallState(0.5F);
    EnvironmentStats now = stats;
    now.id = 4;
    const Expert begun = library.Begin(now, scratch, {}, SimTime::Seconds(3));
    const bool warm = choice == WarmStart::kClosest;
    EXPECT_EQ(MarkOf(begun), warm ? 20 : 0.5F);
    EXPECT_EQ(begun.begun_from, warm ? 1 : kNoEnvironment);
    EXPECT_EQ(begun.environment, 4);
    EXPECT_EQ(begun.state.actor_first_moments, scratch.actor_first_moments);  // not the closest's
    EXPECT_FALSE(begun.explored);
    // Other networks cannot be begun from.
    EXPECT_EQ(library.Begin(now, SmallState(0.5F, 3), {}, {}).begun_from, kNoEnvironment);
  }
}

TEST(ExpertLibrary, EvictsTheLeastRecentlyUsed) {
  ExpertLibrary library =
      OpenLibrary(FreshFolder(), {.max_experts = 2, .when_full = WhenFull::kEvict});
  EXPECT_THAT(library.Put(SmallExpert(3, 0)), IsEmpty());
  EXPECT_THAT(library.Put(SmallExpert(2, 5)), IsEmpty());
  const auto departures = library.Put(SmallExpert(0, 9));  // itself the oldest, and new
  ASSERT_THAT(departures, SizeIs(1));
  EXPECT_EQ(departures[0].environment, 2);
  EXPECT_FALSE(departures[0].merged_into.has_value());
  EXPECT_THAT(departures[0].message, HasSubstr("expert 2 (e2) goes, the least recently used"));
  EXPECT_NE(library.Find(0), nullptr);
}

TEST(ExpertLibrary, MergesTheClosestTwo) {
  ExpertLibrary library = OpenLibrary(FreshFolder(), {.max_experts = 3});
  library.Put(SmallExpert(0, 0, 10));
  Expert learned = SmallExpert(1, 2, 20);
  learned.state.steps_done = 5000;
  learned.Note({SimTime::Seconds(9), 1, 1});
  library.Put(learned);
  library.Put(SmallExpert(2, 40));
  const auto departures = library.Put(SmallExpert(3, 80));
  ASSERT_THAT(departures, SizeIs(1));
  EXPECT_EQ(departures[0].environment, 0);
  EXPECT_EQ(departures[0].merged_into, 1);
  EXPECT_THAT(departures[0].message, HasSubstr("expert 0 (e0) becomes part of expert 1 (e1)"));
  const Expert& merged = *library.Find(1);
  EXPECT_EQ(MarkOf(merged), 20);
  EXPECT_EQ(merged.stats.visits, 4);
  EXPECT_EQ(merged.stats.contexts.count, 200);
  EXPECT_DOUBLE_EQ(merged.stats.contexts.mean[0], 1);
  EXPECT_DOUBLE_EQ(merged.stats.contexts.covariance[0], 2);  // 1 + (2 / 2)^2
  EXPECT_THAT(merged.history, SizeIs(1));
}

// ---- Comparison, export, import

TEST(Experts, Compare) {
  Expert a = SmallExpert(0, 0, 1), b = SmallExpert(1, 0, 1);
  const auto same = CompareExperts(a, b, 100, 1);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->choices_compared, 100);
  EXPECT_EQ(same->choices_differ, 0);
  for (const BlockDistance& block : same->blocks) EXPECT_EQ(block.distance, 0);

  // The bias of the output decides: 3 and 4 apart, so 5.
  const ParameterBlock& bias = a.state.model.actor.block("output.bias");
  const auto at = static_cast<size_t>(bias.offset);
  b.state.model.actor_parameters[at] += 3;
  b.state.model.actor_parameters[at + 1] += 4;
  const auto other = CompareExperts(a, b, 100, 1);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->choices_differ, 1);  // of equals the first; now the second is more probable
  for (const BlockDistance& block : other->blocks) {
    EXPECT_EQ(block.distance, block.network == "actor" && block.block == "output.bias" ? 5 : 0);
  }
  b.state = SmallState(1, 3);
  EXPECT_THAT(MessageOf(CompareExperts(a, b, 1, 1).status()), HasSubstr("other networks"));
}

TEST(Experts, ExportAndImport) {
  const std::string folder = FreshFolder();
  ExpertLibrary library = OpenLibrary(folder);
  library.Put(SmallExpert(0, 0, 10));
  const std::string policy = folder + "/a.rpolicy", training = folder + "/a.ckpt";
  ASSERT_TRUE(ExportExpert(library, 0, false, policy).ok());
  ASSERT_TRUE(ExportExpert(library, 0, true, training).ok());
  EXPECT_EQ(LoadPolicy(policy)->model.actor_parameters[0], 10);
  EXPECT_EQ(ExportExpert(library, 4, false, policy).code(), absl::StatusCode::kNotFound);

  ExpertLibrary empty = OpenLibrary(folder + "/other");
  EXPECT_THAT(MessageOf(ImportExpert(empty, 1, policy).status()), HasSubstr("without a critic"));
  const auto whole = ImportExpert(empty, 1, training);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->state.actor_second_moments, library.Find(0)->state.actor_second_moments);
  Expert local = SmallExpert(2, 0, 30);
  local.state.model.critic_parameters[0] = 77;
  empty.Put(local);
  const auto imported = ImportExpert(empty, 1, policy);
  ASSERT_TRUE(imported.ok());
  EXPECT_EQ(MarkOf(*imported), 10);
  EXPECT_EQ(imported->state.model.critic_parameters[0], 77);
  EXPECT_TRUE(imported->explored);
  empty.Put(*imported);
  EXPECT_TRUE(empty.Save({}).ok());
}

}  // namespace
}  // namespace reeve
