// Typed configuration from YAML, with errors that say where, what is wrong and what is allowed:
//
//   cluster.yaml:7:3: unknown key 'conccurency' (did you mean 'concurrency'?)
//
// A configuration struct lists its fields once:
//
//   struct NodeSpec {
//     Millicores cpu = Millicores::Cores(4);
//     template <class Visitor>
//     static void Fields(Visitor& v) {
//       v.Field("cpu", &NodeSpec::cpu, "CPU of the node", AtLeast(1));
//     }
//   };
//
// and reading, writing, --help and the reference in docs/ all come from that list. A struct of
// which mostly one field is given may name it,
//
//   static constexpr std::string_view kScalarField = "cpu";
//
// and a single value is then read as a map with that field alone ("node: 4" as "node: {cpu: 4}").
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/config_node.h"
#include "core/distribution.h"
#include "core/units.h"

namespace reeve {

// Limits of a number, both ends allowed. For times they are in seconds, for CPU in millicores, for
// memory in MiB.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};
inline Limits AtLeast(double min) {
  return {.min = min};
}
inline Limits Between(double min, double max) {
  return {.min = min, .max = max};
}

// For an enum used in a configuration, overload
//   constexpr auto EnumNames(E) -> std::array<std::pair<E, std::string_view>, n>
// in the enum's namespace.

namespace config_internal {

template <class T>
struct FieldLister {
  template <class M>
  void Field(const char*, M T::*, const char*, Limits = {}) {}
};

template <class T>
concept HasFields = requires(FieldLister<T>& v) {
  T::Fields(v);
};

template <class T>
concept HasScalarField = HasFields<T> && requires {
  T::kScalarField;
};

// Scalars: each returns false with `what` set to "… is not …, allowed are …".
bool ReadScalar(const std::string& text, bool& out, std::string& what);
bool ReadScalar(const std::string& text, int32_t& out, std::string& what);
bool ReadScalar(const std::string& text, int64_t& out, std::string& what);
bool ReadScalar(const std::string& text, uint64_t& out, std::string& what);
bool ReadScalar(const std::string& text, double& out, std::string& what);
bool ReadScalar(const std::string& text, std::string& out, std::string& what);
bool ReadScalar(const std::string& text, SimTime& out, std::string& what);
bool ReadScalar(const std::string& text, Millicores& out, std::string& what);
bool ReadScalar(const std::string& text, Mebibytes& out, std::string& what);
bool ReadScalar(const std::string& text, Distribution& out, std::string& what);

std::string WriteScalar(bool value);
std::string WriteScalar(int32_t value);
std::string WriteScalar(int64_t value);
std::string WriteScalar(uint64_t value);
std::string WriteScalar(double value);
std::string WriteScalar(const std::string& value);
std::string WriteScalar(SimTime value);
std::string WriteScalar(Millicores value);
std::string WriteScalar(Mebibytes value);
std::string WriteScalar(const Distribution& value);

const char* TypeName(bool);
const char* TypeName(int32_t);
const char* TypeName(int64_t);
const char* TypeName(uint64_t);
const char* TypeName(double);
const char* TypeName(const std::string&);
const char* TypeName(SimTime);
const char* TypeName(Millicores);
const char* TypeName(Mebibytes);
const char* TypeName(const Distribution&);

inline std::optional<double> AsNumber(int32_t v) {
  return v;
}
inline std::optional<double> AsNumber(int64_t v) {
  return static_cast<double>(v);
}
inline std::optional<double> AsNumber(uint64_t v) {
  return static_cast<double>(v);
}
inline std::optional<double> AsNumber(double v) {
  return v;
}
inline std::optional<double> AsNumber(SimTime v) {
  return v.seconds();
}
inline std::optional<double> AsNumber(Millicores v) {
  return static_cast<double>(v.value());
}
inline std::optional<double> AsNumber(Mebibytes v) {
  return static_cast<double>(v.value());
}
template <class T>
std::optional<double> AsNumber(const T&) {
  return std::nullopt;
}

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsStringMap : std::false_type {};
template <class T>
struct IsStringMap<std::map<std::string, T>> : std::true_type {};

bool WantKind(const ConfigNode& node, ConfigNode::Kind kind, std::string_view key,
              ConfigErrors& errors);
// " (did you mean 'x'?)", or the list of what is allowed.
std::string Suggest(const std::string& word, const std::vector<std::string>& allowed);
void CheckKeys(const ConfigNode& node, const std::vector<std::string>& allowed,
               ConfigErrors& errors);
void CheckRepeats(const ConfigNode& node, ConfigErrors& errors);
std::string LimitsText(const Limits& limits);
std::string QuoteScalar(const std::string& value);  // quotes what YAML would misread

template <class T>
void ReadValue(const ConfigNode& node, std::string_view key, const Limits& limits, T& out,
               ConfigErrors& errors);

template <class T>
struct KeyLister {
  std::vector<std::string>& keys;
  template <class M>
  void Field(const char* name, M T::*, const char*, Limits = {}) {
    keys.push_back(name);
  }
};

template <class T>
struct FieldReader {
  const ConfigNode& node;
  T& object;
  ConfigErrors& errors;
  template <class M>
  void Field(const char* name, M T::*member, const char*, Limits limits = {}) {
    if (const auto value = node.Get(name)) {
      ReadValue(*value, name, limits, object.*member, errors);
    }
  }
};

// Reads the field that a single value stands for.
template <class T>
struct ScalarFieldReader {
  const ConfigNode& node;
  T& object;
  ConfigErrors& errors;
  template <class M>
  void Field(const char* name, M T::*member, const char*, Limits limits = {}) {
    if (name == T::kScalarField) ReadValue(node, name, limits, object.*member, errors);
  }
};

template <class T>
bool ReadAsScalarField(const ConfigNode& node, T& out, ConfigErrors& errors) {
  if constexpr (HasScalarField<T>) {
    if (node.kind() != ConfigNode::Kind::kScalar) return false;
    ScalarFieldReader<T> reader{node, out, errors};
    T::Fields(reader);
    return true;
  }
  return false;
}

template <class T>
void ReadValue(const ConfigNode& node, std::string_view key, const Limits& limits, T& out,
               ConfigErrors& errors) {
  if constexpr (HasFields<T>) {
    const size_t errors_before = errors.count();
    // "key:" with nothing: the defaults.
    if (node.kind() != ConfigNode::Kind::kNull && !ReadAsScalarField(node, out, errors)) {
      if (!WantKind(node, ConfigNode::Kind::kMap, key, errors)) return;
      std::vector<std::string> keys;
      KeyLister<T> lister{keys};
      T::Fields(lister);
      CheckKeys(node, keys, errors);
      CheckRepeats(node, errors);
      FieldReader<T> reader{node, out, errors};
      T::Fields(reader);
    }
    if constexpr (requires { out.Validate(); }) {
      if (errors.count() > errors_before) return;  // what it says could be a consequence
      if (const absl::Status status = out.Validate(); !status.ok()) {
        errors.Add(node.Where(), std::string(status.message().data(), status.message().size()));
      }
    }
  } else if constexpr (IsOptional<T>::value) {
    if (node.kind() == ConfigNode::Kind::kNull) {
      out.reset();
      return;
    }
    typename T::value_type value{};
    ReadValue(node, key, limits, value, errors);
    out = std::move(value);
  } else if constexpr (IsVector<T>::value) {
    if (!WantKind(node, ConfigNode::Kind::kSequence, key, errors)) return;
    out.clear();
    for (const ConfigNode& item : node.Items()) {
      ReadValue(item, key, limits, out.emplace_back(), errors);
    }
  } else if constexpr (IsStringMap<T>::value) {
    if (!WantKind(node, ConfigNode::Kind::kMap, key, errors)) return;
    CheckRepeats(node, errors);
    out.clear();
    for (const auto& entry : node.Entries()) {
      ReadValue(entry.value, entry.key, limits, out[entry.key], errors);
    }
  } else if constexpr (std::is_enum_v<T>) {
    if (!WantKind(node, ConfigNode::Kind::kScalar, key, errors)) return;
    const std::string text = node.Scalar();
    std::vector<std::string> names;
    for (const auto& [value, name] : EnumNames(T{})) {
      if (text == name) {
        out = value;
        return;
      }
      names.emplace_back(name);
    }
    errors.Add(node.Where(),
               std::string(key) + ": unknown value '" + text + "'" + Suggest(text, names));
  } else {
    if (!WantKind(node, ConfigNode::Kind::kScalar, key, errors)) return;
    std::string what;
    T value{};
    if (!ReadScalar(node.Scalar(), value, what)) {
      errors.Add(node.Where(), std::string(key) + ": " + what);
      return;
    }
    if (const auto number = AsNumber(value);
        number && !(*number >= limits.min && *number <= limits.max)) {
      errors.Add(node.Where(), std::string(key) + ": " + node.Scalar() +
                                   " is out of range, allowed is " + LimitsText(limits));
      return;
    }
    out = std::move(value);
  }
}

template <class T>
void WriteValue(const T& value, int indent, std::string& out);

template <class T>
struct FieldWriter {
  const T& object;
  int indent;
  std::string& out;
  template <class M>
  void Field(const char* name, M T::*member, const char*, Limits = {}) {
    const M& value = object.*member;
    if constexpr (IsOptional<M>::value) {
      if (!value) return;
    }
    out.append(static_cast<size_t>(indent), ' ').append(name).append(":");
    WriteValue(value, indent, out);
  }
};

// Writes after "key:" — a scalar on the same line, maps and sequences indented below.
template <class T>
void WriteValue(const T& value, int indent, std::string& out) {
  if constexpr (HasFields<T>) {
    out += "\n";
    const size_t begin = out.size();
    FieldWriter<T> writer{value, indent + 2, out};
    T::Fields(writer);
    // Nothing set: an empty map, as nothing at all would read as null.
    if (out.size() == begin) out.replace(begin - 1, 1, " {}\n");
  } else if constexpr (IsOptional<T>::value) {
    if (value) {
      WriteValue(*value, indent, out);
    } else {
      out += " null\n";
    }
  } else if constexpr (IsVector<T>::value) {
    if (value.empty()) {
      out += " []\n";
      return;
    }
    out += "\n";
    for (const auto& item : value) {
      out.append(static_cast<size_t>(indent) + 2, ' ').append("-");
      WriteValue(item, indent + 2, out);
    }
  } else if constexpr (IsStringMap<T>::value) {
    if (value.empty()) {
      out += " {}\n";
      return;
    }
    out += "\n";
    for (const auto& [name, item] : value) {
      out.append(static_cast<size_t>(indent) + 2, ' ').append(QuoteScalar(name)).append(":");
      WriteValue(item, indent + 2, out);
    }
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& [candidate, name] : EnumNames(T{})) {
      if (candidate == value) out.append(" ").append(name).append("\n");
    }
  } else {
    out.append(" ").append(WriteScalar(value)).append("\n");
  }
}

}  // namespace config_internal

