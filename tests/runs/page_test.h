// What tests of pages share: a browser, a folder for the pages, and after each test that the page
// complained of nothing, asked nothing of the network and ran no code out of a name. Tests are
// skipped where chromium is not installed.
//
// With REEVE_SCREENSHOTS set to a folder, the pages are photographed into it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/runs/chromium.h"

namespace reeve {

// The titles of the figures that show a canvas with something drawn on it.
inline constexpr const char* kDrawnCharts = R"((() => {
  const drawn = (canvas) => {
    const copy = new OffscreenCanvas(Math.max(1, canvas.width), Math.max(1, canvas.height));
    const context = copy.getContext('2d', {willReadFrequently: true});
    context.drawImage(canvas, 0, 0);
    const {data} = context.getImageData(0, 0, copy.width, copy.height);
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 200) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return colours.size > 4;
  };
  return [...document.querySelectorAll('main figure')].filter((f) => f.offsetHeight > 0 &&
    drawn(f.querySelector('canvas'))).map((f) => f.dataset.chart);
})())";

// The chart of that title: Chart.js's object.
inline std::string ChartOf(const std::string& title) {
  return "Chart.getChart([...document.querySelectorAll('figure')].find((f) => f.dataset.chart "
         "=== " +
         nlohmann::json(title).dump() + ").querySelector('canvas'))";
}

// Chooses `value` at the <select> of that id.
inline std::string Choose(const std::string& id, const std::string& value) {
  return "{ const s = document.querySelector('#" + id +
         "'); s.value = " + nlohmann::json(value).dump() +
         "; if (s.value !== " + nlohmann::json(value).dump() +
         ") throw new Error('no such choice');" + "s.dispatchEvent(new Event('change')); }";
}

class PageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ =
        std::filesystem::temp_directory_path() / ("reeve-page-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    const std::string program = FindChromium();
    if (!program.empty()) browser_ = new Chromium(program);
  }
  static void TearDownTestSuite() {
    delete browser_;
    browser_ = nullptr;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void SetUp() override {
    if (browser_ == nullptr) {
      GTEST_SKIP() << "chromium is not installed (Debian: apt-get install chromium)";
    }
    browser_->Resize(1280, 900);
    browser_->PreferDark(false);
  }
  void TearDown() override {
    if (browser_ == nullptr) return;
    EXPECT_THAT(browser_->complaints(), testing::IsEmpty());
    EXPECT_THAT(browser_->requests(), testing::IsEmpty());
    EXPECT_EQ(browser_->Evaluate("typeof window.hacked"), "undefined");
  }

  static std::string PathOf(const std::string& name) { return (folder_ / name).string(); }
  static void Open(const std::string& name) { browser_->Open(PathOf(name)); }
  static std::vector<std::string> Strings(const std::string& expression) {
    return browser_->Evaluate(expression).get<std::vector<std::string>>();
  }
  static void Photograph(const std::string& name, bool whole_page) {
    const char* folder = std::getenv("REEVE_SCREENSHOTS");
    if (folder == nullptr) return;
    std::filesystem::create_directories(folder);
    browser_->Screenshot((std::filesystem::path(folder) / (name + ".png")).string(), whole_page);
  }

  static inline std::filesystem::path folder_;
  static inline Chromium* browser_ = nullptr;
};

}  // namespace reeve
