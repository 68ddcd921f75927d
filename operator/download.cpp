#include "operator/download.h"

#include <algorithm>

#include "host/bulk_digest.h"
#include "operator/decode.h"
#include "schemas/limits.h"

namespace muster::ctl {

tl::expected<Bytes, Error> download(ControlClient& client, const Request& request, const Sha256& digest,
                                    std::uint64_t len_max) {
  Bytes bytes;
  host::BulkDigest check;
  for (bool more = true; more;) {
    Request piece = request;
    piece.fields.emplace_back("offset", std::uint64_t{bytes.size()});
    piece.fields.emplace_back("length", std::uint64_t{limits::chunk_data_len_max});
    const auto answer = client.call(piece);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto part = decode_part(*answer);
    if (!part) return tl::make_unexpected(part.error());
    const auto room = part->size - std::min<std::uint64_t>(part->size, bytes.size());
    if (part->size > len_max || part->data.size() > room || (part->data.empty() && room != 0)) {
      return tl::make_unexpected(
          Error{ErrorKind::invalid, "the broker sends another number of bytes than there are of " + to_hex(digest)});
    }
    bytes.insert(bytes.end(), part->data.begin(), part->data.end());
    more = bytes.size() < part->size;
  }
  check.update(bytes);
  if (check.finish() == digest) return bytes;
  return tl::make_unexpected(Error{ErrorKind::invalid, "what the broker sent as " + to_hex(digest).substr(0, 12) +
                                                           " has another digest: it was damaged there, or on the way"});
}

}  // namespace muster::ctl