// Fills `out` (which holds the defaults) from a document. Unknown and repeated keys, wrong types
// and impossible values are all reported, located; what `out` then holds is unspecified. `T` and
// the structs in it may have `absl::Status Validate() const` for conditions between fields; it is
// called on what the document gives, and its message reported at that place.
template <class T>
absl::Status ReadConfig(const ConfigNode& node, T& out) {
  ConfigErrors errors;
  config_internal::ReadValue(node, "the document", {}, out, errors);
  return errors.empty() ? absl::OkStatus() : errors.ToStatus();
}

// The YAML text of a configuration, every field written; ReadConfig of it gives the same value.
template <class T>
std::string WriteConfig(const T& config) {
  std::string out;
  config_internal::FieldWriter<T> writer{config, 0, out};
  T::Fields(writer);
  return out;
}

// One line of the reference: what --help and docs/ show.
struct FieldDoc {
  std::string path;           // "container.cpu_limit"
  std::string type;           // "CPU", "time", "one of a, b", …
  std::string default_value;  // as YAML
  std::string limits;         // "" or "at least 0"
  std::string doc;
};

namespace config_internal {

template <class M>
void Describe(const M& value, const std::string& path, const char* doc, const Limits& limits,
              std::vector<FieldDoc>& out);

template <class T>
struct FieldDescriber {
  const T& defaults;
  const std::string& prefix;
  std::vector<FieldDoc>& out;
  template <class M>
  void Field(const char* name, M T::*member, const char* doc, Limits limits = {}) {
    Describe(defaults.*member, prefix + name, doc, limits, out);
  }
};

template <class M>
void Describe(const M& value, const std::string& path, const char* doc, const Limits& limits,
              std::vector<FieldDoc>& out) {
  if constexpr (HasFields<M>) {
    const std::string prefix = path + ".";
    FieldDescriber<M> describer{value, prefix, out};
    M::Fields(describer);
  } else if constexpr (IsOptional<M>::value) {
    const size_t first = out.size();
    Describe(typename M::value_type{}, path, doc, limits, out);
    for (size_t i = first; i < out.size(); ++i) out[i].default_value = "unset";
  } else if constexpr (IsVector<M>::value) {
    const size_t first = out.size();
    Describe(typename M::value_type{}, path + "[]", doc, limits, out);
    if constexpr (!HasFields<typename M::value_type>) out[first].default_value = "[]";
  } else if constexpr (IsStringMap<M>::value) {
    Describe(typename M::mapped_type{}, path + ".<name>", doc, limits, out);
  } else if constexpr (std::is_enum_v<M>) {
    FieldDoc field{.path = path, .type = "one of", .default_value = "", .limits = "", .doc = doc};
    const char* separator = " ";
    for (const auto& [candidate, name] : EnumNames(M{})) {
      field.type.append(separator).append(name);
      separator = ", ";
      if (candidate == value) field.default_value = name;
    }
    out.push_back(std::move(field));
  } else {
    out.push_back(
        {path, TypeName(value), WriteScalar(value),
         limits.min == Limits{}.min && limits.max == Limits{}.max ? "" : LimitsText(limits), doc});
  }
}

}  // namespace config_internal

template <class T>
std::vector<FieldDoc> DescribeConfig() {
  std::vector<FieldDoc> out;
  const T defaults{};
  const std::string prefix;
  config_internal::FieldDescriber<T> describer{defaults, prefix, out};
  T::Fields(describer);
  return out;
}

}  // namespace reeve
