#include "broker-plugin/core/writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker-plugin/core/bug_guard.h"
#include "broker-plugin/store/keys.h"
#include "schemas/topics.h"

namespace muster::broker {

// One group commit: what the works of it amount to once later ones have replaced earlier ones.
struct Writer::Batch {
  std::vector<Record> records;
  std::vector<const AssignWork*> assigns;                    // the last of each device
  std::vector<const rules::Direct*> directs;                 // the last of each scope
  std::unordered_map<const void*, std::size_t> envelope_of;  // AssignWork or Direct → index in its list
  Sealer::Sealed sealed;
  AuditTail tail;
  std::uint64_t now_s = 0;
  std::size_t audits = 0;
};

namespace {

// The topic whose retained message a directive replaces; empty for a scope that is none.
TopicText directive_topic(std::string_view scope) {
  if (scope == "fleet") return format_topic({TopicKind::fleet_directive, {}});
  const auto slash = scope.find('/');
  if (slash == std::string_view::npos) return {};
  const auto kind = scope.substr(0, slash) == "device" ? TopicKind::device_directive : TopicKind::group_directive;
  return format_topic({kind, scope.substr(slash + 1)});
}

Publication retained(const TopicText& topic, Bytes envelope) {
  return {{}, std::string(topic.view()), Payload::of(std::move(envelope)), 1, true};
}

std::uint64_t micros_since(std::chrono::steady_clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count());
}

// Only the last change of each key, in the keys' order: the store takes sorted batches several times faster. What is
// sorted are pointers, and each record moves once: a wave of 100 000 devices has twice as many records.
void sort_and_replace(std::vector<Record>& records) {
  std::vector<Record*> order;
  order.reserve(records.size());
  for (auto& record : records) order.push_back(&record);
  std::sort(order.begin(), order.end(), [](const Record* a, const Record* b) {
    const int difference = a->key.compare(b->key);
    return difference != 0 ? difference < 0 : a < b;
  });
  std::vector<Record> kept;
  kept.reserve(records.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool is_replaced = i + 1 < order.size() && order[i + 1]->key == order[i]->key;
    if (!is_replaced) kept.push_back(std::move(*order[i]));
  }
  records = std::move(kept);
}

// While the outbox waits for a tick, the wake-up is repeated this often.
constexpr std::chrono::milliseconds nudge_interval(2);

}  // namespace

Writer::Writer(BatchSink& sink, Sealer sealer, AuditTail tail, Outbox& outbox,
               std::function<void(const std::string&)> on_failure)
    : sink_(sink), sealer_(std::move(sealer)), outbox_(outbox), on_failure_(std::move(on_failure)), tail_(tail) {
  audit_seq_ = tail.seq;
}

Writer::~Writer() {
  stop();
}

void Writer::start() {
  thread_ = std::thread([this] { run(); });
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Writer::submit(Work work) {
  const auto size = work.size();
  if (size == 0) return;
  const auto depth = depth_.fetch_add(size, std::memory_order_relaxed) + size;
  if (depth > depth_max_.load(std::memory_order_relaxed)) depth_max_.store(depth, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  filled_.notify_one();
}

WriterNumbers Writer::numbers() const {
  WriterNumbers numbers;
  numbers.batches = batches_;
  numbers.records = records_;
  numbers.last_sync_us = last_sync_us_;
  numbers.audit_seq = audit_seq_;
  numbers.queue_depth = depth_;
  numbers.queue_max = depth_max_;
  return numbers;
}

void Writer::run() {
  std::vector<Work> works;
  while (take(works)) {
    process(works);
    std::size_t size = 0;
    for (const auto& work : works) size += work.size();
    works.clear();
    depth_.fetch_sub(size, std::memory_order_relaxed);
  }
}

bool Writer::take(std::vector<Work>& works) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || !queue_.empty(); };
  while (!ready()) {
    lock.unlock();
    const bool waiting = outbox_.nudge();
    lock.lock();
    if (waiting) {
      filled_.wait_for(lock, nudge_interval, ready);
    } else {
      filled_.wait(lock, ready);
    }
  }
  works.swap(queue_);
  return !works.empty();
}

void Writer::process(std::vector<Work>& works) {
  if (failed_) return fail(works, {});
  Error error;
  const auto bug = catch_bugs([&] {
    Batch batch;
    batch.tail = tail_;
    collect(works, batch);
    auto durable = make_durable(batch);
    if (durable) return release(works, batch);
    error = std::move(durable.error());
  });
  if (!bug.empty()) error = {ErrorKind::internal, "a bug in the writer: " + bug};
  if (!error.message.empty()) fail(works, error);
}

