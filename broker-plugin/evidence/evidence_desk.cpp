#include "broker-plugin/evidence/evidence_desk.h"

#include <map>
#include <utility>

#include "broker-plugin/core/bug_guard.h"
#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/store/keys.h"
#include "schemas/ack_generated.h"
#include "schemas/topics.h"

namespace muster::broker {
namespace {

constexpr std::size_t batch_max = 16;  // pieces made durable together; operators' jobs wait for no more than these
constexpr std::chrono::minutes sweep_interval(10);

std::string key_of(const EvidenceId& id) {
  return keys::join(keys::evidence, id.device + "/" + to_hex(id.bundle));
}

Publication ack_of(const std::string& client, const EvidenceId& id, std::uint64_t offset) {
  flatbuffers::FlatBufferBuilder builder(128);
  const auto digest = wire_digest(id.bundle);
  wire::FinishAckBuffer(builder, wire::CreateAck(builder, &digest, offset));
  return {client, std::string(format_topic({TopicKind::ack, id.device}).view()),
          Payload::of(Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize())), 1, false};
}

}  // namespace

// One visit to the disk: what it is about, and what the broker's thread is to do afterwards.
struct EvidenceDesk::Batch {
  std::vector<Waiting> pieces;
  std::vector<Known> recorded;
  std::uint64_t sweep_s = 0;
  std::uint64_t room = 0;
  std::vector<Outbox::Item> after;
};

EvidenceDesk::EvidenceDesk(EvidenceFiles files, EngineHost& engine, JobThread& jobs, Outbox& outbox, Refused refused,
                           std::function<void(const std::string&)> on_trouble)
    : files_(std::move(files)),
      engine_(engine),
      jobs_(jobs),
      outbox_(outbox),
      refused_(std::move(refused)),
      on_trouble_(std::move(on_trouble)) {}

tl::expected<void, Error> EvidenceDesk::start(const Store& store) {
  std::vector<EvidenceId> lost;
  auto scanned = store.scan(keys::evidence, {}, [&](std::string_view name, std::string_view value) {
    EvidenceId id;
    const auto slash = name.find('/');
    id.device = name.substr(0, slash);
    const bool is_name = slash != std::string_view::npos && parse_hex(name.substr(slash + 1), id.bundle);
    if (is_name && !files_.recorded(id, keys::u64_from(value))) lost.push_back(std::move(id));
    return true;
  });
  if (!scanned) return scanned;
  forget(lost);
  for (const auto& bundle : files_.unrecorded()) record(bundle, {});
  static_cast<EvidenceNumbers&>(numbers_) = files_.numbers();
  return {};
}

std::string_view EvidenceDesk::take(const std::string& client, EvidencePiece piece) {
  const auto room = room_.load();
  if (room == 0) return "unsupported";
  if (piece.total > room) return "over_limit";
  auto& unanswered = unanswered_[piece.id.device];
  if (unanswered >= window) return "evidence_window";
  if (waiting_ >= waiting_max) {
    if (unanswered == 0) unanswered_.erase(piece.id.device);
    return "queue_full";
  }
  ++unanswered;
  ++waiting_;
  piece.now_s = engine_.now_s();
  {
    const std::lock_guard lock(mutex_);
    intake_.pieces.push_back({client, std::move(piece)});
  }
  schedule();
  return {};
}

void EvidenceDesk::tick(std::chrono::steady_clock::time_point now) {
  if (now - swept_ >= sweep_interval) {
    swept_ = now;
    const std::lock_guard lock(mutex_);
    intake_.sweep_s = engine_.now_s();
  }
  schedule();
}

// Any thread. A job that is not taken is tried again with the next piece or tick.
void EvidenceDesk::schedule() {
  {
    const std::lock_guard lock(mutex_);
    if (intake_.scheduled || intake_.empty()) return;
    intake_.scheduled = true;
  }
  if (jobs_.submit([this] { work(); })) return;
  const std::lock_guard lock(mutex_);
  intake_.scheduled = false;
}

