// SQLite by RAII and Status.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace reeve {

// One prepared statement. Parameters count from 1, columns from 0. Not thread-safe.
class SqliteStatement {
 public:
  SqliteStatement(SqliteStatement&&) noexcept = default;
  SqliteStatement& operator=(SqliteStatement&&) noexcept = default;

  SqliteStatement& Bind(int parameter, int64_t value);
  SqliteStatement& Bind(int parameter, double value);
  SqliteStatement& Bind(int parameter, std::string_view text);       // copied
  SqliteStatement& BindBlob(int parameter, std::string_view bytes);  // copied
  SqliteStatement& BindNull(int parameter);
  template <class T>
  SqliteStatement& BindOptional(int parameter, const std::optional<T>& value) {
    return value ? Bind(parameter, *value) : BindNull(parameter);
  }

  // True: a row is there; false: done, and the statement can be used again. A failure of a Bind
  // comes out here.
  absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  absl::Status Run();

  int64_t Int(int column) const;
  double Double(int column) const;
  std::string Text(int column) const;
  std::string_view Blob(int column) const;  // until the next Step
  bool IsNull(int column) const;

 private:
  friend class SqliteDb;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  SqliteStatement(sqlite3_stmt* statement, std::string path)
      : statement_(statement), path_(std::move(path)) {}
  void Note(int code);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string path_;
  int bind_error_ = 0;
};

// One connection; all calls, and those of its statements, from one thread at a time. Statements go
// before it.
class SqliteDb {
 public:
  enum class Access { kReadOnly, kReadWrite };  // kReadWrite makes the file if there is none
  // NotFound, PermissionDenied, … name the path; so do all errors that follow. Waits up to 5 s for
  // locks of other processes.
  static absl::StatusOr<SqliteDb> Open(const std::string& path, Access access);

  absl::Status Execute(const std::string& sql);  // one or more statements, without rows
  absl::StatusOr<SqliteStatement> Prepare(std::string_view sql);
  // The first column of the first row of a query.
  absl::StatusOr<int64_t> QueryInt(std::string_view sql);

  const std::string& path() const { return path_; }
  int64_t last_row() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  SqliteDb(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
};

}  // namespace reeve
