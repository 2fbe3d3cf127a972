// YAML text into an immutable tree with places. yaml-cpp is used through its events, because its
// own nodes lose their places when copied, share aliased values when changed, and drop what follows
// the first document.
#include "core/config_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "core/files.h"
#include "core/status.h"

namespace reeve {

// Shared by all documents that hold it; never changed once it is part of one.
struct ConfigNode::Impl {
  struct Key {
    std::string text;
    int line = 0, column = 0;
  };

  Kind kind = Kind::kNull;
  std::string scalar;                                 // kScalar
  std::vector<Key> keys;                              // kMap: of children, in order
  std::vector<std::shared_ptr<const Impl>> children;  // kSequence, kMap
  std::shared_ptr<const std::string> source;          // the file, or "--set …"
  int line = 0, column = 0;                           // 1-based; 0 = not in a file
  int height = 0;                                     // levels below
  uint64_t weight = 1;                                // nodes, aliases counted as often as used
};

namespace {

// Documents are read into structs of bounded depth; a file nested deeper than this is a mistake or
// an attack.
constexpr int kMaxDepth = 64;
constexpr size_t kMaxBytes = 16 << 20;
// Aliases of aliases can make a short text mean billions of values.
constexpr uint64_t kMaxNodes = 4 << 20;

std::string Located(const std::string& source, int line, int column) {
  return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
}

[[noreturn]] void Refuse(const YAML::Mark& mark, const std::string& what) {
  throw YAML::ParserException(mark, what);
}

}  // namespace

// Builds the tree from yaml-cpp's events. Throws YAML::ParserException with the place for what
// YAML allows and a configuration does not.
class ConfigNode::TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& source, bool places)
      : source_(std::make_shared<const std::string>(source)), places_(places) {}

  std::shared_ptr<const Impl> TakeRoot() {
    if (root_ != nullptr) return root_;
    auto empty = std::make_shared<Impl>();
    empty->source = source_;
    return empty;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) Refuse(mark, "a second document starts here; a configuration is one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = Make(Kind::kNull, mark);
    // yaml-cpp places a missing value at whatever follows it; the key is what a reader looks for.
    if (!open_.empty() && open_.back().has_key) {
      node->line = open_.back().node->keys.back().line;
      node->column = open_.back().node->keys.back().column;
    }
    Add(std::move(node), anchor, mark, "");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Refuse(mark, "an alias cannot stand inside what it names");
    Add(found->second, YAML::NullAnchor, mark, "");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = Make(Kind::kScalar, mark);
    node->scalar = value;
    Add(std::move(node), anchor, mark, tag);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    std::shared_ptr<Impl> node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    bool has_key = false;  // a map whose next node is a value
  };

  std::shared_ptr<Impl> Make(Kind kind, const YAML::Mark& mark) const {
    auto node = std::make_shared<Impl>();
    node->kind = kind;
    node->source = source_;
    if (places_ && !mark.is_null()) {
      node->line = mark.line + 1;
      node->column = mark.column + 1;
    }
    return node;
  }

  void Open(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!open_.empty() && open_.back().node->kind == Kind::kMap && !open_.back().has_key) {
      Refuse(mark, "a key is a single word or text, not a list or a map");
    }
    if (static_cast<int>(open_.size()) >= kMaxDepth) RefuseDepth(mark);
    open_.push_back({Make(kind, mark), anchor, mark});
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    for (const auto& child : frame.node->children) {
      frame.node->height = std::max(frame.node->height, child->height + 1);
      frame.node->weight = std::min(frame.node->weight + child->weight, kMaxNodes + 1);
    }
    if (frame.node->weight > kMaxNodes) {
      Refuse(frame.mark, fmt::format("aliases make more than {} values of this", kMaxNodes));
    }
    Add(std::move(frame.node), frame.anchor, frame.mark, "");
  }

  // Puts a finished node where it belongs: the document, a list, a key or the value of one.
  void Add(std::shared_ptr<const Impl> node, YAML::anchor_t anchor, const YAML::Mark& mark,
           const std::string& tag) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    if (static_cast<int>(open_.size()) + node->height > kMaxDepth) RefuseDepth(mark);
    Frame& frame = open_.back();
    if (frame.node->kind == Kind::kMap && !frame.has_key) {
      if (node->kind != Kind::kScalar) Refuse(mark, "a key is a single word or text");
      if (node->scalar == "<<" && tag == "?") {
        Refuse(mark, "merging by '<<' is not supported; write the keys out, or use an alias");
      }
      const auto at = Make(Kind::kScalar, mark);
      frame.node->keys.push_back({node->scalar, at->line, at->column});
      frame.has_key = true;
      return;
    }
    frame.has_key = false;
    frame.node->children.push_back(std::move(node));
  }

  [[noreturn]] static void RefuseDepth(const YAML::Mark& mark) {
    Refuse(mark, fmt::format("nested deeper than {} levels", kMaxDepth));
  }

  std::shared_ptr<const std::string> source_;
  bool places_;
  int documents_ = 0;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, std::shared_ptr<const Impl>> anchors_;
  std::shared_ptr<const Impl> root_;
};

