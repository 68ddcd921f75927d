#include "operator/upload.h"

#include <algorithm>
#include <deque>
#include <fstream>

#include "host/base64.h"
#include "operator/decode.h"
#include "operator/release_evidence.h"
#include "operator/wire_digest.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

// Each piece is a request of its own, since the broker answers a request's commands one after the other; requests are
// worked on in the order in which they come. This many under way keep the broker's disk and the line busy together.
constexpr std::size_t pieces_under_way_max = 16;
// endBlob reads and syncs the whole file before it is answered; a small broker's disk is given this much time for it.
constexpr std::uint64_t slow_disk_bytes_per_s = 10 * 1024 * 1024;

struct File {
  std::string name, path;
  Sha256 digest;
  std::uint64_t size = 0;
};

// What devices fetch, and behind it the evidence, which only operators do.
tl::expected<std::vector<File>, Error> files_of(const std::string& folder, const LocalRelease& release) {
  std::vector<File> files;
  const auto add = [&](File file) {
    // Two names may share one content.
    const bool known =
        std::any_of(files.begin(), files.end(), [&](const File& other) { return other.digest == file.digest; });
    if (!known) files.push_back(std::move(file));
  };
  for (const auto* entry : *release.manifest().files()) {
    File file;
    file.name = entry->name()->str();
    file.digest = digest_of(entry->sha256());
    file.path = blob_path(folder, file.digest);
    file.size = entry->size();
    add(std::move(file));
  }
  const auto evidence = stored_evidence(folder, release);
  if (!evidence) return tl::make_unexpected(evidence.error());
  for (const auto& file : evidence->files) add({file.name, evidence_path(folder, file.sha256), file.sha256, file.size});
  return files;
}

// Reads pieces of one file, in order, as putBlob requests.
class PieceReader {
 public:
  PieceReader(const File& file, std::uint64_t offset)
      : file_(file), stream_(file.path, std::ios::binary), offset_(offset) {
    stream_.seekg(static_cast<std::streamoff>(offset));
  }
  [[nodiscard]] bool at_end() const { return offset_ >= file_.size; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  tl::expected<Request, Error> next() {
    Bytes data(static_cast<std::size_t>(std::min<std::uint64_t>(limits::chunk_data_len_max, file_.size - offset_)));
    if (!stream_.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()))) {
      return tl::make_unexpected(Error{
          ErrorKind::io,
          "cannot read " + file_.path + ": it is missing or shorter than the manifest says; build the release again"});
    }
    Request request{"putBlob",
                    {{"digest", to_hex(file_.digest)}, {"offset", offset_}, {"data", host::to_base64(data)}}};
    offset_ += data.size();
    return request;
  }

 private:
  const File& file_;
  std::ifstream stream_;
  std::uint64_t offset_;
};

// Sends everything of `file` from `offset` on.
tl::expected<void, Error> send_pieces(ControlClient& client, const File& file, std::uint64_t offset,
                                      const std::function<void(std::uint64_t)>& sent) {
  PieceReader reader(file, offset);
  struct UnderWay {
    std::uint64_t ticket, end;
  };
  std::deque<UnderWay> under_way;
  while (!reader.at_end() || !under_way.empty()) {
    while (!reader.at_end() && under_way.size() < pieces_under_way_max) {
      auto request = reader.next();
      if (!request) return tl::make_unexpected(std::move(request.error()));
      auto ticket = client.send(*request);
      if (!ticket) return tl::make_unexpected(std::move(ticket.error()));
      under_way.push_back({*ticket, reader.offset()});
    }
    auto answer = client.wait(under_way.front().ticket);
    if (!answer) return tl::make_unexpected(std::move(answer.error()));
    sent(under_way.front().end);
    under_way.pop_front();
  }
  return {};
}

// True when bytes of the file were sent, false when the broker had it.
tl::expected<bool, Error> upload_file(ControlClient& client, const File& file, UploadResult& result,
                                      const std::function<void(std::uint64_t)>& at) {
  auto begun = client.call({"beginBlob", {{"digest", to_hex(file.digest)}, {"size", file.size}}});
  if (!begun) return tl::make_unexpected(std::move(begun.error()));
  const auto offset = decode_offset(*begun);
  if (!offset) return tl::make_unexpected(offset.error());
  if (*offset > file.size) {
    return tl::make_unexpected(
        Error{ErrorKind::internal,
              "the broker asked to go on at byte " + std::to_string(*offset) + " of " + std::to_string(file.size)});
  }
  at(*offset);
  if (*offset == file.size && file.size != 0) return false;
  if (auto sent = send_pieces(client, file, *offset, at); !sent) return tl::make_unexpected(std::move(sent.error()));
  const auto patience_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(file.size / slow_disk_bytes_per_s, 3600));
  auto ended = client.call({"endBlob", {{"digest", to_hex(file.digest)}}, patience_s});
  if (!ended) return tl::make_unexpected(std::move(ended.error()));
  result.bytes_sent += file.size - *offset;
  return file.size != 0;  // of an empty file the offset does not tell whether the broker had it
}

}  // namespace

tl::expected<UploadResult, Error> publish_release(ControlClient& client, const std::string& folder,
                                                  const LocalRelease& release, const std::string& reason,
                                                  const UploadProgress& progress) {
  const auto files = files_of(folder, release);
  if (!files) return tl::make_unexpected(files.error());
  UploadResult result;
  result.files_total = files->size();
  for (const auto& file : *files) result.bytes_total += file.size;
  std::uint64_t before = 0;
  for (const auto& file : *files) {
    auto sent =
        upload_file(client, file, result, [&](std::uint64_t offset) { progress(before + offset, result.bytes_total); });
    if (!sent) return tl::make_unexpected(std::move(sent.error()).with_context("uploading " + file.name));
    if (*sent) ++result.files_sent;
    before += file.size;
  }
  Request publish{"publishRelease", {{"envelope", host::to_base64(release.envelope())}}};
  if (!reason.empty()) publish.fields.emplace_back("reason", reason);
  auto published = client.call(publish);
  if (!published) return tl::make_unexpected(std::move(published.error()));
  result.release_json = std::move(*published);
  return result;
}

}  // namespace muster::ctl
