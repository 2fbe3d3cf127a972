// What OpenWhisk says when something is wrong, word for word (apache/openwhisk,
// common/.../http/ErrorResponse.scala and the limits' own requirements).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::openwhisk_server::messages {

inline constexpr std::string_view kNotFound = "The requested resource does not exist.";
inline constexpr std::string_view kNoSuchPath = "The requested resource could not be found.";
inline constexpr std::string_view kNoCredentials =
    "The resource requires authentication, which was not supplied with the request";
inline constexpr std::string_view kWrongCredentials = "The supplied authentication is invalid";
inline constexpr std::string_view kMethodNotAllowed =
    "HTTP method not allowed, supported methods: GET, PUT, POST, DELETE";
inline constexpr std::string_view kExists = "resource already exists";
inline constexpr std::string_view kConflict = "Concurrent modification to resource detected.";
inline constexpr std::string_view kConformance =
    "Resource by this name exists but is not in this collection.";
inline constexpr std::string_view kNameIllegal =
    "The name of the entity contains illegal characters.";
inline constexpr std::string_view kMalformedName =
    "The fully qualified name of the entity must contain at least the namespace and the name of "
    "the entity.";
inline constexpr std::string_view kExecUndefined = "exec undefined";
inline constexpr std::string_view kParametersNotAllowed =
    "Request defines parameters that are not allowed (e.g., reserved properties).";
inline constexpr std::string_view kDocsWithCount =
    "The parameter 'docs' is not permitted with 'count'.";
inline constexpr std::string_view kActivationIdIllegal = "The activation id is not valid.";
inline constexpr std::string_view kSequenceTooLong = "Too many actions in the sequence.";
inline constexpr std::string_view kSequenceEmpty = "No component specified for the sequence.";
inline constexpr std::string_view kSequenceCyclic = "Sequence may not refer to itself.";
inline constexpr std::string_view kSequenceComponentMissing = "Sequence component does not exist.";
inline constexpr std::string_view kSequenceFailed = "Sequence failed.";
inline constexpr std::string_view kBindingMissing =
    "Binding references a package that does not exist.";
inline constexpr std::string_view kBindingToBinding = "Cannot bind to another package binding.";
inline constexpr std::string_view kBecomeBinding =
    "Resource is a package and cannot be converted into a binding.";
inline constexpr std::string_view kNotOnBinding = "Operation not permitted on package binding.";
inline constexpr std::string_view kRuleIncomplete =
    "rule requires a valid trigger and a valid action";
inline constexpr std::string_view kRuleWithoutTrigger =
    "Only rules with existing triggers can be activated";
inline constexpr std::string_view kOverloaded = "System is overloaded, try again later.";
inline constexpr std::string_view kAbnormalRun =
    "The action did not produce a valid response and exited unexpectedly.";
inline constexpr std::string_view kProvisioning =
    "Failed to provision resources to run the action.";

inline std::string Malformed(std::string_view why) {
  return fmt::format("The request content was malformed:\n{}", why);
}
inline std::string MalformedParameter(std::string_view name, std::string_view why) {
  return fmt::format("The query parameter '{}' was malformed:\n{}", name, why);
}
inline std::string RequestsPerMinute(int64_t count, int64_t allowed) {
  return fmt::format("Too many requests in the last minute (count: {}, allowed: {}).", count,
                     allowed);
}
inline std::string ConcurrentRequests(int64_t count, int64_t allowed) {
  return fmt::format("Too many concurrent requests in flight (count: {}, allowed: {}).", count,
                     allowed);
}
inline std::string NotAuthorized(std::string_view resource) {
  return fmt::format("The supplied authentication is not authorized to access '{}'.", resource);
}
inline std::string TooBig(std::string_view field, uint64_t is, uint64_t allowed) {
  return fmt::format("{} larger than allowed: {} > {} bytes.", field, is, allowed);
}
inline std::string NameTooLong(std::string_view field, uint64_t is, uint64_t allowed) {
  return fmt::format("{} longer than allowed: {} > {}.", field, is, allowed);
}
inline std::string ListLimit(std::string_view collection, int64_t value) {
  return fmt::format("The value '{}' is not in the range of 0 to 200 for {}.", value, collection);
}
inline std::string ListSkip(std::string_view collection, int64_t value) {
  return fmt::format("The value '{}' is not greater than or equal to 0 for {}.", value, collection);
}
inline std::string NotInteger(std::string_view collection, std::string_view value) {
  return fmt::format("The value '{}' is not an integer for {}.", value, collection);
}
inline std::string BadNameFilter(std::string_view value) {
  return fmt::format("Parameter may be a 'simple' name or 'package-name/simple' name: {}", value);
}
inline std::string BadEpoch(std::string_view value) {
  return fmt::format("Parameter is not a valid value for epoch seconds: {}", value);
}
inline std::string ActivationIdLength(uint64_t is) {
  return fmt::format("Activation id length is {} but must be 32.", is);
}
inline std::string InvalidTimeout(int64_t most_ms) {
  return fmt::format("Timeout must be number of milliseconds up to {}.", most_ms);
}
// The action ran for longer than its limit says.
inline std::string TimedOut(int64_t limit_ms) {
  return fmt::format("The action exceeded its time limits of {} milliseconds.", limit_ms);
}
inline std::string RuleInactive(std::string_view rule, std::string_view action) {
  return fmt::format("Rule '{}' is inactive, action '{}' was not activated.", rule, action);
}
inline std::string PackageNotEmpty(uint64_t entities) {
  return fmt::format(
      "Package not empty (contains {} {}). Set force param or delete package contents.", entities,
      entities == 1 ? "entity" : "entities");
}
inline std::string PackageReserved(std::string_view name) {
  return fmt::format("Package name '{}' is reserved.", name);
}

}  // namespace reeve::openwhisk_server::messages
