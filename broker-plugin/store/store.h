// Durable state over RocksDB: what the engine must find again after a restart, the audit record, sealed envelopes,
// releases, last health summaries. The only folder that includes RocksDB. write() is for one thread (the writer); get()
// and scan() are for any, also beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/store/record.h"
#include "host/error.h"

namespace muster::broker {

class Store final : public BatchSink {
 public:
  // Opens data_dir/db, or makes it. Refuses, with one sentence on what is wrong and how to recover, when RocksDB finds
  // damage, when the format is another one, when batches that were durable are missing, or when another process has it.
  // A log whose last write never ended, as after a power cut, is no damage: nothing had acted on it.
  [[nodiscard]] static tl::expected<std::unique_ptr<Store>, Error> open(const std::string& data_dir);
  ~Store() override;

  // One write batch, synced. Error kind no_space when the disk is full.
  [[nodiscard]] tl::expected<void, Error> write(const std::vector<Record>& records) override;

  // Nothing when there is no such key; an error when what is stored is damaged.
  [[nodiscard]] tl::expected<std::optional<std::string>, Error> get(std::string_view key) const;

  // Calls `visit(rest of the key, value)` for each key that begins with `prefix` and does not sort before prefix +
  // from, in order, until it returns false. Every block read is checked against its checksum.
  using Visit = std::function<bool(std::string_view name, std::string_view value)>;
  [[nodiscard]] tl::expected<void, Error> scan(std::string_view prefix, std::string_view from,
                                               const Visit& visit) const;

  // True when the tail mark was missing though the database was not empty: somebody accepted a loss by deleting it.
  [[nodiscard]] bool accepted_loss() const { return accepted_loss_; }
  [[nodiscard]] std::uint64_t batch_number() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  bool accepted_loss_ = false;
};

// "…; restore …": what a person can do about a damaged store, for error messages.
[[nodiscard]] std::string recovery_advice(const std::string& data_dir);

}  // namespace muster::broker
