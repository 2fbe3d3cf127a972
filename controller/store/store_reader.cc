#include "controller/store/store_reader.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

#include "controller/store/schema.h"
#include "controller/store/window_codec.h"
#include "core/status.h"

namespace reeve {
namespace {

bool IsThere(const std::string& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::exists(path, error);
}

absl::StatusOr<std::map<int64_t, StoredFunction>> ReadFunctions(SqliteDb& db) {
  std::map<int64_t, StoredFunction> functions;
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   db.Prepare("SELECT function, id, name, tenant FROM functions"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return functions;
    functions[statement.Int(0)] = {statement.Text(1), statement.Text(2), statement.Text(3)};
  }
}

Cell WhenCell(int64_t wall_us) {
  using std::chrono::microseconds;
  using std::chrono::system_clock;
  const system_clock::time_point at{
      std::chrono::duration_cast<system_clock::duration>(microseconds(wall_us))};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return Cell::Text(
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), (wall_us / 1000) % 1000));
}

Cell IntCell(const SqliteStatement& statement, int column) {
  if (statement.IsNull(column)) return Cell::Missing();
  return Cell::Number(static_cast<double>(statement.Int(column)),
                      std::to_string(statement.Int(column)));
}

Cell TextCell(const SqliteStatement& statement, int column) {
  const std::string text = statement.Text(column);
  return text.empty() ? Cell::Missing() : Cell::Text(text);
}

// The conditions of a query as SQL; parameters are 1 since, 2 until, 3 tenant, 4 function.
std::string Conditions(const LogQuery& query, std::string_view tenant, std::string_view function) {
  std::string sql = "1";
  if (query.since_us) sql += " AND wall_us >= ?1";
  if (query.until_us) sql += " AND wall_us <= ?2";
  if (!query.tenant.empty() && !tenant.empty()) sql += fmt::format(" AND {} = ?3", tenant);
  if (!query.function.empty() && !function.empty()) {
    sql += fmt::format(" AND {0}.name = ?4", function);
  }
  return sql;
}

// The newest `limit` rows of a query, oldest first.
std::string Newest(const std::string& columns, const std::string& from,
                   const std::string& conditions, int64_t limit) {
  return fmt::format(
      "SELECT * FROM (SELECT {}, wall_us AS at, {}.rowid AS row FROM {} WHERE {} ORDER BY at DESC, "
      "row DESC LIMIT {}) ORDER BY at, row",
      columns, from.substr(0, from.find(' ')), from, conditions, limit == 0 ? -1 : limit);
}

absl::StatusOr<SqliteStatement> Bound(SqliteDb& db, const std::string& sql, const LogQuery& query) {
  ASSIGN_OR_RETURN(SqliteStatement statement, db.Prepare(sql));
  if (query.since_us) statement.Bind(1, *query.since_us);
  if (query.until_us) statement.Bind(2, *query.until_us);
  if (sql.find("?3") != std::string::npos) statement.Bind(3, std::string_view(query.tenant));
  if (sql.find("?4") != std::string::npos) statement.Bind(4, std::string_view(query.function));
  return statement;
}

Table::Column Left(const char* key, const char* title) {
  return {key, title, Table::Align::kLeft};
}

absl::StatusOr<Table> ReadDecisions(SqliteDb& db, const LogQuery& query) {
  Table table({Left("time", "time"),
               Left("tenant", "tenant"),
               Left("function", "function"),
               Left("mode", "mode"),
               Left("decider", "by"),
               Left("stage", "numbers"),
               {"wished_replicas", "wished"},
               {"applied_replicas", "applied"},
               {"replicas_asked", "asked"},
               {"containers_ready", "ready"},
               {"wished_cpu_millicores", "cpu m"},
               {"applied_cpu_millicores", "applied"},
               {"wished_memory_mib", "MiB"},
               {"applied_memory_mib", "applied"},
               {"wished_concurrency", "conc"},
               {"wished_keep_alive_us", "keep us"},
               Left("why", "why"),
               Left("actuation", "actuation")});
  const std::string sql = Newest(
      "f.tenant, f.name, CASE paused WHEN 1 THEN mode || ' (paused)' ELSE mode END, decider, "
      "stage, "
      "wished_replicas, applied_replicas, replicas_asked, containers_ready, wished_cpu_millicores, "
      "applied_cpu_millicores, wished_memory_mib, applied_memory_mib, wished_concurrency, "
      "wished_keep_alive_us, why, actuation",
      "decisions JOIN functions f USING(function)", Conditions(query, "f.tenant", "f"),
      query.limit);
  ASSIGN_OR_RETURN(SqliteStatement statement, Bound(db, sql, query));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return table;
    std::vector<Cell> cells = {WhenCell(statement.Int(17))};
    for (int column = 0; column < 17; ++column) {
      const bool number = column >= 5 && column <= 14;
      cells.push_back(number ? IntCell(statement, column) : TextCell(statement, column));
    }
    table.AddRow(std::move(cells));
  }
}

