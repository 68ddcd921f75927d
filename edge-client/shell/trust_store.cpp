#include "edge-client/shell/trust_store.h"

#include <unistd.h>

#include <utility>

#include "host/files.h"
#include "schemas/limits.h"
#include "trust/sha256.h"

namespace muster::edge {
namespace {

constexpr std::size_t root_envelope_len_max = limits::root_document_len_max + limits::envelope_overhead_max;
constexpr std::size_t digest_len = 32;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

tl::expected<trust::TrustRoot, Error> pin(const std::string& path, const Bytes& bytes) {
  trust::TrustRoot root;
  const AlignedBytes copy(bytes);
  const auto fault = trust::pin_root(copy.view(), root);
  if (fault == trust::TrustFault::none) return root;
  return tl::unexpected(
      Error{ErrorKind::untrusted, "the root document " + path + " can not be trusted (" + std::string(name_of(fault)) +
                                      "); give the device the root.menv that `musterctl keys init` made"});
}

}  // namespace

tl::expected<TrustStore, Error> TrustStore::open(const std::string& data_dir, const std::string& configured_root) {
  TrustStore store;
  const auto pinned_path = data_dir + "/root.menv";
  store.chain_path_ = data_dir + "/root-chain";
  auto configured = host::read_file(configured_root, root_envelope_len_max);
  if (!exists(pinned_path)) {
    if (!configured)
      return tl::unexpected(std::move(configured.error()).with_context("reading the root document to pin"));
    auto root = pin(configured_root, *configured);
    if (!root) return tl::unexpected(root.error());
    auto kept = host::write_file_durably(pinned_path, *configured);
    if (!kept) return tl::unexpected(std::move(kept.error()).with_context("pinning the root document"));
    store.root_ = *root;
    return store;
  }
  auto pinned = host::read_file(pinned_path, root_envelope_len_max);
  if (!pinned) return tl::unexpected(std::move(pinned.error()).with_context("reading the pinned root document"));
  auto root = pin(pinned_path, *pinned);
  if (!root) return tl::unexpected(root.error());
  store.root_ = *root;
  store.differs_ = configured && *configured != *pinned;
  if (!exists(store.chain_path_)) return store;

  auto bytes = host::read_file(store.chain_path_, limits::root_chain_len_max + digest_len);
  if (!bytes) return tl::unexpected(std::move(bytes.error()).with_context("reading the chain of root documents"));
  const auto size = bytes->size() < digest_len ? 0 : bytes->size() - digest_len;
  const ByteView chain(bytes->data(), size);
  if (size == 0 || std::memcmp(trust::sha256(chain).bytes.data(), chain.end(), digest_len) != 0) {
    return tl::unexpected(
        Error{ErrorKind::invalid,
              "the chain of root documents " + store.chain_path_ +
                  " is damaged; remove it to start from the pinned root again, the broker sends the chain at the "
                  "next connection"});
  }
  const AlignedBytes copy(chain);
  // It may well stop early, where it stopped when it was taken.
  static_cast<void>(trust::advance_root(copy.view(), store.root_));
  return store;
}

tl::expected<bool, Error> TrustStore::advance(ByteView chain, trust::TrustFault& fault) {
  auto root = root_;
  const AlignedBytes copy(chain);
  fault = trust::advance_root(copy.view(), root);
  if (root.version <= root_.version) return false;
  Bytes bytes(chain.begin(), chain.end());
  const auto digest = trust::sha256(chain);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  auto kept = host::write_file_durably(chain_path_, bytes);
  if (!kept) return tl::unexpected(std::move(kept.error()).with_context("keeping the chain of root documents"));
  root_ = root;
  return true;
}

}  // namespace muster::edge
