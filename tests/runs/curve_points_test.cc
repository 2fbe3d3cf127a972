#include "runs/curve_points.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

TEST(CurvePoints, GroupsLeaveAtMostAsManyPoints) {
  EXPECT_EQ(PointsPerGroup(0, 10), 1);
  EXPECT_EQ(PointsPerGroup(10, 10), 1);
  EXPECT_EQ(PointsPerGroup(11, 10), 2);
  EXPECT_EQ(PointsPerGroup(20, 10), 2);
  EXPECT_EQ(PointsPerGroup(21, 10), 3);
}

TEST(CurvePoints, MeansAreOfWhatIsKnownAndStandAtTheEnd) {
  const double none = std::nan("");
  const std::vector<double> values = {1, 3, none, 8, none, none, 5};
  EXPECT_EQ(GroupMeans(values, 2), (Json{2, 8, nullptr, 5}));
  EXPECT_EQ(GroupMeans(values, 1), (Json{1, 3, nullptr, 8, nullptr, nullptr, 5}));
  EXPECT_EQ(GroupEnds(values, 2), (Json{3, 8, nullptr, 5}));
  EXPECT_EQ(GroupMeans(std::vector<double>{-1.0 / 3, 1234567.8}, 1).dump(),
            "[-0.333333,1234570.0]");
  EXPECT_EQ(GroupMeans({}, 3), Json::array());
  EXPECT_EQ(GroupEnds({}, 3), Json::array());
}

}  // namespace
}  // namespace reeve