void Writer::collect(std::vector<Work>& works, Batch& batch) {
  std::unordered_map<std::string_view, std::size_t> devices, scopes;
  // Of several for the same device or scope, only the last is signed.
  const auto replace = [](auto& places, std::string_view name, auto& list, auto* item) {
    const auto [at, added] = places.try_emplace(name, list.size());
    if (added) {
      list.push_back(item);
    } else {
      list[at->second] = item;
    }
  };
  for (auto& work : works) {
    batch.now_s = std::max(batch.now_s, work.now_s);
    for (auto& record : work.records) batch.records.push_back(std::move(record));
    for (auto& entry : work.audit) {
      append_to_chain(batch.tail, entry);
      batch.records.push_back({keys::audit_key(entry.seq), encode_entry(entry)});
      ++batch.audits;
    }
    for (const auto& assign : work.assigns) replace(devices, assign.assign.device, batch.assigns, &assign);
    for (const auto& direct : work.directs) replace(scopes, direct.scope, batch.directs, &direct);
  }
}

tl::expected<void, Error> Writer::make_durable(Batch& batch) {
  auto sealed = sealer_.seal(batch.assigns, batch.directs, batch.audits > 0 ? &batch.tail : nullptr, batch.now_s);
  if (!sealed) return tl::unexpected(std::move(sealed.error()));
  batch.sealed = std::move(*sealed);
  for (std::size_t i = 0; i < batch.assigns.size(); ++i) {
    batch.envelope_of[batch.assigns[i]] = i;
    batch.records.push_back({keys::join(keys::assignment, batch.assigns[i]->assign.device),
                             std::string(ByteView(batch.sealed.assignments[i]).text())});
  }
  for (std::size_t i = 0; i < batch.directs.size(); ++i) {
    batch.envelope_of[batch.directs[i]] = i;
    batch.records.push_back({keys::join(keys::directive, batch.directs[i]->scope),
                             std::string(ByteView(batch.sealed.directives[i]).text())});
  }
  if (batch.audits > 0) {
    batch.records.push_back({std::string(keys::audit_head), encode_head({batch.tail, batch.sealed.audit_head})});
  }
  if (batch.records.empty()) return {};  // only effects: nothing to make durable
  batch.records.push_back({std::string(keys::time), keys::u64_value(batch.now_s)});
  sort_and_replace(batch.records);
  const auto start = std::chrono::steady_clock::now();
  if (auto written = sink_.write(batch.records); !written) return written;
  last_sync_us_ = micros_since(start);
  ++batches_;
  records_ += batch.records.size();
  tail_ = batch.tail;
  audit_seq_ = tail_.seq;
  return {};
}

void Writer::release(std::vector<Work>& works, Batch& batch) {
  std::vector<Outbox::Item> items;
  for (auto& work : works) {
    // Orders first, as the engine gave them: a device must know of a thaw before it gets the release that was frozen.
    for (const auto& direct : work.directs) {
      const auto envelope = batch.envelope_of.find(&direct);
      if (envelope == batch.envelope_of.end()) continue;  // a later one of the same batch has replaced it
      items.emplace_back(retained(directive_topic(direct.scope), std::move(batch.sealed.directives[envelope->second])));
    }
    for (const auto& assign : work.assigns) {
      const auto envelope = batch.envelope_of.find(&assign);
      if (envelope == batch.envelope_of.end()) continue;
      items.emplace_back(retained(format_topic({TopicKind::device_assignment, assign.assign.device}),
                                  std::move(batch.sealed.assignments[envelope->second])));
    }
    for (auto& after : work.after) {
      if (auto* publication = std::get_if<Publication>(&after)) {
        items.emplace_back(std::move(*publication));
      } else {
        items.emplace_back([call = std::move(std::get<AfterCall>(after))] { call(true); });
      }
    }
  }
  outbox_.put(std::move(items));
}

void Writer::fail(std::vector<Work>& works, const Error& error) {
  std::vector<Outbox::Item> items;
  if (!failed_) items.emplace_back([report = on_failure_, message = error.message] { report(message); });
  failed_ = true;
  for (auto& work : works) {
    for (auto& after : work.after) {
      if (auto* call = std::get_if<AfterCall>(&after)) items.emplace_back([call = std::move(*call)] { call(false); });
    }
  }
  outbox_.put(std::move(items));
}

}  // namespace muster::broker
