#include "controller/store/sqlite.h"

#include <sqlite3.h>

#include <filesystem>

#include "core/status.h"

namespace reeve {
namespace {

absl::Status FromSqlite(int code, const std::string& path, const std::string& what) {
  const std::string message = path + ": " + what;
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
      return absl::OkStatus();
    case SQLITE_CANTOPEN:
      return absl::NotFoundError(message);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message + ": another process holds it");
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
      return absl::DataLossError(
          message +
          ": the store is damaged; move it aside with its -wal and -shm, and "
          "a new one is begun; `sqlite3 FILE .recover` reads what is left");
    case SQLITE_NOTADB:
      return absl::DataLossError(message +
                                 ": name the store that `reeve serve` writes (store.path)");
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteStatement::Note(int code) {
  if (code != SQLITE_OK && bind_error_ == SQLITE_OK) bind_error_ = code;
}

SqliteStatement& SqliteStatement::Bind(int parameter, int64_t value) {
  Note(sqlite3_bind_int64(statement_.get(), parameter, value));
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int parameter, double value) {
  Note(sqlite3_bind_double(statement_.get(), parameter, value));
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int parameter, std::string_view text) {
  Note(sqlite3_bind_text64(statement_.get(), parameter, text.data() == nullptr ? "" : text.data(),
                           text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int parameter, std::string_view bytes) {
  Note(sqlite3_bind_blob64(statement_.get(), parameter, bytes.data() == nullptr ? "" : bytes.data(),
                           bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

SqliteStatement& SqliteStatement::BindNull(int parameter) {
  Note(sqlite3_bind_null(statement_.get(), parameter));
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  sqlite3* db = sqlite3_db_handle(statement_.get());
  int code = bind_error_;
  bind_error_ = SQLITE_OK;
  if (code == SQLITE_OK) code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  const absl::Status status =
      FromSqlite(code, path_, code == SQLITE_DONE ? "" : sqlite3_errmsg(db));
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  if (!status.ok()) return status;
  return false;
}

absl::Status SqliteStatement::Run() {
  while (true) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

int64_t SqliteStatement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double SqliteStatement::Double(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? "" : std::string(text, static_cast<size_t>(size));
}

std::string_view SqliteStatement::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<size_t>(size));
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void SqliteDb::Close::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

absl::StatusOr<SqliteDb> SqliteDb::Open(const std::string& path, Access access) {
  const int flags = access == Access::kReadOnly ? SQLITE_OPEN_READONLY
                                                : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  std::error_code error;
  if (access == Access::kReadOnly && !std::filesystem::exists(path, error)) {
    return absl::NotFoundError(path + ": there is no store");
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDb db(raw, path);  // closes it in any case
  if (code != SQLITE_OK) {
    return FromSqlite(code, path, raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw));
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  return db;
}

absl::Status SqliteDb::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return FromSqlite(code, path_, code == SQLITE_OK ? "" : sqlite3_errmsg(db_.get()));
}

absl::StatusOr<SqliteStatement> SqliteDb::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  if (code != SQLITE_OK) return FromSqlite(code, path_, sqlite3_errmsg(db_.get()));
  return SqliteStatement(raw, path_);
}

absl::StatusOr<int64_t> SqliteDb::QueryInt(std::string_view sql) {
  ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::NotFoundError(path_ + ": no row for: " + std::string(sql));
  return statement.Int(0);
}

int64_t SqliteDb::last_row() const {
  return sqlite3_last_insert_rowid(db_.get());
}

}  // namespace reeve
