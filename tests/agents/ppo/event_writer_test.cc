#include "agents/ppo/event_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "agents/ppo/crc32c.h"
#include "agents/ppo/events.pb.h"
#include "core/files.h"

namespace reeve {
namespace {

using tensorboard::Event;

std::string Bytes(int first, int last) {
  std::string bytes;
  for (int byte = first; byte != last; byte += last > first ? 1 : -1) {
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// The values of RFC 3720, appendix B.4.
TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(Bytes(0, 32)), 0x46dd794eu);
  EXPECT_EQ(Crc32c(Bytes(31, -1)), 0x113fdb5cu);
}

TEST(Crc32c, MaskIsLevelDbs) {
  // ((crc >> 15) | (crc << 17)) + 0xa282ead8, by hand for 0xe3069283.
  EXPECT_EQ(MaskedCrc32c("123456789"), ((0xe3069283u >> 15) | (0xe3069283u << 17)) + 0xa282ead8u);
}

std::string Folder() {
  const std::string folder = testing::TempDir() + "event_writer_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(folder);
  return folder;
}

// The framing of TFRecord, read independently of the writer; checks every checksum.
std::vector<Event> ReadEvents(const std::string& path) {
  const std::string bytes = ReadFile(path).value();
  std::vector<Event> events;
  size_t at = 0;
  const auto take = [&](auto& value) {
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    at += sizeof(value);
  };
  while (at < bytes.size()) {
    uint64_t length = 0;
    uint32_t length_crc = 0, event_crc = 0;
    EXPECT_LE(at + 12, bytes.size());
    take(length);
    take(length_crc);
    EXPECT_EQ(length_crc, MaskedCrc32c(std::string_view(bytes).substr(at - 12, 8)));
    EXPECT_LE(at + length + 4, bytes.size());
    const std::string event = bytes.substr(at, length);
    at += length;
    take(event_crc);
    EXPECT_EQ(event_crc, MaskedCrc32c(event));
    EXPECT_TRUE(events.emplace_back().ParseFromString(event));
    if (testing::Test::HasFailure()) break;
  }
  return events;
}

TEST(EventWriter, WritesWhatTensorBoardReads) {
  auto writer = EventWriter::Create(Folder(), 0);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const std::string name = std::filesystem::path(writer->path()).filename().string();
  EXPECT_THAT(name, testing::MatchesRegex("events\\.out\\.tfevents\\.[0-9]{10}\\..+"));

  writer->Add(7, std::vector<ScalarSample>{{"return", 1.5}, {"loss/policy", -0.25}});
  writer->Add(8, std::vector<ScalarSample>{{"return", 2}});
  ASSERT_TRUE(writer->Flush().ok());

  const std::vector<Event> events = ReadEvents(writer->path());
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_GT(events[0].wall_time(), 1.6e9);
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
  EXPECT_EQ(events[2].step(), 7);
  ASSERT_EQ(events[2].summary().value_size(), 2);
  EXPECT_EQ(events[2].summary().value(0).tag(), "return");
  EXPECT_EQ(events[2].summary().value(0).simple_value(), 1.5f);
  EXPECT_EQ(events[2].summary().value(1).tag(), "loss/policy");
  EXPECT_EQ(events[2].summary().value(1).simple_value(), -0.25f);
  EXPECT_EQ(events[3].step(), 8);
}

// The bytes of tensorflow's own Event: key 0x10 (field 2, varint), 0x2a (field 5, length), 0x0a
// (field 1), 0x0a (tag, field 1), 0x15 (simple_value, field 2, 32 bits), written out by hand.
TEST(EventWriter, FieldNumbersAreTensorflows) {
  Event event;
  event.set_step(3);
  auto* value = event.mutable_summary()->add_value();
  value->set_tag("a");
  value->set_simple_value(1);
  const std::string expected("\x10\x03\x2a\x0a\x0a\x08\x0a\x01\x61\x15\x00\x00\x80\x3f", 14);
  EXPECT_EQ(event.SerializeAsString(), expected);
  Event start;
  start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  EXPECT_EQ(start.SerializeAsString(), std::string("\x3a\x02\x08\x01", 4));
}

TEST(EventWriter, LeavesOutWhatIsNotFinite) {
  auto writer = EventWriter::Create(Folder(), 0);
  ASSERT_TRUE(writer.ok());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  writer->Add(1, std::vector<ScalarSample>{{"nan", nan}, {"fine", 1}});
  writer->Add(2, std::vector<ScalarSample>{{"nan", nan}});
  ASSERT_TRUE(writer->Flush().ok());
  const std::vector<Event> events = ReadEvents(writer->path());
  ASSERT_EQ(events.size(), 3u);
  ASSERT_EQ(events[2].summary().value_size(), 1);
  EXPECT_EQ(events[2].summary().value(0).tag(), "fine");
}

// What a training that died wrote is whole, and the one that goes on says from where.
TEST(EventWriter, ResumesInAFileOfItsOwn) {
  const std::string folder = Folder();
  std::string first_path;
  {
    auto first = EventWriter::Create(folder, 0);
    ASSERT_TRUE(first.ok());
    first_path = first->path();
    first->Add(1, std::vector<ScalarSample>{{"return", 1}});
    ASSERT_TRUE(first->Flush().ok());
    first->Add(2, std::vector<ScalarSample>{{"return", 2}});  // killed before it is flushed
  }
  auto second = EventWriter::Create(folder, 2);
  ASSERT_TRUE(second.ok());
  EXPECT_LT(first_path, second->path());
  EXPECT_EQ(ReadEvents(first_path).back().step(), 1);
  const std::vector<Event> events = ReadEvents(second->path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].step(), 2);
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
}

TEST(EventWriter, SaysWhereItCannotWrite) {
  const auto writer = EventWriter::Create("/dev/null/folder", 0);
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(std::string(writer.status().message()), testing::HasSubstr("/dev/null/folder"));
}

}  // namespace
}  // namespace reeve