absl::StatusOr<ConfigNode> ConfigNode::ParseFrom(const std::string& text, const std::string& source,
                                                 bool places) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(source + ": larger than 16 MiB, not a configuration");
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(source, places);
    while (parser.HandleNextDocument(builder)) {
    }
    return ConfigNode(builder.TakeRoot());
  } catch (const YAML::Exception& e) {
    const bool placed = places && !e.mark.is_null();
    return absl::InvalidArgumentError(fmt::format(
        "{}: cannot read this YAML: {}",
        Located(source, placed ? e.mark.line + 1 : 0, placed ? e.mark.column + 1 : 0), e.msg));
  } catch (const std::exception& e) {  // yaml-cpp does not promise to throw only its own
    return absl::InvalidArgumentError(
        fmt::format("{}: cannot read this YAML: {}", source, e.what()));
  }
}

absl::StatusOr<ConfigNode> ConfigNode::Parse(const std::string& text, const std::string& file) {
  return ParseFrom(text, file, /*places=*/true);
}

absl::StatusOr<ConfigNode> ConfigNode::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path);
}

ConfigNode::Kind ConfigNode::kind() const {
  return impl_->kind;
}
const std::string& ConfigNode::Scalar() const {
  return impl_->scalar;
}
int ConfigNode::line() const {
  return impl_->line;
}
int ConfigNode::column() const {
  return impl_->column;
}
std::string ConfigNode::Where() const {
  return Located(*impl_->source, impl_->line, impl_->column);
}

std::vector<ConfigNode> ConfigNode::Items() const {
  std::vector<ConfigNode> items;
  if (impl_->kind != Kind::kSequence) return items;
  items.reserve(impl_->children.size());
  for (const auto& child : impl_->children) items.push_back(ConfigNode(child));
  return items;
}

std::vector<ConfigNode::Entry> ConfigNode::Entries() const {
  std::vector<Entry> entries;
  entries.reserve(impl_->keys.size());
  for (size_t i = 0; i < impl_->keys.size(); ++i) {
    const Impl::Key& key = impl_->keys[i];
    const ConfigNode value(impl_->children[i]);
    entries.push_back(
        {key.text, key.line == 0 ? value.Where() : Located(*impl_->source, key.line, key.column),
         value});
  }
  return entries;
}

std::optional<ConfigNode> ConfigNode::Get(std::string_view key) const {
  for (size_t i = 0; i < impl_->keys.size(); ++i) {
    if (impl_->keys[i].text == key) return ConfigNode(impl_->children[i]);
  }
  return std::nullopt;
}

// A copy of `node` with the value at `path` replaced; what is not on the path stays shared.
// Null when the path runs through something that is neither a map nor missing.
std::shared_ptr<const ConfigNode::Impl> ConfigNode::Replaced(
    const std::shared_ptr<const Impl>& node, std::string_view path,
    const std::shared_ptr<const Impl>& value) {
  if (node != nullptr && node->kind != Kind::kMap && node->kind != Kind::kNull) return nullptr;
  auto copy = node == nullptr ? std::make_shared<Impl>() : std::make_shared<Impl>(*node);
  if (node == nullptr) copy->source = value->source;
  copy->kind = Kind::kMap;

  const size_t dot = path.find('.');
  const std::string_view key = path.substr(0, dot);
  const auto at = std::find_if(copy->keys.begin(), copy->keys.end(),
                               [&](const Impl::Key& k) { return k.text == key; });
  const size_t index = static_cast<size_t>(at - copy->keys.begin());
  const bool exists = at != copy->keys.end();

  std::shared_ptr<const Impl> child = value;
  if (dot != std::string_view::npos) {
    child = Replaced(exists ? copy->children[index] : nullptr, path.substr(dot + 1), value);
    if (child == nullptr) return nullptr;
  }
  if (exists) {
    copy->children[index] = std::move(child);
  } else {
    copy->keys.push_back({std::string(key), 0, 0});
    copy->children.push_back(std::move(child));
  }
  return copy;
}

absl::Status ConfigNode::Set(std::string_view assignment) {
  const size_t equals = assignment.find('=');
  const std::string_view path = assignment.substr(0, equals);
  if (equals == std::string_view::npos || path.empty() || path.front() == '.' ||
      path.back() == '.' || path.find("..") != std::string_view::npos) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not an assignment; write path.to.key=value", assignment));
  }
  const std::string source = fmt::format("--set {}", assignment);
  if (std::count(path.begin(), path.end(), '.') >= kMaxDepth) {
    return absl::InvalidArgumentError(
        fmt::format("{}: nested deeper than {} levels", source, kMaxDepth));
  }
  ASSIGN_OR_RETURN(const ConfigNode value,
                   ParseFrom(std::string(assignment.substr(equals + 1)), source, false));
  auto changed = Replaced(impl_, path, value.impl_);
  if (changed == nullptr) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: the path runs through a value or a list; only keys of maps can be set", source));
  }
  impl_ = std::move(changed);
  return absl::OkStatus();
}

}  // namespace reeve
