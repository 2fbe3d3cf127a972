#include "agents/nn/network_plan.h"

#include <string>

#include "core/check.h"

namespace reeve {
namespace {

int Find(const NetworkLayout& layout, const std::string& name) {
  for (size_t i = 0; i < layout.blocks.size(); ++i) {
    if (layout.blocks[i].name == name) return static_cast<int>(i);
  }
  return kNoBlock;
}

BlockPair Linear(const NetworkLayout& layout, const std::string& name) {
  return {Find(layout, name + ".weight"), Find(layout, name + ".bias")};
}

BlockPair Norm(const NetworkLayout& layout, const std::string& name) {
  return {Find(layout, name + ".gain"), Find(layout, name + ".bias")};
}

}  // namespace

NetworkPlan MakePlan(const NetworkLayout& layout) {
  NetworkPlan plan;
  plan.lift = Linear(layout, "lift");
  plan.final_norm = Norm(layout, "final.norm");
  plan.gru_norm = Norm(layout, "gru.norm");
  plan.gru_input = Linear(layout, "gru.input");
  plan.gru_state = Linear(layout, "gru.state");
  for (int i = 0; i < layout.spec.layers; ++i) {
    const std::string block = "block" + std::to_string(i), hidden = "hidden" + std::to_string(i);
    if (Linear(layout, block + ".inner").present()) {
      plan.residual.push_back({Norm(layout, block + ".norm"), Linear(layout, block + ".inner"),
                               Linear(layout, block + ".outer")});
    }
    if (Linear(layout, hidden).present()) {
      plan.hidden.push_back({Norm(layout, hidden + ".norm"), Linear(layout, hidden)});
    }
  }
  plan.output = Linear(layout, "output");
  REEVE_CHECK(plan.output.present());
  return plan;
}

}  // namespace reeve
