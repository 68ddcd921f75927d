#include "tests/crash/disk_model.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include "tests/crash/recorder/trace_format.h"
#include "tests/e2e/harness/folder.h"

namespace muster::crash {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

const char* name_of(std::uint16_t kind) {
  static const std::array<const char*, 14> names = {"?",     "open",   "write", "truncate", "allocate",
                                                    "sync",  "rename", "link",  "symlink",  "unlink",
                                                    "mkdir", "rmdir",  "hint",  "foreign"};
  return kind < names.size() ? names[kind] : "?";
}

std::uint64_t inode_of(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

}  // namespace

bool Operation::is_write() const {
  return kind == MUSTER_TRACE_WRITE;
}

std::string Operation::text() const {
  auto line = std::to_string(number) + " " + name_of(kind) + " " + path;
  if (!other.empty()) line += " " + other;
  if (path.empty()) line += "#" + std::to_string(handle);
  if (is_write()) line += " " + std::to_string(data.size()) + " bytes at " + std::to_string(offset);
  return line;
}

std::vector<Operation> read_trace(const std::string& file) {
  const auto bytes = e2e::read_text(file);
  std::vector<Operation> operations;
  std::size_t at = 0;
  muster_trace_head head{};
  while (bytes.size() - at >= sizeof head) {
    std::memcpy(&head, bytes.data() + at, sizeof head);
    if (head.size > bytes.size() - at) break;
    EXPECT_EQ(head.size, sizeof head + head.path_len + head.other_len + head.data_len) << "a broken trace";
    const char* text = bytes.data() + at + sizeof head;
    at += head.size;
    Operation operation{head.number, head.kind, head.flags, head.process, head.handle, head.offset, {}, {}, {}, at};
    operation.path.assign(text, head.path_len);
    operation.other.assign(text + head.path_len, head.other_len);
    operation.data.assign(text + head.path_len + head.other_len, head.data_len);
    EXPECT_NE(operation.kind, MUSTER_TRACE_FOREIGN)
        << "the program used a call that the model does not know: " << operation.path;
    operations.push_back(std::move(operation));
  }
  return operations;
}

History::History(const std::string& before, std::vector<Operation> operations) : operations_(std::move(operations)) {
  static_cast<void>(load(before));
  auto now = start_;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::size_t> handles;
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    resolve(i, handles, now);
    length_ = std::max(length_, operations_[i].number);
  }
  start_.resize(now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    start_[i].kind = now[i].kind;
    if (now[i].kind == Node::Kind::link) start_[i].content = now[i].content;
  }
}

std::size_t History::load(const std::string& folder) {
  std::map<std::uint64_t, std::size_t> known;  // by inode: hard links
  const auto take = [&](const auto& self, const std::string& path) -> std::size_t {
    const auto [seen, fresh] = known.try_emplace(inode_of(path), start_.size());
    if (!fresh) return seen->second;
    const auto index = start_.size();
    start_.emplace_back();
    if (fs::is_symlink(path)) {
      start_[index].kind = Node::Kind::link;
      start_[index].content = fs::read_symlink(path).string();
    } else if (fs::is_directory(path)) {
      start_[index].kind = Node::Kind::folder;
      for (const auto& entry : fs::directory_iterator(path)) {
        const auto child = self(self, entry.path().string());
        start_[index].entries[entry.path().filename().string()] = child;
      }
    } else {
      start_[index].content = e2e::read_text(path);
    }
    return index;
  };
  return take(take, folder);
}

// The folder that holds the last name of `path`, and that name.
std::pair<std::size_t, std::string> History::find(const std::vector<Node>& nodes, const std::string& path) {
  std::size_t at = 0;
  std::size_t begin = 0;
  while (true) {
    const auto slash = path.find('/', begin);
    const auto name = path.substr(begin, slash - begin);
    if (slash == std::string::npos) return {at, name};
    begin = slash + 1;
    const auto entry = nodes[at].entries.find(name);
    if (entry == nodes[at].entries.end()) {
      ADD_FAILURE() << "the trace names " << path << ", which is not there";
      return {0, {}};
    }
    at = entry->second;
  }
}