absl::StatusOr<Table> ReadEvents(SqliteDb& db, const LogQuery& query) {
  Table table({Left("time", "time"), Left("kind", "kind"), Left("level", "level"),
               Left("tenant", "tenant"), Left("function", "function"), Left("message", "message")});
  const std::string sql = Newest(
      "kind, CASE warning WHEN 1 THEN 'warning' ELSE 'info' END, events.tenant, f.name, "
      "message",
      "events LEFT JOIN functions f USING(function)", Conditions(query, "events.tenant", "f"),
      query.limit);
  ASSIGN_OR_RETURN(SqliteStatement statement, Bound(db, sql, query));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return table;
    std::vector<Cell> cells = {WhenCell(statement.Int(5))};
    for (int column = 0; column < 5; ++column) cells.push_back(TextCell(statement, column));
    table.AddRow(std::move(cells));
  }
}

absl::StatusOr<Table> ReadBlobs(SqliteDb& db, const LogQuery& query) {
  Table table(
      {Left("time", "time"), Left("kind", "kind"), Left("name", "name"), {"bytes", "bytes"}});
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   Bound(db,
                         "SELECT wall_us, kind, name, length(data) FROM blobs WHERE " +
                             Conditions(query, "", "") + " ORDER BY kind, name",
                         query));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return table;
    table.AddRow({WhenCell(statement.Int(0)), TextCell(statement, 1), TextCell(statement, 2),
                  IntCell(statement, 3)});
  }
}

Table WindowTable() {
  return Table({Left("time", "time"),
                Left("tenant", "tenant"),
                Left("function", "function"),
                {"arrivals", "arrivals"},
                {"completions", "done"},
                {"slo_violations", "violations"},
                {"cold_starts", "cold"},
                {"queued", "queued"},
                {"in_flight", "in flight"},
                {"containers_ready", "ready"},
                {"containers_starting", "starting"},
                {"replicas_asked", "asked"},
                {"latency_p50_ms", "p50 ms"},
                {"latency_p99_ms", "p99 ms"},
                {"cpu_used_millicores", "cpu m"},
                {"memory_used_mebibytes", "MiB"}});
}

std::vector<Cell> WindowRow(int64_t wall_us, const StoredFunction& function,
                            const FunctionWindows& w, size_t f) {
  return {WhenCell(wall_us),
          Cell::Text(function.tenant),
          Cell::Text(function.name),
          Cell::Count(w.arrivals[f]),
          Cell::Count(w.completions[f]),
          Cell::Count(w.slo_violations[f]),
          Cell::Count(w.cold_starts[f]),
          Cell::Count(w.queued[f]),
          Cell::Count(w.in_flight[f]),
          Cell::Count(w.containers_ready[f]),
          Cell::Count(w.containers_starting[f]),
          Cell::Count(w.replicas_asked[f]),
          Cell::Number(static_cast<double>(w.latency_p50_ms[f])),
          Cell::Number(static_cast<double>(w.latency_p99_ms[f])),
          Cell::Number(w.cpu_used_millicores[f]),
          Cell::Number(w.memory_used_mebibytes[f])};
}

// Rows are found from the newest window backwards, until there are enough.
absl::StatusOr<Table> ReadWindows(SqliteDb& db, const LogQuery& query) {
  ASSIGN_OR_RETURN(const auto functions, ReadFunctions(db));
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   Bound(db,
                         "SELECT wall_us, data FROM windows WHERE " + Conditions(query, "", "") +
                             " ORDER BY wall_us DESC, rowid DESC",
                         query));
  std::vector<std::vector<Cell>> rows;  // newest first
  const auto enough = [&] {
    return query.limit > 0 && rows.size() >= static_cast<size_t>(query.limit);
  };
  while (!enough()) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    const absl::StatusOr<StoredWindow> window = DecodeWindow(statement.Blob(1));
    if (!window.ok()) continue;
    for (size_t f = window->keys.size(); f-- > 0 && !enough();) {
      const auto found = functions.find(window->keys[f]);
      if (found == functions.end()) continue;
      const StoredFunction& function = found->second;
      if (!query.tenant.empty() && function.tenant != query.tenant) continue;
      if (!query.function.empty() && function.name != query.function) continue;
      rows.push_back(WindowRow(statement.Int(0), function, window->snapshot.functions, f));
    }
  }
  Table table = WindowTable();
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) table.AddRow(std::move(*row));
  return table;
}

