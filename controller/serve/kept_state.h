// What the loop must know again after a restart, as blobs in the store: tenants that were switched,
// and functions that were taken over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/loop_spec.h"
#include "controller/tenant_modes.h"

namespace reeve {

// A tenant's switched mode holds after a restart as long as the configuration says of the tenant
// what it said when it was switched: who changes the configuration means it.
std::string WriteModes(const std::map<std::string, TenantMode>& switched, const LoopSpec& spec);
// The modes of the configuration, changed by those switches that still hold. `kept` empty: none.
// DataLoss for bytes that are not such modes.
absl::StatusOr<std::map<std::string, TenantMode>> ModesAfterRestart(const std::string& kept,
                                                                    const LoopSpec& spec);

std::string WriteIds(const std::vector<std::string>& ids);
absl::StatusOr<std::vector<std::string>> ReadIds(const std::string& kept);

}  // namespace reeve
