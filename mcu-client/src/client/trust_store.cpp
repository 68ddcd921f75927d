#include "mcu-client/src/client/trust_store.h"

#include <cstring>

#include "mcu-client/src/client/settings.h"
#include "schemas/root_chain_generated.h"

namespace muster::mcu {
namespace {

constexpr std::uint32_t compared_at_once = 64;

}  // namespace

int TrustStore::read(trust::TrustRoot& root) const {
  const int size = settings_.read(key_root, &root, sizeof root);
  if (size < 0) return size;
  return size == static_cast<int>(sizeof root) && root.version != 0 ? ok : err_damaged;
}

int TrustStore::store(const trust::TrustRoot& root) {
  return settings_.write(key_root, &root, sizeof root);
}

int TrustStore::pin(ByteView envelope) {
  trust::TrustRoot root;
  if (read(root) == ok) return ok;
  root = trust::TrustRoot{};
  if (trust::pin_root(envelope, root) != trust::TrustFault::none) return err_untrusted;
  return store(root);
}

int TrustStore::take_piece(std::uint32_t offset, std::uint32_t total, ByteView piece, std::uint64_t now_ms) {
  const auto& scratch = flash_.layout().scratch;
  const auto size = static_cast<std::uint32_t>(piece.size());
  if (total > scratch.size) return err_too_long;
  if (offset == 0) {
    same_ = true;
    ignored_ = false;
    size_ = 0;
  }
  if (ignored_) return err_refused;
  for (std::uint32_t done = 0; same_ && done < size;) {
    std::uint8_t there[compared_at_once];
    const auto step = size - done < sizeof there ? size - done : static_cast<std::uint32_t>(sizeof there);
    const int read = flash_.read(scratch, offset + done, there, step);
    if (read != ok && read != err_damaged) return read;  // damaged: power was cut while it was written
    same_ = read == ok && std::memcmp(there, piece.data() + done, step) == 0;
    if (!same_) {
      if (!blank_) {
        ignored_ = !erasures_.take(now_ms);
        if (ignored_) return err_refused;
        if (const int erased = flash_.erase(scratch, 0, scratch.size); erased != ok) return erased;
        blank_ = true;
      }
      if (offset != 0) return err_busy;
    }
    done += step;
  }
  if (!same_) {
    blank_ = false;
    if (const int written = flash_.program(scratch, offset, piece.data(), size); written != ok) return written;
  }
  if (offset + size == total) size_ = total;
  return ok;
}

bool TrustStore::u32_at(std::uint32_t at, std::uint32_t& value) const {
  return at % 4 == 0 && size_ >= 4 && at <= size_ - 4 && flash_.read(flash_.layout().scratch, at, &value, 4) == ok;
}

// Follows the offset in a table's field 0, as the FlatBuffers format lays it out: the table begins with the signed
// distance back to its vtable, whose third u16 is the place of field 0 in the table.
bool TrustStore::table_field(std::uint32_t table, std::uint32_t& target) const {
  std::uint32_t distance = 0;
  std::uint16_t place = 0;
  std::uint32_t offset = 0;
  if (!u32_at(table, distance)) return false;
  const std::uint32_t vtable = table - distance;
  if (vtable % 2 != 0 || vtable > size_ - 6 || flash_.read(flash_.layout().scratch, vtable + 4, &place, 2) != ok)
    return false;
  if (place == 0 || !u32_at(table + place, offset)) return false;
  target = table + place + offset;
  return target > table;
}

// The chain's own structure is checked as far as it is followed; each document is verified in full when it lies in
// `work`.
int TrustStore::walk(std::uint8_t* work, std::uint32_t work_size) {
  const auto& scratch = flash_.layout().scratch;
  char identifier[4];
  std::uint32_t root_table = 0;
  std::uint32_t documents = 0;
  std::uint32_t count = 0;
  if (!u32_at(0, root_table) || flash_.read(scratch, 4, identifier, 4) != ok ||
      std::memcmp(identifier, wire::RootChainIdentifier(), 4) != 0 || !table_field(root_table, documents) ||
      !u32_at(documents, count) || count > limits::root_documents_max) {
    return err_untrusted;
  }
  trust::TrustRoot root;
  if (const int found = read(root); found != ok) return found;
  const auto before = root.version;
  int result = ok;
  for (std::uint32_t i = 0; i < count && result == ok; ++i) {
    const std::uint32_t element = documents + 4 + 4 * i;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t size = 0;
    result = err_untrusted;
    if (!u32_at(element, offset) || !table_field(element + offset, bytes) || !u32_at(bytes, size)) break;
    if (size > work_size) {
      result = err_too_long;
      break;
    }
    if (size > size_ - bytes - 4 || flash_.read(scratch, bytes + 4, work, size) != ok) break;
    if (trust::advance_root_by(ByteView(work, size), root) == trust::TrustFault::none) result = ok;
  }
  if (root.version == before) return result;
  if (const int stored = store(root); stored != ok) return stored;
  return 1;
}

}  // namespace muster::mcu