// A name that nobody has is a mistake, not an empty answer.
absl::Status CheckNames(SqliteDb& db, const LogQuery& query) {
  ASSIGN_OR_RETURN(const auto functions, ReadFunctions(db));
  bool tenant = query.tenant.empty(), function = query.function.empty();
  for (const auto& [key, known] : functions) {
    tenant = tenant || known.tenant == query.tenant;
    function = function || known.name == query.function;
  }
  if (!tenant) {
    return absl::NotFoundError(db.path() + ": there is no tenant '" + query.tenant + "'");
  }
  if (!function) {
    return absl::NotFoundError(db.path() + ": there is no function '" + query.function + "'");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PastWindow>> ReadHistory(const std::string& path, int32_t windows) {
  std::vector<PastWindow> history;
  RETURN_IF_ERROR(VisitHistory(path, windows, std::numeric_limits<int64_t>::max(),
                               [&](PastWindow past) { history.push_back(std::move(past)); }));
  return history;
}

absl::Status VisitHistory(const std::string& path, int64_t windows, int64_t before_us,
                          const std::function<void(PastWindow)>& visit) {
  if (windows == 0 || !IsThere(path)) return absl::OkStatus();
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
  ASSIGN_OR_RETURN(const auto functions, ReadFunctions(db));
  // The last that were written: a wall clock may jump. Sorted without the data, which is large.
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   db.Prepare("SELECT windows.wall_us, data FROM (SELECT rowid AS row FROM windows "
                              "WHERE wall_us < ?2 ORDER BY rowid DESC LIMIT ?1) AS last JOIN "
                              "windows ON windows.rowid = last.row ORDER BY last.row"));
  statement.Bind(1, windows).Bind(2, before_us);
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    absl::StatusOr<StoredWindow> window = DecodeWindow(statement.Blob(1));
    if (!window.ok()) continue;
    PastWindow past;
    past.wall_us = statement.Int(0);
    past.snapshot = std::move(window->snapshot);
    for (const int64_t key : window->keys) {
      const auto found = functions.find(key);
      past.ids.push_back(found == functions.end() ? "" : found->second.id);
    }
    visit(std::move(past));
  }
}

absl::StatusOr<std::vector<PastEvent>> ReadPastEvents(const std::string& path, int64_t events,
                                                      int64_t before_us) {
  std::vector<PastEvent> past;
  if (!IsThere(path)) return past;
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
  LogQuery query;
  query.until_us = before_us - 1;
  query.limit = events;
  const std::string sql = Newest("kind, warning, events.tenant, f.id, f.name, message, wall_us",
                                 "events LEFT JOIN functions f USING(function)",
                                 Conditions(query, "", ""), query.limit);
  ASSIGN_OR_RETURN(SqliteStatement statement, Bound(db, sql, query));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return past;
    PastEvent& event = past.emplace_back();
    const std::string kind = statement.Text(0);
    for (const auto& [candidate, name] : EnumNames(EventKind{})) {
      if (kind == name) event.kind = candidate;
    }
    event.warning = statement.Int(1) != 0;
    event.tenant = statement.Text(2);
    event.function_id = statement.Text(3);
    event.function = statement.Text(4);
    event.message = statement.Text(5);
    event.wall_us = statement.Int(6);
  }
}

absl::StatusOr<int64_t> VisitWindows(const std::string& path, std::optional<int64_t> since_us,
                                     std::optional<int64_t> until_us,
                                     const std::function<absl::Status(const StoredTick&)>& visit) {
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
  ASSIGN_OR_RETURN(const auto functions, ReadFunctions(db));
  LogQuery query;
  query.since_us = since_us;
  query.until_us = until_us;
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   Bound(db,
                         "SELECT wall_us, tick, data FROM windows WHERE " +
                             Conditions(query, "", "") + " ORDER BY rowid",
                         query));
  int64_t damaged = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return damaged;
    const absl::StatusOr<StoredWindow> window = DecodeWindow(statement.Blob(2));
    if (!window.ok()) {
      ++damaged;
      continue;
    }
    StoredTick tick{.wall_us = statement.Int(0),
                    .tick = statement.Int(1),
                    .functions = {},
                    .snapshot = &window->snapshot};
    for (const int64_t key : window->keys) {
      const auto found = functions.find(key);
      tick.functions.push_back(found == functions.end() ? nullptr : &found->second);
    }
    RETURN_IF_ERROR(visit(tick));
  }
}

absl::StatusOr<std::optional<std::string>> ReadBlob(const std::string& path,
                                                    const std::string& kind,
                                                    const std::string& name) {
  if (!IsThere(path)) return std::nullopt;
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   db.Prepare("SELECT data, checksum FROM blobs WHERE kind = ?1 AND name = ?2"));
  statement.Bind(1, std::string_view(kind)).Bind(2, std::string_view(name));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return std::nullopt;
  std::string data(statement.Blob(0));
  if (BlobChecksum(data) != statement.Int(1)) {
    return absl::DataLossError(fmt::format("{}: {} '{}' is damaged", path, kind, name));
  }
  return data;
}

absl::StatusOr<Table> ReadLog(const std::string& path, const LogQuery& query) {
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForReading(path));
  RETURN_IF_ERROR(CheckNames(db, query));
  switch (query.kind) {
    case LogKind::kDecisions:
      return ReadDecisions(db, query);
    case LogKind::kWindows:
      return ReadWindows(db, query);
    case LogKind::kEvents:
      return ReadEvents(db, query);
    case LogKind::kBlobs:
      return ReadBlobs(db, query);
  }
  return absl::InternalError("unknown kind of log");
}

}  // namespace reeve
