// The releases on disk: immutable slots, the two links of each plane, and downloads under way. Every method leaves
// either the old or the new state, whenever the power goes. Methods may block (sync, hashing): the loop calls them
// through the Worker, one at a time, except path_of, partial_path, has and links.
//
//   planes/<plane>/slots/<manifest digest>/    the release's files and manifest.menv
//   planes/<plane>/active, previous            links into slots/
//   planes/<plane>/partial/<file digest>       a download under way
#pragma once

#include <array>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "edge-client/agent/event.h"
#include "edge-client/agent/types.h"
#include "edge-client/shell/manifest_reader.h"
#include "host/error.h"

namespace muster::edge {

class SlotStore {
 public:
  explicit SlotStore(const std::string& data_dir) : root_(data_dir + "/planes") {}

  // Makes the folders of a plane and removes what a crash left half-built.
  [[nodiscard]] tl::expected<void, Error> prepare(Plane plane) const;

  [[nodiscard]] std::string path_of(Plane plane, const Sha256& manifest) const;
  [[nodiscard]] std::string partial_path(Plane plane, const Sha256& file) const;
  [[nodiscard]] bool has(Plane plane, const Sha256& manifest) const;
  [[nodiscard]] PlaneLinks links(Plane plane) const;

  // The signed manifest of a slot, as bytes.
  [[nodiscard]] tl::expected<Bytes, Fault> envelope_of(Plane plane, const Sha256& manifest) const;
  // Reads a slot's manifest and hashes every file: slot_damaged with the first that is missing or differs.
  [[nodiscard]] tl::expected<ReleaseManifest, Fault> check(Plane plane, const Sha256& manifest) const;
  // Makes a slot of completely downloaded (and already hashed) files. Nothing to do when it is there.
  [[nodiscard]] tl::expected<void, Fault> build(const ReleaseManifest& release) const;
  // Points `active` and `previous` (zero: no link) and makes that durable. Nothing is written when both point there
  // already.
  [[nodiscard]] tl::expected<void, Fault> flip(Plane plane, const Sha256& active, const Sha256& previous) const;
  // Removes all slots but these. What can not be removed is left for the next time.
  void remove_others(Plane plane, const std::vector<Sha256>& keep) const;
  // Removes all downloads of a plane, but for the files named.
  void drop_partials(Plane plane, const std::vector<ReleaseFile>& keep) const;

 private:
  [[nodiscard]] std::string plane_path(Plane plane) const;
  void remove_halves(Plane plane) const;
  [[nodiscard]] tl::expected<void, Fault> put_file(Plane plane, const ReleaseFile& file, const std::string& into) const;
  // Everything of a slot, durable, in the new folder `building`.
  [[nodiscard]] tl::expected<void, Fault> fill_slot(const ReleaseManifest& release, const std::string& building) const;

  std::string root_;
};

// disk_full for a full disk or quota, internal otherwise; the detail says what was done to which path.
[[nodiscard]] Fault fault_of_errno(int error, const std::string& what);

}  // namespace muster::edge
