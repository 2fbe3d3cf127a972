#include "controller/net/listen_address.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(ListenAddressTest, IsReadAsPeopleWriteIt) {
  const auto read = [](const char* text) { return ParseListenAddress("http.listen", text); };
  EXPECT_TRUE(read("127.0.0.1:80")->loopback);
  EXPECT_TRUE(read("127.9.9.9:80")->loopback);
  EXPECT_TRUE(read("localhost:80")->loopback);
  EXPECT_TRUE(read("[::1]:80")->loopback);
  EXPECT_EQ(read("[::1]:80")->host, "::1");
  EXPECT_FALSE(read("0.0.0.0:80")->loopback);
  EXPECT_FALSE(read("[::]:80")->loopback);
  EXPECT_FALSE(read(":80")->loopback);
  EXPECT_FALSE(read("example.org:80")->loopback);
  for (const char* wrong : {"", "127.0.0.1", "::1:80", "127.0.0.1:", "127.0.0.1:x", "a:70000"}) {
    EXPECT_FALSE(read(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace reeve
