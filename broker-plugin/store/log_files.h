// A look at RocksDB's logs before RocksDB looks. A record of a recycled log among others makes the reader of RocksDB 9
// go round for ever (facebook/rocksdb#13333), and one flipped bit of a record's type makes one of any. Muster's
// database recycles no logs: such a record is damage, and said to be. Any thread; changes nothing.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace muster::broker {

// What is wrong with the manifest or a write-ahead log in the folder `db`, as words; nothing when RocksDB may read
// them. Other damage is RocksDB's to find: files that are not there or cannot be read are no error here.
[[nodiscard]] tl::expected<void, std::string> check_log_files(const std::string& db);

}  // namespace muster::broker
