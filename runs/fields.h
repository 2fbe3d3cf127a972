// What comes from a field list (run_data.h): columns and their meaning, CSV rows, JSON objects.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/ids.h"
#include "core/table.h"
#include "runs/run_data.h"

namespace reeve {

// One line of the reference.
struct ColumnDoc {
  std::string name, unit, doc;
  Better better = Better::kNeither;
  bool number = true;
};

// CSV names functions, memory holds their index: the two directions.
struct FunctionNames {
  std::vector<std::string> names;             // by index
  std::vector<uint32_t> sorted_by_name = {};  // filled by Sort
  void Sort();
  std::optional<FunctionId> Find(std::string_view name) const;  // after Sort
};

namespace fields_internal {

// Fields that are structs with a list of their own.
template <class M>
concept Nested = std::is_same_v<M, HostInfo>;
// The same, left out of JSON where there is none.
template <class M>
concept OptionalNested = std::is_same_v<M, std::optional<SafeguardSummary>> ||
    std::is_same_v<M, std::optional<ReplaySummary>>;

template <class M>
inline constexpr bool kIsOptional = false;
template <class M>
inline constexpr bool kIsOptional<std::optional<M>> = true;

// CSV numbers carry nine digits: more than any metric means, a third of the bytes.
inline void AppendCsv(double value, const FunctionNames&, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{:.9g}", value);
}
inline void AppendCsv(uint64_t value, const FunctionNames&, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}
inline void AppendCsv(const std::string& value, const FunctionNames&, std::string& out) {
  out += CsvField(value);
}
inline void AppendCsv(FunctionId id, const FunctionNames& names, std::string& out) {
  if (id.valid()) out += CsvField(names.names[id.index()]);
}
inline void AppendCsv(const std::optional<double>& value, const FunctionNames& names,
                      std::string& out) {
  if (value) AppendCsv(*value, names, out);
}

// False when the text is not such a value.
template <class Number>
bool ReadNumber(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}
inline bool ReadCsv(std::string_view text, const FunctionNames&, double& out) {
  return ReadNumber(text, out) && std::isfinite(out);
}
inline bool ReadCsv(std::string_view text, const FunctionNames&, uint64_t& out) {
  return ReadNumber(text, out);
}
inline bool ReadCsv(std::string_view text, const FunctionNames&, std::string& out) {
  out = text;
  return true;
}
inline bool ReadCsv(std::string_view text, const FunctionNames& names, FunctionId& out) {
  out = FunctionId();
  if (text.empty()) return true;
  const std::optional<FunctionId> found = names.Find(text);
  if (found) out = *found;
  return found.has_value();
}
inline bool ReadCsv(std::string_view text, const FunctionNames& names, std::optional<double>& out) {
  out.reset();
  return text.empty() || ReadCsv(text, names, out.emplace());
}

template <class T>
struct CsvWriter {
  const T& row;
  const FunctionNames& names;
  std::string& out;
  size_t columns;
  size_t next = 0;
  template <class M>
  void Field(const char*, M T::*member, const char*, const char*, Better = Better::kNeither) {
    if (next == columns) return;
    if (next++ > 0) out += ',';
    AppendCsv(row.*member, names, out);
  }
};

template <class T>
struct CsvReader {
  T& row;
  const FunctionNames& names;
  const std::vector<std::string>& values;
  size_t next = 0;
  const char* wrong = nullptr;  // name of the first field that could not be read
  size_t wrong_index = 0;
  template <class M>
  void Field(const char* name, M T::*member, const char*, const char*, Better = Better::kNeither) {
    const size_t index = next++;
    if (index >= values.size()) return;  // an optional column that the table has not
    if (wrong != nullptr || ReadCsv(values[index], names, row.*member)) return;
    wrong = name;
    wrong_index = index;
  }
};

template <class T>
struct Describer {
  std::vector<ColumnDoc>& out;
  template <class M>
  void Field(const char* name, M T::*, const char* unit, const char* doc,
             Better better = Better::kNeither) {
    constexpr bool kNumber = std::is_arithmetic_v<M> || (kIsOptional<M> && !OptionalNested<M>);
    out.push_back({name, unit, doc, better, kNumber && !std::is_same_v<M, bool>});
  }
};

template <class T>
nlohmann::ordered_json NestedJson(const T& object);

template <class T>
struct JsonWriter {
  const T& object;
  nlohmann::ordered_json& out;
  template <class M>
  void Field(const char* name, M T::*member, const char*, const char*, Better = Better::kNeither) {
    const M& value = object.*member;
    if constexpr (Nested<M>) {
      out[name] = NestedJson(value);
    } else if constexpr (OptionalNested<M>) {
      if (value) out[name] = NestedJson(*value);
    } else if constexpr (kIsOptional<M>) {
      out[name] = value && std::isfinite(*value) ? nlohmann::ordered_json(*value) : nullptr;
    } else {
      out[name] = value;
    }
  }
};

template <class T>
nlohmann::ordered_json NestedJson(const T& object) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  JsonWriter<T> writer{object, out};
  T::Fields(writer);
  return out;
}

template <class T>
struct JsonReader {
  const nlohmann::json& in;
  T& object;
  std::string error;  // the first; empty = none

