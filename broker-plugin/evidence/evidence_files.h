// Evidence bundles on disk: data_dir/evidence/DEVICE/HEX, each under its SHA-256 and complete, and HEX.TOTAL.part for
// the one that a device is sending. Whatever a device sends, it costs a bounded number of bytes and files: a few
// bundles a device, so many bytes over all devices, so many beginnings an hour. Job thread only, except open() and what
// follows it before the thread starts.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/core/text_hash.h"
#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::broker {

struct EvidenceId {
  std::string device;
  Sha256 bundle;

  friend bool operator<(const EvidenceId& a, const EvidenceId& b) {
    return std::tie(a.device, a.bundle) < std::tie(b.device, b.bundle);
  }
  friend bool operator==(const EvidenceId& a, const EvidenceId& b) = default;
};

struct EvidencePiece {
  EvidenceId id;
  std::uint64_t offset = 0, total = 0;  // data lies within total: schemas/wire.h has checked it
  Bytes data;
  std::uint64_t now_s = 0;
};

// What is here of one bundle.
struct EvidenceBundle {
  EvidenceId id;
  std::uint64_t total = 0, received = 0;
  std::uint64_t time_s = 0;  // when it was complete; of an unfinished one, when its last piece came
  bool complete = false;
};

struct EvidenceNumbers {
  std::uint64_t bytes = 0;  // on disk, rounded up to blocks
  std::size_t bundles = 0, unfinished = 0;
};

class EvidenceFiles {
 public:
  // Why a piece was not taken: the label of a counter, and for trouble with the disk a sentence for the log.
  struct Refusal {
    std::string_view label;
    std::string trouble = {};
  };
  // What may be said to the device of a bundle.
  struct Settled {
    std::uint64_t offset = 0;    // everything before it is durable
    bool to_record = false;      // complete, and recorded() has not been called yet
    std::uint64_t time_s = 0;    // when it was complete
    std::string_view lied = {};  // the label of a counter: the bytes were not those of the digest, and are gone
  };

  // Makes the folder where it is missing and reads what is there. `blobs` lies on the same disk.
  [[nodiscard]] static tl::expected<EvidenceFiles, Error> open(const std::string& data_dir, BlobStore blobs);

  // Writes what is new of the piece, within `room` bytes over all devices: older bundles go for it. A piece that is
  // here already, or that leaves a gap, is fine and changes nothing. Durable only after settle().
  [[nodiscard]] tl::expected<void, Refusal> put(const EvidencePiece& piece, std::uint64_t room);

  // Makes durable what is here of the bundle; when it is all, checks its digest and gives it its name.
  [[nodiscard]] tl::expected<Settled, Refusal> settle(const EvidenceId& id);

  // The store knows of the complete bundle, since `time_s`. False when it is not here (any more).
  [[nodiscard]] bool recorded(const EvidenceId& id, std::uint64_t time_s);

  // Ends what has been unfinished for a day, and what no longer fits into `room`.
  void sweep(std::uint64_t now_s, std::uint64_t room);

  // Recorded bundles that have gone since the last call.
  [[nodiscard]] std::vector<EvidenceId> take_gone() { return std::exchange(gone_, {}); }
  // Complete ones that the store does not know of.
  [[nodiscard]] std::vector<EvidenceBundle> unrecorded() const;

  // In the order of ids, those behind `after`; of one device, or with an empty name of all.
  [[nodiscard]] std::vector<EvidenceBundle> list(const std::string& device, const EvidenceId& after,
                                                 std::size_t max) const;
  // Up to `length` bytes of a complete bundle from `offset` on, and its size.
  struct Part {
    Bytes data;
    std::uint64_t size = 0;
  };
  [[nodiscard]] tl::expected<Part, Error> read(const EvidenceId& id, std::uint64_t offset, std::size_t length) const;
  [[nodiscard]] const EvidenceNumbers& numbers() const { return numbers_; }

  static constexpr std::size_t complete_per_device_max = 4;
  static constexpr unsigned begun_per_hour_max = 16;  // bundles of one device, and so many at once
  static constexpr std::uint64_t unfinished_age_max_s = 24 * 3600;
  static constexpr std::uint64_t block = 4096;  // the least that a file costs

 private:
  struct Entry {
    std::uint64_t total = 0;
    std::uint64_t written = 0, durable = 0;  // durable <= written <= total
    std::uint64_t time_s = 0;
    bool complete = false, recorded = false;
    bool is_new = false;    // its name is not durable yet
    bool unproven = false;  // left by an earlier run: after a power cut its end may be anything
  };
  using Entries = std::map<EvidenceId, Entry>;
  struct Beginnings {
    double left = begun_per_hour_max;
    std::uint64_t refilled_s = 0;
  };

  EvidenceFiles(std::string folder, BlobStore blobs) : folder_(std::move(folder)), blobs_(std::move(blobs)) {}
  void read_folder(const std::string& device);
  [[nodiscard]] std::string folder_of(const std::string& device) const { return folder_ + "/" + device; }
  [[nodiscard]] std::string path_of(const EvidenceId& id, const Entry& entry) const;

  [[nodiscard]] tl::expected<Entries::iterator, Refusal> begin(const EvidencePiece& piece, std::uint64_t room);
  [[nodiscard]] bool may_begin(const std::string& device, std::uint64_t now_s);
  [[nodiscard]] tl::expected<void, Refusal> append(Entries::iterator at, ByteView data, std::uint64_t room);
  [[nodiscard]] tl::expected<void, Refusal> make_durable(const EvidenceId& id, Entry& entry);
  [[nodiscard]] tl::expected<void, Refusal> finish(Entries::iterator at);
  [[nodiscard]] bool drop_oldest_over_count(Entries::iterator but);
  [[nodiscard]] bool make_room(std::uint64_t more, std::uint64_t room, const EvidenceId* but);
  void erase(Entries::iterator at);
  // Every change of an entry that numbers_ and order_ depend on lies between these two.
  void take_out(const Entries::value_type& at);
  void put_in(const Entries::value_type& at);

  std::string folder_;
  BlobStore blobs_;
  Entries entries_;
  std::set<std::tuple<bool, std::uint64_t, EvidenceId>>
      order_;  // unfinished, time, id: who goes first when room is needed
  TextMap<Beginnings> beginnings_;
  std::vector<EvidenceId> gone_;
  EvidenceNumbers numbers_;
};

}  // namespace muster::broker
