// Experts in the store, beside what the loop did: blobs of one kind (schema.h), named as the files
// of a library are.
//
// A version is written in one transaction, synced, on a connection of its own: it is there whole or
// not at all. The store's writer and this one wait for each other, each on its own thread, up to
// 5 s. Who has the library open for writing holds the file STORE-experts.lock.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agents/adapt/expert_storage.h"

namespace reeve {

// For writing, makes the store where there is none; Unavailable while another process has its
// experts open for writing. For reading, NotFound where there is none. Other errors as of
// OpenStoreForWriting.
absl::StatusOr<std::unique_ptr<ExpertStorage>> OpenExpertStore(const std::string& path,
                                                               ExpertStorage::Access access);

// Experts in whatever `path` is: a file is a store, all else a folder. For reading, NotFound where
// there is nothing; for writing, a folder is made.
ExpertStorageOpener ExpertsAt(const std::string& path);

}  // namespace reeve
