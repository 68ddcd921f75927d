// A folder's history, from the trace that the recorder wrote, and how the folder may look when the power goes in the
// middle of it. kill -9 keeps what was written; a power cut keeps what was synced, and of the rest anything: a file's
// bytes are safe from its fsync on, a name from the fsync of its folder on. Tests only; plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace muster::crash {

// One call, as the recorder wrote it down.
struct Operation {
  std::uint32_t number = 0;  // of the calls that change or sync something, from 1; 0 for the others
  std::uint16_t kind = 0, flags = 0;
  std::uint32_t process = 0;
  std::int32_t handle = 0;
  std::uint64_t offset = 0;
  std::string path, other, data;
  std::size_t trace_end = 0;  // how long the trace was once it was in it

  [[nodiscard]] bool is_write() const;
  [[nodiscard]] std::string text() const;  // "17 write db/000004.log", for people
};

// A record that was cut off at the end is left out; a trace with anything else wrong is a failed test.
[[nodiscard]] std::vector<Operation> read_trace(const std::string& file);

// What of the operations that were not synced yet a power cut leaves.
enum class Kept : std::uint8_t {
  nothing,     // only what was synced
  everything,  // as after kill -9
  chance,      // each or not, as the seed says; the last write perhaps only in part
  in_order,    // the same, but no name in a folder without those before it: what journaling file systems promise, and
               // what RocksDB builds on when it renames CURRENT to name a manifest that it has just made
};

class History {
 public:
  // `before`: the folder as it was when the trace began; all of that counts as synced.
  History(const std::string& before, std::vector<Operation> operations);

  // The number of the last operation.
  [[nodiscard]] std::uint32_t length() const { return length_; }
  [[nodiscard]] const std::vector<Operation>& operations() const { return operations_; }
  // The first operation after which the trace was at least that long; length() + 1 when it never was.
  [[nodiscard]] std::uint32_t number_at(std::size_t trace_size) const;

  // Makes `folder` (which must not exist) as a power cut after operation `last` leaves it.
  void lay_out(std::uint32_t last, Kept kept, std::uint64_t seed, const std::string& folder) const;

 private:
  struct Node {
    enum class Kind : std::uint8_t { file, folder, link } kind = Kind::file;
    std::string content;  // a file's bytes, a link's target
    std::map<std::string, std::size_t> entries;
  };
  // An operation in terms of nodes instead of handles and paths.
  struct Step {
    enum class Kind : std::uint8_t { write, resize, grow, enter, leave, move } kind = Kind::write;
    std::size_t operation = 0;  // index
    std::size_t node = 0;       // whose content changes, or which the name means
    std::size_t folder = 0, folder_after = 0;
    std::string name, name_after;
    std::uint32_t synced_by = 0;  // number of the operation that made it durable
  };
  [[nodiscard]] std::size_t load(const std::string& folder);
  void resolve(std::size_t index, std::map<std::pair<std::uint32_t, std::int32_t>, std::size_t>& handles,
               std::vector<Node>& now);
  [[nodiscard]] static Step::Kind content_change(std::uint16_t kind);
  void synced(std::size_t node, std::uint32_t number);
  static void apply(const Step& step, const Operation& operation, std::size_t bytes, std::vector<Node>& nodes);
  static void write_out(const std::vector<Node>& nodes, std::size_t node, const std::string& path,
                        std::map<std::size_t, std::string>& written);
  [[nodiscard]] static std::pair<std::size_t, std::string> find(const std::vector<Node>& nodes,
                                                                const std::string& path);

  std::vector<Operation> operations_;
  std::vector<Node> start_;  // [0] is the folder; nodes that are made later are in it too, empty
  std::vector<Step> steps_;
  std::uint32_t length_ = 0;
};

// Empty when both folders have the same names, bytes and links; else the first difference.
[[nodiscard]] std::string difference(const std::string& folder, const std::string& other);

// Makes `to` a copy of `from`, whatever was there; hard links stay hard links.
void copy_folder(const std::string& from, const std::string& to);

}  // namespace muster::crash
