// A training's log and the results of a study of learning that look like real ones, for tests of
// their pages. Nothing is trained: numbers are made up.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace reeve {

// training.csv of `iterations` iterations of 10,000 environment steps and as many `agents`, called
// "f0", "f1", …; with every name of runs/training_log.h.
std::string SyntheticTrainingLog(int iterations, int agents);

// In the form of runs/learning_study_page.h: scenarios "steady" and "bursty"; variants "MA-PPO",
// "S-RL", "S-RL alone" and the rule "kpa"; five functions, four seeds, 120 iterations; two ratios,
// one of which is an excess over 1.
nlohmann::json SyntheticStudy();

}  // namespace reeve
