#include "agents/adapt/library_index.h"

#include <fmt/format.h>

#include <vector>

#include "agents/adapt/tensor_vectors.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr const char* kKind = "expert_library";
constexpr size_t kMostExperts = 1'000'000;

}  // namespace

std::string SerialiseIndex(const LibraryIndex& index) {
  StateVectors own;
  std::vector<int64_t> environments, versions;
  for (const auto& [environment, version] : index.experts) {
    environments.push_back(environment);
    versions.push_back(version);
  }
  own.integers["head"] = {index.version, static_cast<int64_t>(index.experts.size()),
                          index.prior.diagonal ? 1 : 0};
  own.integers["environments"] = std::move(environments);
  own.integers["versions"] = std::move(versions);
  own.reals["prior"] = {index.prior.prior_sd, index.prior.prior_weight, index.prior.floor_sd};
  TensorFile file{.kind = kKind, .content = "{}", .tensors = {}};
  AddVectors("index.", own, file);
  AddVectors("detector.", index.detector, file);
  return SerialiseTensorFile(file);
}

absl::StatusOr<LibraryIndex> ParseIndex(const std::string& bytes, const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, ParseTensorFile(bytes, path));
  if (file.kind != kKind) {
    return absl::InvalidArgumentError(
        fmt::format("{}: a file of kind '{}', not the index of a library", path, file.kind));
  }
  const StateVectors own = TakeVectors("index.", file);
  StateReader reader(own);
  std::vector<int64_t> head, environments, versions;
  std::vector<double> prior;
  reader.Read("head", 3, head);
  if (reader.ok() && (head[0] < 1 || head[1] < 0 || static_cast<size_t>(head[1]) > kMostExperts)) {
    reader.Fail("an impossible version or number of experts");
  }
  const size_t size = reader.ok() ? static_cast<size_t>(head[1]) : 0;
  reader.Read("environments", size, environments);
  reader.Read("versions", size, versions);
  reader.Read("prior", 3, prior);
  LibraryIndex index;
  for (size_t i = 0; reader.ok() && i < size; ++i) {
    if (environments[i] < 0 || versions[i] < 1 || versions[i] > head[0] ||
        !index.experts.emplace(environments[i], versions[i]).second) {
      reader.Fail("an impossible expert");
    }
  }
  if (reader.ok() && (prior[0] < 0 || prior[1] < 0 || prior[2] <= 0)) {
    reader.Fail("an impossible prior");
  }
  if (!reader.ok()) {
    return absl::DataLossError(fmt::format("{}: damaged: {}", path, MessageOf(reader.status())));
  }
  index.version = head[0];
  index.prior = {.prior_sd = prior[0],
                 .prior_weight = prior[1],
                 .floor_sd = prior[2],
                 .diagonal = head[2] != 0};
  index.detector = TakeVectors("detector.", file);
  return index;
}

}  // namespace reeve