  void Want(const char* name, const char* what) {
    error = fmt::format("'{}' is not {}", name, what);
  }
  template <class M>
  void Field(const char* name, M T::*member, const char*, const char*, Better = Better::kNeither) {
    if (!error.empty()) return;
    const auto it = in.find(name);
    if constexpr (OptionalNested<M>) {
      (object.*member).reset();
      if (it == in.end()) return;
      if (!it->is_object()) return Want(name, "an object");
      using Inner = typename M::value_type;
      JsonReader<Inner> reader{*it, (object.*member).emplace(), {}};
      Inner::Fields(reader);
      error = reader.error;
      return;
    } else {
      Read(name, it, object.*member);
    }
  }
  template <class M>
  void Read(const char* name, nlohmann::json::const_iterator it, M& out) {
    if (it == in.end()) {
      error = fmt::format("'{}' is missing", name);
      return;
    }
    if constexpr (Nested<M>) {
      if (!it->is_object()) return Want(name, "an object");
      JsonReader<M> reader{*it, out, {}};
      M::Fields(reader);
      error = reader.error;
    } else if constexpr (std::is_same_v<M, std::string>) {
      if (!it->is_string()) return Want(name, "text");
      out = it->template get<std::string>();
    } else if constexpr (std::is_same_v<M, bool>) {
      if (!it->is_boolean()) return Want(name, "true or false");
      out = it->template get<bool>();
    } else if constexpr (std::is_same_v<M, uint64_t>) {
      if (!it->is_number_unsigned()) return Want(name, "a whole number of 0 or more");
      out = it->template get<uint64_t>();
    } else {
      if constexpr (kIsOptional<M>) {
        out.reset();
        if (it->is_null()) return;
      }
      if (!it->is_number()) return Want(name, "a number");
      out = it->template get<double>();
    }
  }
};

}  // namespace fields_internal

template <class T>
std::vector<ColumnDoc> DescribeColumns() {
  std::vector<ColumnDoc> out;
  fields_internal::Describer<T> describer{out};
  T::Fields(describer);
  return out;
}

// Columns of a table of these rows: all, or without the optional ones where no row has them.
template <class T>
size_t CsvColumns(const std::vector<T>& rows) {
  const size_t all = DescribeColumns<T>().size();
  if constexpr (requires { T::kOptionalColumns; }) {
    for (const T& row : rows) {
      if (row.has_optional_columns()) return all;
    }
    return all - T::kOptionalColumns;
  }
  return all;
}

// "a,b,c\n", of so many columns.
template <class T>
std::string CsvHeader(size_t columns = SIZE_MAX) {
  std::string out;
  for (const ColumnDoc& column : DescribeColumns<T>()) {
    if (columns-- == 0) break;
    if (!out.empty()) out += ',';
    out += column.name;
  }
  return out += '\n';
}

// Appends "1,2,3\n", of so many columns.
template <class T>
void AppendCsvRow(const T& row, const FunctionNames& names, std::string& out,
                  size_t columns = SIZE_MAX) {
  fields_internal::CsvWriter<T> writer{row, names, out, columns};
  T::Fields(writer);
  out += '\n';
}

template <class T>
nlohmann::ordered_json ToJson(const T& object) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  fields_internal::JsonWriter<T> writer{object, out};
  T::Fields(writer);
  return out;
}

// Fills `object`; the text of the first error, empty when all is well. Every field must be there;
// keys that are not fields are left to the caller.
template <class T>
std::string FromJson(const nlohmann::json& json, T& object) {
  if (!json.is_object()) return "not an object";
  fields_internal::JsonReader<T> reader{json, object, {}};
  T::Fields(reader);
  return reader.error;
}

}  // namespace reeve
