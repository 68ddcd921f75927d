#include "broker-plugin/store/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <cstdarg>
#include <utility>

#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/log_files.h"
#include "broker-plugin/store/tail_mark.h"
#include "host/files.h"

namespace muster::broker {

struct Store::Impl {
  std::string data_dir;
  std::unique_ptr<rocksdb::DB> db;
  TailMark tail;
  std::uint64_t batch_number = 0;
  bool failed = false;  // a write failed: RocksDB is left alone from then on
};

namespace {

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

// RocksDB's own log goes nowhere: what matters comes back as a status, and its writer of log files ends the whole
// process by an assert when the disk is full.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options database_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // Tolerates only a last record that never ended; damage before it refuses to open. The tail mark tells whether what
  // was cut off had ever been durable.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.compression = rocksdb::kNoCompression;  // most bytes are signatures and digests
  options.write_buffer_size = 16u << 20;
  options.max_total_wal_size = 32u << 20;  // what a restart after a crash has to replay
  // A few kilobytes in all; RocksDB's 4 MiB would be reserved at each start, and take the last space of a nearly full
  // disk.
  options.manifest_preallocation_size = 64u << 10;
  options.info_log = std::make_shared<NoLog>();
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(8u << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

Error error_of(const rocksdb::Status& status, const std::string& data_dir) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kNoSpace) {
    return {ErrorKind::no_space, "the disk under " + data_dir + " is full"};
  }
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return {ErrorKind::refused, data_dir + "/db is in use by another process; two brokers need two data_dirs"};
  }
  // CURRENT names a file that is not there, or a table is gone: a backup helps, not the operator's look at the disk.
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()) {
    return {ErrorKind::invalid, data_dir + "/db is damaged (" + status.ToString() + "); " + recovery_advice(data_dir)};
  }
  return {ErrorKind::io, data_dir + "/db: " + status.ToString()};
}

// Reads number and format of a database that may still be refused; nothing is changed by it.
tl::expected<std::uint64_t, Error> inspect(rocksdb::DB& db, const std::string& data_dir) {
  rocksdb::ReadOptions read;
  read.verify_checksums = true;
  std::string format, number;
  const auto format_status = db.Get(read, slice(keys::format), &format);
  const auto number_status = db.Get(read, slice(keys::batch_number), &number);
  for (const auto& status : {format_status, number_status}) {
    if (!status.ok() && !status.IsNotFound()) return tl::unexpected(error_of(status, data_dir));
  }
  if (format_status.IsNotFound() && number_status.IsNotFound()) return 0;
  if (format != keys::format_value) {
    return tl::unexpected(
        Error{ErrorKind::invalid, data_dir + "/db was written by another version of Muster (format '" + format +
                                      "', this one reads '" + std::string(keys::format_value) +
                                      "'); start that version, or use an empty data_dir"});
  }
  return keys::u64_from(number);
}

// How many batches the database on disk holds, found without changing a byte of it: 0 for a new one.
tl::expected<std::uint64_t, Error> batches_on_disk(const std::string& data_dir, bool must_exist) {
  const auto path = data_dir + "/db";
  if (::access((path + "/CURRENT").c_str(), F_OK) != 0) {
    if (!must_exist) return 0;
    return tl::unexpected(
        Error{ErrorKind::invalid, path + " is missing or has no CURRENT file; " + recovery_advice(data_dir)});
  }
  if (const auto readable = check_log_files(path); !readable) {
    return tl::unexpected(error_of(rocksdb::Status::Corruption(readable.error()), data_dir));
  }
  auto options = database_options();
  options.create_if_missing = false;
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, path, &raw);
  if (!status.ok()) return tl::unexpected(error_of(status, data_dir));
  const std::unique_ptr<rocksdb::DB> db(raw);
  return inspect(*db, data_dir);
}

}  // namespace