void History::synced(std::size_t node, std::uint32_t number) {
  for (auto& step : steps_) {
    if (step.synced_by != never) continue;
    const bool content =
        step.kind == Step::Kind::write || step.kind == Step::Kind::resize || step.kind == Step::Kind::grow;
    if (content ? step.node == node
                : (step.folder == node || (step.kind == Step::Kind::move && step.folder_after == node)))
      step.synced_by = number;
  }
}

History::Step::Kind History::content_change(std::uint16_t kind) {
  if (kind == MUSTER_TRACE_WRITE) return Step::Kind::write;
  return kind == MUSTER_TRACE_ALLOCATE ? Step::Kind::grow : Step::Kind::resize;
}

void History::resolve(std::size_t index, std::map<std::pair<std::uint32_t, std::int32_t>, std::size_t>& handles,
                      std::vector<Node>& now) {
  const auto& operation = operations_[index];
  const auto handle = std::make_pair(operation.process, operation.handle);
  const auto add = [&](Step step) {
    step.operation = index;
    step.synced_by = never;
    apply(step, operation, operation.data.size(), now);
    steps_.push_back(std::move(step));
  };
  const auto make = [&](Node::Kind kind, const std::string& content) {
    const auto [folder, name] = find(now, operation.path);
    now.push_back({kind, content, {}});
    add({Step::Kind::enter, 0, now.size() - 1, folder, 0, name, {}, 0});
    return now.size() - 1;
  };
  const auto existing = [&](const std::string& path) {
    if (path.empty()) return std::size_t{0};
    const auto [folder, name] = find(now, path);
    const auto entry = now[folder].entries.find(name);
    EXPECT_NE(entry, now[folder].entries.end()) << operation.text() << ": the model has no such name";
    return entry == now[folder].entries.end() ? std::size_t{0} : entry->second;
  };
  switch (operation.kind) {
    case MUSTER_TRACE_OPEN:
      if ((operation.flags & MUSTER_TRACE_CREATED) != 0) {
        handles[handle] = make(Node::Kind::file, {});
      } else {
        handles[handle] = existing(operation.path);
        if ((operation.flags & MUSTER_TRACE_EMPTIED) != 0)
          add({Step::Kind::resize, 0, handles[handle], 0, 0, {}, {}, 0});
      }
      break;
    case MUSTER_TRACE_WRITE:
    case MUSTER_TRACE_TRUNCATE:
    case MUSTER_TRACE_ALLOCATE:
      add({content_change(operation.kind), 0, handles.at(handle), 0, 0, {}, {}, 0});
      break;
    case MUSTER_TRACE_SYNC:
      synced(handles.at(handle), operation.number);
      break;
    case MUSTER_TRACE_MKDIR:
      static_cast<void>(make(Node::Kind::folder, {}));
      break;
    case MUSTER_TRACE_SYMLINK:
      static_cast<void>(make(Node::Kind::link, operation.other));
      break;
    case MUSTER_TRACE_LINK: {
      const auto [folder, name] = find(now, operation.other);
      add({Step::Kind::enter, 0, existing(operation.path), folder, 0, name, {}, 0});
      break;
    }
    case MUSTER_TRACE_RENAME: {
      const auto [from, name] = find(now, operation.path);
      const auto [to, name_after] = find(now, operation.other);
      add({Step::Kind::move, 0, existing(operation.path), from, to, name, name_after, 0});
      break;
    }
    case MUSTER_TRACE_UNLINK:
    case MUSTER_TRACE_RMDIR: {
      const auto [folder, name] = find(now, operation.path);
      add({Step::Kind::leave, 0, existing(operation.path), folder, 0, name, {}, 0});
      break;
    }
    default:
      break;
  }
}