void EvidenceDesk::work() {
  Batch batch;
  batch.room = room_.load();
  {
    const std::lock_guard lock(mutex_);
    for (; !intake_.pieces.empty() && batch.pieces.size() < batch_max; intake_.pieces.pop_front())
      batch.pieces.push_back(std::move(intake_.pieces.front()));
    batch.recorded = std::exchange(intake_.recorded, {});
    batch.sweep_s = std::exchange(intake_.sweep_s, 0);
    intake_.scheduled = false;
  }
  std::vector<std::string> devices;
  for (const auto& waiting : batch.pieces) devices.push_back(waiting.piece.id.device);
  if (const auto bug = catch_bugs([&] { perform(batch); }); !bug.empty())
    on_trouble_("a bug in keeping evidence: " + bug);
  batch.after.emplace_back(
      [this, devices = std::move(devices), numbers = files_.numbers()] { answered(devices, numbers); });
  outbox_.put(std::move(batch.after));
  schedule();
}

void EvidenceDesk::perform(Batch& batch) {
  std::vector<EvidenceId> gone;
  for (const auto& [id, time_s] : batch.recorded) {
    if (!files_.recorded(id, time_s)) gone.push_back(id);  // it had to go in the meantime
  }
  const auto refuse = [&](const EvidenceFiles::Refusal& refusal, const std::string& device) {
    if (!refusal.trouble.empty()) on_trouble_(refusal.trouble);
    batch.after.emplace_back([this, reason = refusal.label, device] { refused_(reason, device); });
  };
  std::map<EvidenceId, std::string> touched;  // with the client that is answered
  for (const auto& [client, piece] : batch.pieces) {
    if (const auto put = files_.put(piece, batch.room); !put) {
      refuse(put.error(), piece.id.device);
    } else {
      touched[piece.id] = client;
    }
  }
  for (const auto& [id, client] : touched) {
    const auto settled = files_.settle(id);
    if (!settled) {
      refuse(settled.error(), id.device);
      continue;
    }
    if (!settled->lied.empty()) refuse({settled->lied}, id.device);
    if (settled->to_record) {
      const EvidenceBundle bundle{id, settled->offset, settled->offset, settled->time_s, true};
      batch.after.emplace_back([this, bundle, to = client] { record(bundle, to); });
    } else {
      batch.after.emplace_back(ack_of(client, id, settled->offset));
    }
  }
  if (batch.sweep_s != 0) files_.sweep(batch.sweep_s, batch.room);
  for (auto& id : files_.take_gone()) gone.push_back(std::move(id));
  if (!gone.empty()) batch.after.emplace_back([this, gone = std::move(gone)] { forget(gone); });
}

void EvidenceDesk::answered(const std::vector<std::string>& devices, const EvidenceNumbers& numbers) {
  static_cast<EvidenceNumbers&>(numbers_) = numbers;
  waiting_ -= devices.size();
  for (const auto& device : devices) {
    const auto at = unanswered_.find(device);
    if (at != unanswered_.end() && --at->second == 0) unanswered_.erase(at);
  }
}

// Record, audit entry and Ack in this order, the first two in one batch: a bundle is never acknowledged as complete
// without standing in the audit record, and stands there once.
void EvidenceDesk::record(const EvidenceBundle& bundle, const std::string& client) {
  const auto& id = bundle.id;
  if (!recording_.insert(id).second) return;
  Work work;
  work.records.push_back({key_of(id), keys::u64_value(bundle.time_s)});
  work.audit.push_back({0,
                        engine_.now_s(),
                        id.device,
                        "evidence.received",
                        to_hex(id.bundle),
                        std::to_string(bundle.total) + " bytes",
                        {}});
  work.after.emplace_back([this, id, time_s = bundle.time_s](bool durable) {
    recording_.erase(id);
    if (!durable) return;
    ++numbers_.received;
    {
      const std::lock_guard lock(mutex_);
      intake_.recorded.push_back({id, time_s});
    }
    schedule();
  });
  if (!client.empty()) work.after.emplace_back(ack_of(client, id, bundle.total));
  engine_.submit(std::move(work));
}

void EvidenceDesk::forget(const std::vector<EvidenceId>& gone) {
  Work work;
  for (const auto& id : gone) work.records.push_back({key_of(id), std::nullopt});
  if (!work.empty()) engine_.submit(std::move(work));
}

}  // namespace muster::broker