std::string recovery_advice(const std::string& data_dir) {
  return "stop here and restore a backup of " + data_dir + " taken while the broker was stopped, or move " + data_dir +
         " away and start empty: devices keep what they run, and releases must be published again";
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// A clean end leaves nothing to replay.
Store::~Store() {
  if (impl_ == nullptr || impl_->failed) return;
  static_cast<void>(impl_->db->Flush(rocksdb::FlushOptions()));
}

tl::expected<std::unique_ptr<Store>, Error> Store::open(const std::string& data_dir) {
  auto tail = TailMark::open(data_dir + "/tail");
  if (!tail) {
    auto error = std::move(tail.error());
    if (error.kind == ErrorKind::invalid)
      error.message += "; " + recovery_advice(data_dir) + "; or delete " + data_dir +
                       "/tail to accept that the last batches may be lost";
    return tl::unexpected(std::move(error));
  }
  const auto mark = tail->mark().value_or(0);
  const auto held = batches_on_disk(data_dir, mark > 0);
  if (!held) return tl::unexpected(held.error());
  if (*held < mark) {
    return tl::unexpected(Error{
        ErrorKind::invalid, data_dir + "/db lost its last " + std::to_string(mark - *held) + " batches (it ends at " +
                                std::to_string(*held) + ", " + std::to_string(mark) + " were durable); " +
                                recovery_advice(data_dir) + "; or accept the loss by deleting " + data_dir + "/tail"});
  }
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(database_options(), data_dir + "/db", &raw);
  if (!status.ok()) return tl::unexpected(error_of(status, data_dir));
  // RocksDB syncs what is in its folder, not the folder's own name.
  if (auto synced = host::sync_folder(data_dir); !synced) return tl::unexpected(std::move(synced.error()));
  const bool accepted = !tail->mark() && *held > 0;
  auto impl = std::make_unique<Impl>(Impl{data_dir, std::unique_ptr<rocksdb::DB>(raw), std::move(*tail), *held, false});
  std::unique_ptr<Store> store(new Store(std::move(impl)));
  store->accepted_loss_ = accepted;
  if (*held == 0) {
    if (auto written = store->write({{std::string(keys::format), std::string(keys::format_value)}}); !written) {
      return tl::unexpected(std::move(written.error()));
    }
  }
  return store;
}

std::uint64_t Store::batch_number() const {
  return impl_->batch_number;
}

tl::expected<void, Error> Store::write(const std::vector<Record>& records) {
  rocksdb::WriteBatch batch;
  for (const auto& record : records) {
    if (record.value) {
      batch.Put(slice(record.key), slice(*record.value));
    } else {
      batch.Delete(slice(record.key));
    }
  }
  const auto number = impl_->batch_number + 1;
  batch.Put(slice(keys::batch_number), slice(keys::u64_value(number)));
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = impl_->db->Write(options, &batch);
  impl_->failed = !status.ok();
  if (impl_->failed) return tl::unexpected(error_of(status, impl_->data_dir));
  impl_->batch_number = number;
  return impl_->tail.write(number);
}

tl::expected<std::optional<std::string>, Error> Store::get(std::string_view key) const {
  rocksdb::ReadOptions read;
  read.verify_checksums = true;
  std::string value;
  const auto status = impl_->db->Get(read, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return tl::unexpected(error_of(status, impl_->data_dir));
  return std::optional(std::move(value));
}

tl::expected<void, Error> Store::scan(std::string_view prefix, std::string_view from, const Visit& visit) const {
  rocksdb::ReadOptions read;
  read.verify_checksums = true;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(read));
  const auto start = keys::join(prefix, from);
  for (at->Seek(slice(start)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
    const std::string_view key(at->key().data(), at->key().size());
    if (!visit(key.substr(prefix.size()), {at->value().data(), at->value().size()})) break;
  }
  if (!at->status().ok()) return tl::unexpected(error_of(at->status(), impl_->data_dir));
  return {};
}

}  // namespace muster::broker