// `bytes`: how much of a write is done.
void History::apply(const Step& step, const Operation& operation, std::size_t bytes, std::vector<Node>& nodes) {
  auto& content = nodes[step.node].content;
  auto& entries = nodes[step.folder].entries;
  const auto leave = [&] {
    const auto entry = entries.find(step.name);
    if (entry != entries.end() && entry->second == step.node) entries.erase(entry);
  };
  switch (step.kind) {
    case Step::Kind::write:
      if (content.size() < operation.offset + bytes) content.resize(operation.offset + bytes);
      content.replace(operation.offset, bytes, operation.data, 0, bytes);
      break;
    case Step::Kind::resize:
      content.resize(operation.kind == MUSTER_TRACE_OPEN ? 0 : operation.offset);
      break;
    case Step::Kind::grow:
      if (content.size() < operation.offset) content.resize(operation.offset);
      break;
    case Step::Kind::enter:
      entries[step.name] = step.node;
      break;
    case Step::Kind::leave:
      leave();
      break;
    case Step::Kind::move:
      leave();
      nodes[step.folder_after].entries[step.name_after] = step.node;
      break;
  }
}

std::uint32_t History::number_at(std::size_t trace_size) const {
  for (const auto& operation : operations_) {
    if (operation.number != 0 && operation.trace_end >= trace_size) return operation.number;
  }
  return length_ + 1;
}

void History::lay_out(std::uint32_t last, Kept kept, std::uint64_t seed, const std::string& folder) const {
  std::mt19937_64 random(seed);
  const std::array<unsigned, 3> shares = {20, 50,
                                          80};  // percent of what is kept: some cuts lose nearly all, some little
  const auto share = shares[random() % shares.size()];
  auto nodes = start_;
  const bool by_chance = kept == Kept::chance || kept == Kept::in_order;
  std::set<std::size_t> behind;  // folders of which a name is lost
  for (const auto& step : steps_) {
    const auto& operation = operations_[step.operation];
    if (operation.number > last) break;
    const bool safe = step.synced_by <= last;
    const bool is_move = step.kind == Step::Kind::move;
    const bool is_name = is_move || step.kind == Step::Kind::enter || step.kind == Step::Kind::leave;
    const bool blocked =
        is_name && (behind.count(step.folder) != 0 || (is_move && behind.count(step.folder_after) != 0));
    const bool keep = safe || kept == Kept::everything || (by_chance && !blocked && random() % 100 < share);
    if (!keep && is_name && kept == Kept::in_order) {
      behind.insert(step.folder);
      if (is_move) behind.insert(step.folder_after);
    }
    if (!keep) continue;
    auto bytes = operation.data.size();
    const bool torn = by_chance && !safe && operation.number == last && bytes > 0 && random() % 2 == 0;
    if (torn) bytes = random() % bytes;
    apply(step, operation, bytes, nodes);
  }
  std::map<std::size_t, std::string> written;
  write_out(nodes, 0, folder, written);
}

void History::write_out(const std::vector<Node>& nodes, std::size_t node, const std::string& path,
                        std::map<std::size_t, std::string>& written) {
  const auto& what = nodes[node];
  if (what.kind == Node::Kind::link) {
    fs::create_symlink(what.content, path);
  } else if (what.kind == Node::Kind::folder) {
    fs::create_directories(path);
    for (const auto& [name, child] : what.entries) write_out(nodes, child, path + "/" + name, written);
  } else if (const auto first = written.find(node); first != written.end()) {
    fs::create_hard_link(first->second, path);
  } else {
    e2e::write_text(path, what.content);
    written[node] = path;
  }
}

std::string difference(const std::string& folder, const std::string& other) {
  const auto names = [](const std::string& top) {
    std::map<std::string, std::string> found;  // relative path → what is there
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
      const auto path = entry.path().lexically_relative(top).string();
      if (entry.is_symlink()) {
        found[path] = "link to " + fs::read_symlink(entry.path()).string();
      } else {
        found[path] = entry.is_directory() ? "folder" : "file " + e2e::read_text(entry.path().string());
      }
    }
    return found;
  };
  const auto a = names(folder);
  const auto b = names(other);
  for (const auto& [path, what] : a) {
    const auto there = b.find(path);
    if (there == b.end()) return path + " is only in " + folder;
    if (there->second != what) {
      return path + " differs: " + std::to_string(what.size()) + " and " + std::to_string(there->second.size()) +
             " bytes";
    }
  }
  for (const auto& [path, what] : b) {
    if (a.find(path) == a.end()) return path + " is only in " + other;
  }
  return {};
}

void copy_folder(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  History(from, {}).lay_out(0, Kept::everything, 0, to);
}

}  // namespace muster::crash
